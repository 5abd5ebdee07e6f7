//! The loop that answers connections: bounded in number, in the time a request's head may take, and
//! in the time the end may take.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ambient::SharedClock;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use crate::state::Limits;

/// The other end of the connection that a request came over.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// After a failed accept (no file descriptors left), the next try waits this long.
const AFTER_A_FAILED_ACCEPT: Duration = Duration::from_millis(50);

/// Answers until `shutdown` resolves; then finishes what is in work, for at most `limits.drain`.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    limits: Limits,
    clock: SharedClock,
    shutdown: impl Future<Output = ()> + Send,
) {
    let open = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &open) => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, peer, seat)) => {
                attend(stream, peer, seat, &routes, limits, &graceful);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                clock
                    .sleep_until(clock.now().after(AFTER_A_FAILED_ACCEPT))
                    .await;
            }
        }
    }
    drop(listener);
    let deadline = clock.now().after(limits.drain);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = clock.sleep_until(deadline) => {
            tracing::warn!("requests that were still in work have been cut off");
        }
    }
}

/// Takes a seat first: above the bound, connections wait in the kernel's queue.
async fn accept(
    listener: &TcpListener,
    open: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let seat = Arc::clone(open)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, seat))
}

fn attend(
    stream: TcpStream,
    peer: SocketAddr,
    seat: OwnedSemaphorePermit,
    routes: &Router,
    limits: Limits,
    graceful: &GracefulShutdown,
) {
    // Answers are small: waiting to fill a packet would only delay them.
    let _best_effort = stream.set_nodelay(true);
    let routes = routes.clone();
    let service = tower::service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        routes.clone().oneshot(request)
    });
    // HTTP/1 by name: a builder that first guesses the version waits for the first byte without
    // any bound.
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(64)
        .max_buf_size(64 * 1024);
    let connection = builder
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .into_owned();
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        // A client that hangs up or sends nonsense is its own affair.
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
        drop(seat);
    });
}
