//! Connections that can be broken on purpose: before an answer, instead of an answer, or all at once.
//!
//! A handler cannot close its connection: whatever it returns is an answer. So the listeners hand out streams with a
//! token, and whoever finds the token in a request can make every later read and write fail, which ends the connection
//! without a byte of answer, as a network does.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

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

impl BreakableStream {
    pub(crate) fn new(stream: TcpStream, broken: CancellationToken) -> Self {
        // Small frames must not wait for each other; a connection on which that cannot be set is only slower.
        let _ = stream.set_nodelay(true);
        let breaks = Box::pin(broken.clone().cancelled_owned());
        Self { stream, broken, breaks }
    }

    pub(crate) fn breaker(&self) -> Breaker {
        Breaker(self.broken.clone())
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
