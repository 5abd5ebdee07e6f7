//! The connections of a TCP door, counted: whoever comes when there are too many is turned away at
//! once, so that strangers cannot take the process's last file handles from its store.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::transport::server::Connected;

use super::gather::Gathered;

/// A connection and its place among those allowed.
#[derive(Debug)]
pub(super) struct Counted {
    stream: TcpStream,
    gathered: Option<Gathered>,
    _place: OwnedSemaphorePermit,
}

/// How answers are written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Writes {
    AtOnce,
    Gathered,
}

pub(super) fn at_most(
    most: usize,
    writes: Writes,
    incoming: impl Stream<Item = io::Result<TcpStream>>,
) -> impl Stream<Item = io::Result<Counted>> {
    let places = Arc::new(Semaphore::new(most));
    incoming.filter_map(move |arrived| {
        let place = Arc::clone(&places).try_acquire_owned();
        let let_in = match (arrived, place) {
            (Ok(stream), Ok(place)) => Some(Ok(Counted {
                stream,
                gathered: matches!(writes, Writes::Gathered).then(Gathered::new),
                _place: place,
            })),
            (Ok(_), Err(_)) => {
                tracing::warn!(most, "a connection was turned away: there are too many");
                None
            }
            (Err(error), _) => Some(Err(error)),
        };
        std::future::ready(let_in)
    })
}

impl Connected for Counted {
    type ConnectInfo = <TcpStream as Connected>::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self {
            stream, gathered, ..
        } = &mut *self;
        let stream = Pin::new(stream);
        match gathered {
            Some(gathered) => gathered.poll_write(stream, cx, bytes),
            None => stream.poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.gathered.is_none() {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        }
        let first = pieces.iter().find(|piece| !piece.is_empty());
        self.poll_write(cx, first.map_or(&[][..], |piece| piece))
    }

    fn is_write_vectored(&self) -> bool {
        // What is gathered is copied anyhow, and is to be offered in one piece.
        self.gathered.is_none() && self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self {
            stream, gathered, ..
        } = &mut *self;
        let stream = Pin::new(stream);
        match gathered {
            Some(gathered) => gathered.poll_flush(stream, cx),
            None => stream.poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self {
            stream, gathered, ..
        } = &mut *self;
        let mut stream = Pin::new(stream);
        if let Some(gathered) = gathered {
            ready!(gathered.poll_drain(stream.as_mut(), cx))?;
        }
        stream.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;
    use tonic::transport::server::TcpIncoming;

    use super::*;

    #[tokio::test]
    async fn one_too_many_is_turned_away_until_another_leaves() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = at_most(1, Writes::AtOnce, TcpIncoming::from(listener));
        tokio::pin!(incoming);
        let connect = async || TcpStream::connect(address).await.unwrap();

        let _first = connect().await;
        let inside = incoming.next().await.unwrap().unwrap();
        let mut second = connect().await;
        let mut byte = [0];
        tokio::select! {
            end = second.read(&mut byte) => assert_eq!(end.unwrap_or(0), 0),
            _ = incoming.next() => panic!("the second was let in"),
        }
        drop(inside);
        let _third = connect().await;
        assert!(incoming.next().await.unwrap().is_ok());
    }
}
