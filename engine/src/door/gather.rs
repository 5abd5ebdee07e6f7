//! Small writes of a connection, gathered into few. Each answer that is ready has its connection
//! write at once, and where a group commit answers fifty calls these were fifty calls of the
//! system, each of which wakes the reader as well. So a flush only asks for another turn, after
//! everybody else who is ready now: they get to say what they have, and then all of it is written.
//!
//! This rests on how HTTP/2 connections are driven here: each turn of their task ends in a flush.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};

use bytes::{Buf, BytesMut};
use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// More than this is written without waiting for more.
const MOST: usize = 32 * 1_024;

#[derive(Debug)]
pub(super) struct Gathered<IO> {
    io: IO,
    waiting: BytesMut,
    turn: Arc<Turn>,
    asked: bool,
}

/// The turn that was asked for.
#[derive(Debug)]
struct Turn {
    has_come: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        self.has_come.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl<IO: AsyncWrite + Unpin> Gathered<IO> {
    pub(super) fn new(io: IO) -> Self {
        Self {
            io,
            waiting: BytesMut::new(),
            // What opens a connection goes out at once: its peer may wait for it in silence.
            turn: Arc::new(Turn {
                has_come: AtomicBool::new(true),
                task: AtomicWaker::new(),
            }),
            asked: false,
        }
    }

    /// Writes what has gathered.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            match ready!(Pin::new(&mut self.io).poll_write(cx, &self.waiting))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.waiting.advance(written),
            }
        }
        self.asked = false;
        self.turn.has_come.store(false, Ordering::Release);
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Gathered<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.waiting.len() + bytes.len() > MOST {
            ready!(self.poll_drain(cx))?;
            return Pin::new(&mut self.io).poll_write(cx, bytes);
        }
        self.waiting.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.waiting.is_empty() {
            return Pin::new(&mut self.io).poll_flush(cx);
        }
        self.turn.task.register(cx.waker());
        if self.turn.has_come.load(Ordering::Acquire) {
            ready!(self.poll_drain(cx))?;
            return Pin::new(&mut self.io).poll_flush(cx);
        }
        if !self.asked {
            self.asked = true;
            let waker = Waker::from(Arc::clone(&self.turn));
            let turn = pin!(tokio::task::yield_now());
            if turn.poll(&mut Context::from_waker(&waker)).is_ready() {
                waker.wake();
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Gathered<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, into)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    /// Counts the writes that reach it.
    #[derive(Debug, Default)]
    struct Wire(Vec<Vec<u8>>);

    impl AsyncWrite for Wire {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.0.push(bytes.to_vec());
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn what_is_said_before_the_next_turn_goes_out_as_one_and_by_itself() {
        let mut gathered = Gathered::new(Wire::default());
        let mut turns = 0;
        poll_fn(|cx| {
            turns += 1;
            let mut it = Pin::new(&mut gathered);
            if turns == 1 {
                assert!(it.as_mut().poll_write(cx, b"hello").is_ready());
                assert!(it.as_mut().poll_flush(cx).is_ready());
                assert_eq!(it.io.0, [b"hello"]);
                for word in [b"one ", b"two "] {
                    let taken = it.as_mut().poll_write(cx, word);
                    assert!(matches!(taken, Poll::Ready(Ok(4))));
                    // Several flushes in a turn are still one turn.
                    assert!(it.as_mut().poll_flush(cx).is_ready());
                }
                assert_eq!(it.io.0.len(), 1);
                return Poll::Pending;
            }
            // Nobody else woke this task.
            assert!(it.as_mut().poll_flush(cx).is_ready());
            match it.io.0.len() {
                1 => Poll::Pending,
                _ => Poll::Ready(()),
            }
        })
        .await;
        assert_eq!(gathered.io.0[1..], [b"one two "]);
    }

    #[tokio::test]
    async fn much_is_not_gathered_and_keeps_its_order() {
        let mut gathered = Gathered::new(Wire::default());
        poll_fn(|cx| {
            let mut it = Pin::new(&mut gathered);
            assert!(it.as_mut().poll_write(cx, b"first").is_ready());
            let much = vec![7; MOST];
            assert!(it.as_mut().poll_write(cx, &much).is_ready());
            Poll::Ready(())
        })
        .await;
        assert_eq!(gathered.io.0, [b"first".to_vec(), vec![7; MOST]]);
    }
}
