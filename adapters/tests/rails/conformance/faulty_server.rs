//! A server that reads a request and then says exactly the bytes it was given, and no more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::rail::Rail;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Harness;
use super::answers::PATIENT;

/// Stops when dropped.
pub(crate) struct FaultyServer {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    words: watch::Sender<Vec<u8>>,
    task: JoinHandle<()>,
}

impl FaultyServer {
    /// Says `bytes` to each request, then hangs up.
    pub(crate) async fn saying(bytes: Vec<u8>) -> Self {
        Self::start(bytes, false).await
    }

    /// Says `bytes` to each request, then nothing, and keeps the line open.
    pub(crate) async fn holding(bytes: Vec<u8>) -> Self {
        Self::start(bytes, true).await
    }

    /// An address at which nothing listens, and nothing will while the socket is kept.
    pub(crate) fn nobody() -> (TcpSocket, SocketAddr) {
        let taken = TcpSocket::new_v4().unwrap();
        taken.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = taken.local_addr().unwrap();
        (taken, address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The adapter under test, connected to this server.
    pub(crate) fn rail(&self, harness: &dyn Harness) -> Box<dyn Rail> {
        harness.rail_at(self.address, PATIENT)
    }

    /// From now on says `bytes` instead.
    pub(crate) fn say(&self, bytes: Vec<u8>) {
        self.words.send_replace(bytes);
    }

    /// How many requests came since this was last asked.
    pub(crate) fn requests(&self) -> usize {
        self.requests.swap(0, Ordering::SeqCst)
    }

    async fn start(bytes: Vec<u8>, hold: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let (words, said) = watch::channel(bytes);
        let task = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                if !read_request(&mut stream).await {
                    continue;
                }
                counted.fetch_add(1, Ordering::SeqCst);
                // The client may hang up first: it reads no more than it wants.
                let bytes = said.borrow().clone();
                let _heard = stream.write_all(&bytes).await;
                if hold {
                    held.push(stream);
                } else {
                    let _closed = stream.shutdown().await;
                }
            }
        });
        Self {
            address,
            requests,
            words,
            task,
        }
    }
}

impl Drop for FaultyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads the head and as much body as it announces; `false` when the client hung up.
async fn read_request(stream: &mut TcpStream) -> bool {
    let mut request = Vec::new();
    loop {
        if let Some(gap) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..gap]).to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0_usize);
            if request.len() >= gap + 4 + length {
                return true;
            }
        }
        match stream.read_buf(&mut request).await {
            Ok(0) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}
