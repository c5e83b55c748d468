//! Connections of whoever reaches the listener of deliveries: a bounded number, and none without an end.
//!
//! Nobody has proved anything yet when a connection is there, and each costs memory and a descriptor that the store and the
//! forge's client need as well. So no more than [`PLACES`] are open, and who comes then gets the place of the one that has
//! been open for longest without asking for anything whole: what asks whether caretaker lives comes over the same listener
//! and takes milliseconds, so however many strangers sit here, it is answered. Races decided here: one moment, counted from
//! the connection's beginning or from the first byte that comes after something was written, ends whatever has nothing
//! written by then, however often a byte arrives; the handler of deliveries has answered before. What is written need not be
//! an answer (`100 Continue` is not: the body that follows it has its own time from its first byte), and of a request that
//! came in one piece with the end of the one before no first byte is seen any more: it is idle time, until the next byte
//! comes. So a connection lasts for as long as somebody speaks over it, and none is silent for longer than the idle time.
//! Whether a connection is being answered or sent away is one state behind one lock, so no request is
//! worked on whose connection somebody else got. A connection on which nothing is asked is kept for a while, since a forge
//! sends its next delivery over it. Only HTTP/1 is spoken, whatever the libraries could do: one connection of HTTP/2 asks
//! many things at once, for as long as it likes.

use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::extract::connect_info::{ConnectInfo, Connected, IntoMakeServiceWithConnectInfo};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::serve::{IncomingStream, Listener};
use futures::{StreamExt as _, stream};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How many connections are open at most: half of the descriptors that a process has where nobody gave it more.
pub(super) const PLACES: usize = 512;

/// How long one that is sent away has to go before another is sent away as well.
const GOING: Duration = Duration::from_millis(100);

/// How a connection begins whose other side speaks HTTP/2 without having asked: no method of HTTP/1 is called that.
const HTTP2: &[u8] = b"PRI ";

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// From the connection, or the first byte after something was written, to the next byte that is written.
    pub(super) request: Duration,
    /// From what was written last to the next byte that comes.
    pub(super) idle: Duration,
    /// A peer that takes nothing of its answer.
    pub(super) answer: Duration,
}

/// Headers have as long as remains besides the four seconds of a delivery.
pub(super) const PATIENCE: Patience = Patience {
    request: Duration::from_secs(10),
    idle: Duration::from_mins(1),
    answer: Duration::from_secs(10),
};

/// Where a connection stands with whoever else wants its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// No whole request has come since the last answer.
    Waiting,
    /// One has, and its answer is not on its way yet.
    Answered,
    /// Another has got its place.
    SentAway,
}

/// A connection's place, as those know it who work on what is asked over it.
#[derive(Debug, Clone)]
pub(super) struct Seat(Arc<Place>);

#[derive(Debug)]
struct Place {
    standing: Mutex<Standing>,
    gone: CancellationToken,
}

impl Seat {
    fn new() -> Self {
        Self(Arc::new(Place { standing: Mutex::new(Standing::Waiting), gone: CancellationToken::new() }))
    }

    /// A whole request has come: from now on nobody gets the place. `false`: somebody has got it.
    fn is_asked(&self) -> bool {
        let mut standing = self.0.standing();
        if *standing == Standing::Waiting {
            *standing = Standing::Answered;
        }
        *standing == Standing::Answered
    }

    /// The answer is on its way.
    fn has_answered(&self) {
        let mut standing = self.0.standing();
        if *standing == Standing::Answered {
            *standing = Standing::Waiting;
        }
    }
}

impl Place {
    fn standing(&self) -> MutexGuard<'_, Standing> {
        // One word, whole after every statement, whoever panicked.
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the connection, unless it is being answered or ends already.
    fn send_away(&self) -> bool {
        let mut standing = self.standing();
        let waits = *standing == Standing::Waiting;
        if waits {
            *standing = Standing::SentAway;
            self.gone.cancel();
        }
        waits
    }
}

impl Connected<IncomingStream<'_, Bounded>> for Seat {
    fn connect_info(stream: IncomingStream<'_, Bounded>) -> Self {
        stream.io().seat.clone()
    }
}

/// A router whose connections keep their places while it answers.
pub(super) fn seated(router: Router) -> IntoMakeServiceWithConnectInfo<Router, Seat> {
    router.layer(from_fn(keep_seat)).into_make_service_with_connect_info()
}

