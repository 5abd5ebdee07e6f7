//! Carries what waits in the outbox to the client's address, over plain HTTP on this machine's own
//! network: a sandbox, whose secrets guard no money.

use std::future::Future;
use std::time::Duration;

use ambient::SharedClock;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::books::BooksError;
use crate::outbox::Webhook;

const LOOK_EVERY: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(15);

/// Whoever has webhooks to send.
pub(crate) trait Teller: Send + Sync {
    fn due(&self) -> impl Future<Output = Result<Vec<Webhook>, BooksError>> + Send;
    fn settle(&self, id: i64, heard: bool) -> impl Future<Output = Result<(), BooksError>> + Send;
}

/// Runs until it is dropped, or the books are closed.
pub(crate) async fn deliver(teller: impl Teller, header: &'static str, clock: SharedClock) {
    loop {
        let due = match teller.due().await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "the sandbox sends no more webhooks");
                return;
            }
        };
        let idle = due.is_empty();
        for webhook in due {
            let patience = clock.sleep_until(clock.now().after(PATIENCE));
            let heard = tokio::select! {
                heard = send(&webhook, header) => heard.unwrap_or(false),
                () = patience => false,
            };
            if teller.settle(webhook.id, heard).await.is_err() {
                return;
            }
        }
        if idle {
            clock.sleep_until(clock.now().after(LOOK_EVERY)).await;
        }
    }
}

/// `None` when there is no such address, or it hung up; only a 2xx counts as heard.
async fn send(webhook: &Webhook, header: &'static str) -> Option<bool> {
    let uri: Uri = webhook.url.parse().ok()?;
    let authority = uri.authority()?.clone();
    let place = (authority.host(), authority.port_u16().unwrap_or(80));
    let stream = TcpStream::connect(place).await.ok()?;
    let (mut client, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let request = Request::post(uri.path_and_query()?.as_str())
        .header(HOST, authority.as_str())
        .header(CONTENT_TYPE, "application/json")
        .header(header, &webhook.signature)
        .body(Full::new(Bytes::from(webhook.body.clone())))
        .ok()?;
    let mut answer = std::pin::pin!(client.send_request(request));
    let response = tokio::select! {
        biased;
        response = &mut answer => response,
        // Hung up: what came before that is still heard.
        _ended = connection => answer.await,
    };
    Some(response.ok()?.status().is_success())
}
