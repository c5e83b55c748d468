//! Connections of whoever reaches the listener of deliveries: a bounded number, and none without an end.
//!
//! Nobody has proved anything yet when a connection is there, and each costs memory and a descriptor that the store and the
//! forge's client need as well. So no more than [`PLACES`] are open; who comes then waits where the system keeps those that
//! nobody has taken. Race decided here: one moment, counted from a request's first byte, ends whatever has no answer by
//! then, however often a byte arrives; the handler of deliveries has answered before. A connection on which nothing is asked
//! is kept for a while, since a forge sends its next delivery over it.

use axum::serve::Listener;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep_until};

/// How many connections are open at most: half of the descriptors that a process has where nobody gave it more.
pub(super) const PLACES: usize = 512;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// A request, from its first byte (or the connection) to the first byte of its answer.
    pub(super) request: Duration,
    /// From an answer to the first byte of the next request.
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

/// Takes connections, as many as there are places for.
#[derive(Debug)]
pub(super) struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
    patience: Patience,
}

impl Bounded {
    pub(super) fn new(listener: TcpListener, places: usize, patience: Patience) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(places)), patience }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let place = Arc::clone(&self.places).acquire_owned().await.expect("nobody closes the places");
        let (stream, address) = Listener::accept(&mut self.listener).await;
        (Connection::new(stream, place, self.patience), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// Nothing was asked since the last answer.
    Idle,
    /// Something was.
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
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, place: OwnedSemaphorePermit, patience: Patience) -> Self {
        let over = Box::pin(sleep_until(Instant::now() + patience.request));
        Self { stream, patience, doing: Doing::Asking, over, stuck: None, _place: place }
    }

    fn is(&mut self, doing: Doing, patience: Duration) {
        self.doing = doing;
        self.over.as_mut().reset(Instant::now() + patience);
    }

    /// What came of writing: so long as the peer takes something, it may take its time.
    fn wrote<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            self.is(Doing::Idle, self.patience.idle);
            return written;
        }
        let until = Instant::now() + self.patience.answer;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep_until(until)));
        stuck.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_pending() {
            return self.over.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()));
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
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
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