/// Keeps the place from when the request is whole.
async fn keep_seat(ConnectInfo(seat): ConnectInfo<Seat>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        // Nobody reads that: the connection is gone.
        return if seat.is_asked() {
            next.run(request).await
        } else {
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        };
    }
    let end = stream::once(async move {
        let gone = || axum::Error::new(io::Error::from(io::ErrorKind::ConnectionAborted));
        if seat.is_asked() { Ok(Bytes::new()) } else { Err(gone()) }
    });
    let request = request.map(|body| Body::from_stream(body.into_data_stream().chain(end)));
    next.run(request).await
}

/// Takes connections, as many as there are places for.
#[derive(Debug)]
pub(super) struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
    /// Those that were taken, the oldest first.
    taken: Vec<Weak<Place>>,
    patience: Patience,
}

impl Bounded {
    pub(super) fn new(listener: TcpListener, places: usize, patience: Patience) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(places)), taken: Vec::new(), patience }
    }

    /// A place, at the cost of the oldest that has asked for nothing whole where there is none.
    async fn place(&mut self) -> OwnedSemaphorePermit {
        loop {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                return place;
            }
            let sent = self.taken.iter().filter_map(Weak::upgrade).any(|place| place.send_away());
            tracing::debug!(sent, "all places are taken; the oldest that asks for nothing is sent away");
            if let Ok(place) = timeout(GOING, Arc::clone(&self.places).acquire_owned()).await {
                return place.expect("nobody closes the places");
            }
        }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let place = self.place().await;
        let connection = Connection::new(stream, place, self.patience);
        self.taken.retain(|place| place.strong_count() > 0);
        self.taken.push(Arc::downgrade(&connection.seat.0));
        (connection, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// Nothing came since something was written.
    Idle,
    /// Something did.
    Asking,
}

/// A connection that ends.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    patience: Patience,
    doing: Doing,
    /// When it has had its time.
    over: Pin<Box<Sleep>>,
    /// When the peer has had its time to take more of an answer; `None`: it takes what there is.
    stuck: Option<Pin<Box<Sleep>>>,
    /// How many bytes it has begun as HTTP/2 does; `None`: it does not.
    begins: Option<usize>,
    seat: Seat,
    gone: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, place: OwnedSemaphorePermit, patience: Patience) -> Self {
        let over = Box::pin(sleep_until(Instant::now() + patience.request));
        let seat = Seat::new();
        let gone = Box::pin(seat.0.gone.clone().cancelled_owned());
        let (doing, stuck, begins) = (Doing::Asking, None, Some(0));
        Self { stream, patience, doing, over, stuck, begins, seat, gone, _place: place }
    }

    /// Fails where another has got the place.
    fn is_kept(&self) -> io::Result<()> {
        if self.seat.0.gone.is_cancelled() { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }

    /// Fails as soon as another gets the place.
    fn stays<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.gone.as_mut().poll(context).map(|()| Err(io::ErrorKind::ConnectionAborted.into()))
    }

    /// Whether the connection turns out to be one of HTTP/2.
    fn is_http2(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            let Some(begun) = self.begins else { return false };
            self.begins = (HTTP2.get(begun) == Some(byte)).then_some(begun + 1);
            if self.begins == Some(HTTP2.len()) {
                return true;
            }
        }
        false
    }

    fn is(&mut self, doing: Doing, patience: Duration) {
        self.doing = doing;
        self.over.as_mut().reset(Instant::now() + patience);
    }

    /// What came of writing: so long as the peer takes something, it may take its time.
    fn wrote<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        // Also where the peer takes nothing: no answer here is too long for the system to keep.
        self.seat.has_answered();
        if written.is_ready() {
            self.stuck = None;
            self.is(Doing::Idle, self.patience.idle);
            return written;
        }
        let until = Instant::now() + self.patience.answer;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if stuck.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.stays(context)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.is_kept()?;
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_pending() {
            if self.over.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            return self.stays(context);
        }
        if self.is_http2(&buffer.filled()[before..]) {
            return Poll::Ready(Err(io::ErrorKind::Unsupported.into()));
        }
        if buffer.filled().len() > before && self.doing == Doing::Idle {
            let patience = self.patience.request;
            self.is(Doing::Asking, patience);
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.is_kept()?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.is_kept()?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.wrote(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
