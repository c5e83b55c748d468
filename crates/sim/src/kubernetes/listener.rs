//! A listener whose connections can be broken: before an answer, instead of an answer, or all at once.

use std::future::Future as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::Shared;

/// Accepts connections unless the server is "down".
#[derive(Debug)]
pub(crate) struct BreakableListener {
    pub(crate) listener: TcpListener,
    pub(crate) shared: Arc<Shared>,
}

/// Breaks the connection that a request came by.
#[derive(Clone, Debug)]
pub(crate) struct Breaker(pub(crate) CancellationToken);

/// A connection that ends with an error once its token is cancelled.
#[derive(Debug)]
pub(crate) struct BreakableStream {
    stream: TcpStream,
    broken: CancellationToken,
    breaks: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Listener for BreakableListener {
    type Io = BreakableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = <TcpListener as Listener>::accept(&mut self.listener).await;
            if let Some(broken) = self.shared.faults.connection() {
                // Small frames must not wait for each other.
                let _ = stream.set_nodelay(true);
                let breaks = Box::pin(broken.clone().cancelled_owned());
                return (BreakableStream { stream, broken, breaks }, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, BreakableListener>> for Breaker {
    fn connect_info(stream: IncomingStream<'_, BreakableListener>) -> Self {
        Self(stream.io().broken.clone())
    }
}

fn reset() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionReset)
}

impl AsyncRead for BreakableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.broken.is_cancelled() || self.breaks.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(reset()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for BreakableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.broken.is_cancelled() {
            return Poll::Ready(Err(reset()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
