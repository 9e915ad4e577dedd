//! What goes over a connection, byte by byte.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose received bytes are written down.
pub(crate) fn tapped<T: AsyncRead + AsyncWrite>(stream: T) -> (Tapped<T>, Arc<Mutex<Vec<u8>>>) {
    let seen = Arc::<Mutex<Vec<u8>>>::default();
    let tapped = Tapped {
        stream: Box::pin(stream),
        seen: Arc::clone(&seen),
    };
    (tapped, seen)
}

pub(crate) struct Tapped<T> {
    stream: Pin<Box<T>>,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl<T: AsyncRead> AsyncRead for Tapped<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.stream.as_mut().poll_read(cx, buffer);
        let mut seen = self.seen.lock().unwrap();
        seen.extend_from_slice(&buffer.filled()[before..]);
        read
    }
}

impl<T: AsyncWrite> AsyncWrite for Tapped<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.stream.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.stream.as_mut().poll_shutdown(cx)
    }
}
