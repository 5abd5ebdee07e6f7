//! The door over HTTP/2: listens, lets connections in, closes. What is said on them is `connection`'s.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::calls::Front;
use super::{Door, ServeOptions, connection};
use crate::limits;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A client that connects and then says nothing is not waited for.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);
/// Where no connection can be accepted, the next attempt is not made at once: handles of files
/// may be used up.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// Serves until `shutdown`, and then until the calls under way are answered. Dropped, it cuts them.
pub(crate) async fn serve(
    door: Door,
    options: ServeOptions,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), BoxError> {
    let front = Arc::new(Front::new(door, options.keys).await?);
    let tls = options.tls.map(|tls| tls.acceptor()).transpose()?;
    let places = Places::new(limits::CONNECTIONS);
    let stopping = CancellationToken::new();
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let arrived = tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => continue,
            arrived = places.next(&listener) => arrived,
        };
        let (stream, place) = match arrived {
            Ok(arrived) => arrived,
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(AFTER_FAILURE).await;
                continue;
            }
        };
        let (front, tls, stopping) = (Arc::clone(&front), tls.clone(), stopping.clone());
        connections.spawn(async move {
            serve_one(stream, tls, front, stopping).await;
            drop(place);
        });
    }
    // Whoever comes now is told at once that nobody listens.
    drop(listener);
    stopping.cancel();
    while connections.join_next().await.is_some() {}
    Ok(())
}

async fn serve_one(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    front: Arc<Front>,
    stopping: CancellationToken,
) {
    let Some(tls) = tls else {
        return connection::drive(stream, front, stopping).await;
    };
    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => connection::drive(stream, front, stopping).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

/// The connections of a door, counted: whoever comes when there are too many is turned away at
/// once, so that strangers cannot take the process's last file handles from its store.
struct Places {
    most: usize,
    free: Arc<Semaphore>,
}

impl Places {
    fn new(most: usize) -> Self {
        Self {
            most,
            free: Arc::new(Semaphore::new(most)),
        }
    }

    /// The next connection that there is room for, and its place.
    async fn next(&self, listener: &TcpListener) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        loop {
            let (stream, _) = listener.accept().await?;
            match Arc::clone(&self.free).try_acquire_owned() {
                Ok(place) => {
                    // Answers are gathered before they are written. Fails only where the peer has
                    // gone already, which is found soon enough.
                    let _gone = stream.set_nodelay(true);
                    return Ok((stream, place));
                }
                Err(_) => tracing::warn!(
                    most = self.most,
                    "a connection was turned away: there are too many"
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn one_too_many_is_turned_away_until_another_leaves() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let places = Places::new(1);
        let connect = async || TcpStream::connect(address).await.unwrap();

        let _first = connect().await;
        let inside = places.next(&listener).await.unwrap();
        let mut second = connect().await;
        let mut byte = [0];
        tokio::select! {
            end = second.read(&mut byte) => assert_eq!(end.unwrap_or(0), 0),
            _ = places.next(&listener) => panic!("the second was let in"),
        }
        drop(inside);
        let _third = connect().await;
        assert!(places.next(&listener).await.is_ok());
    }
}
