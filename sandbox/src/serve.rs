//! The bank's door: a listener with limits, able to hang up without a word.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::ServiceExt;

use ambient::SharedClock;

use crate::answer::CutHere;
use crate::bank::Bank;
use crate::books::BooksError;
use crate::cards::CardNetwork;
use crate::deliverer::{Teller, deliver};
use crate::outbox::Webhook;

const MOST_CONNECTIONS: usize = 1_024;
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);
const BREATH: Duration = Duration::from_millis(100);

/// Tells hyper to close the connection instead of answering.
#[derive(Debug)]
struct HangUp;

impl fmt::Display for HangUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sandbox bank hangs up, as it was asked to")
    }
}

impl std::error::Error for HangUp {}

impl Bank {
    /// Serves until `shutdown`; then finishes what is being answered and cuts what is being held.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> io::Result<()> {
        let mut telling = JoinSet::new();
        telling.spawn(deliver(self.clone(), HEADER, self.clock().clone()));
        serve(self.router(), self.clock(), listener, shutdown).await
    }
}

/// The bank at the root of one door and the card network below `/cards`, until `shutdown`.
pub async fn serve_both(
    bank: &Bank,
    cards: &CardNetwork,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let router = bank.router().nest("/cards", cards.router());
    let mut telling = JoinSet::new();
    telling.spawn(deliver(bank.clone(), HEADER, bank.clock().clone()));
    telling.spawn(deliver(cards.clone(), CARDS_HEADER, cards.clock().clone()));
    serve(router, bank.clock(), listener, shutdown).await
}

/// What the bank's webhooks are signed in.
const HEADER: &str = "sandbox-signature";
const CARDS_HEADER: &str = "stripe-signature";

impl Teller for CardNetwork {
    async fn due(&self) -> Result<Vec<Webhook>, BooksError> {
        self.due_webhooks().await
    }

    async fn settle(&self, id: i64, heard: bool) -> Result<(), BooksError> {
        self.settle_by_id(id, heard).await
    }
}

impl Teller for Bank {
    async fn due(&self) -> Result<Vec<Webhook>, BooksError> {
        self.due_webhooks().await
    }

    async fn settle(&self, id: i64, heard: bool) -> Result<(), BooksError> {
        self.settle_by_id(id, heard).await
    }
}

pub(crate) async fn serve(
    router: Router,
    clock: &SharedClock,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    tokio::pin!(shutdown);
    loop {
        let (stream, place) = tokio::select! {
            () = &mut shutdown => break,
            next = accept(&listener, &places) => match next {
                Ok(next) => next,
                Err(error) => {
                    // Out of descriptors, most likely: others will be given back.
                    tracing::warn!(%error, "the sandbox bank could not take a connection");
                    clock.sleep_until(clock.now().after(BREATH)).await;
                    continue;
                }
            },
        };
        let answer = service_fn({
            let router = router.clone();
            move |request| answer(router.clone(), request)
        });
        let connection = server.serve_connection(TokioIo::new(stream), answer);
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the sandbox bank ended early");
            }
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let said = tokio::time::timeout(GOODBYE_WITHIN, graceful.shutdown()).await;
    tracing::debug!(in_time = said.is_ok(), "the sandbox bank closes");
    connections.shutdown().await;
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

async fn answer(
    router: Router,
    request: hyper::Request<Incoming>,
) -> Result<Response<Body>, HangUp> {
    let Ok(response) = router.oneshot(request.map(Body::new)).await;
    match response.extensions().get::<CutHere>() {
        Some(CutHere) => Err(HangUp),
        None => Ok(response),
    }
}
