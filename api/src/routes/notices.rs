//! What a bank sends by itself. No API key opens this door: the bank's own signature does, over the
//! very bytes that came and the time at which it signed them.
//!
//! 200 says that the notice is on the disk. What it is worth is found out afterwards; its transfer's
//! run is told of it at once if it waits for such a word, and by the sweeper otherwise.

use axum::Json;
use axum::extract::{Path, Request, State};
use domain::Code;
use domain::rail::{Ask, Header, Notice, NoticeError, RailId, Webhooks};
use http::HeaderMap;
use http_body_util::{BodyExt, Limited};
use inbox::{Inbox, InboxError, Incoming, Origin, Taken};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::access::{Permission, Table};
use crate::body::too_large;
use crate::failure;
use crate::problem::Problem;
use crate::state::App;

pub(super) fn routes(table: Table) -> Table {
    table.post("/v1/rails/{rail}/notices", Permission::Signed, take)
}

/// POST /v1/rails/{rail}/notices
async fn take(
    State(app): State<App>,
    Path(rail): Path<String>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let not_here = || Problem::not_found("rail that sends notices");
    let rail: RailId = rail.parse().map_err(|_| not_here())?;
    let port = app.ports.get(&rail).ok_or_else(not_here)?;
    let webhooks = port.webhooks().ok_or_else(not_here)?;
    let (head, body) = request.into_parts();
    let largest = app.limits.body;
    let body = Limited::new(body, largest).collect().await;
    let body = body.map_err(|_| too_large(largest))?.to_bytes();
    let notice = verified(&app, webhooks, &head.headers, &body)?;
    if !app.rooms.notices.may_come(rail, app.clock.now()) {
        return Err(Problem::new(
            Code::Overloaded,
            "Nothing was stored. Send the same notice again later.",
        )
        .retry_after(1));
    }
    let taken = stored(&app, rail, notice, body.to_vec()).await?;
    Ok(Json(json!({ "id": taken.id, "received": true })))
}

fn verified(
    app: &App,
    webhooks: &dyn Webhooks,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Notice, Problem> {
    let headers: Vec<Header<'_>> = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    webhooks
        .verify(&headers, body, app.clock.now())
        .map_err(|error| match error {
            NoticeError::Garbage => Problem::new(Code::InvalidRequest, format!("{error}.")),
            // The same for every reason: which secrets are in use is nobody's business.
            NoticeError::NotSigned | NoticeError::WrongSignature | NoticeError::Stale => {
                tracing::warn!(%error, "a notice that no bank of ours has signed lately");
                Problem::new(
                    Code::NoticeRefused,
                    "It must be signed by the bank, with a secret that we share, and lately.",
                )
            }
        })
}

/// In a task of its own: a bank that hangs up does not drop it half-way.
async fn stored(app: &App, rail: RailId, notice: Notice, words: Vec<u8>) -> Result<Taken, Problem> {
    let incoming = Incoming {
        rail,
        origin: Origin::Notice,
        bank_id: notice.id,
        key: notice.ask.iter().find_map(|ask| match ask {
            Ask::Step(key) => Some(*key),
            Ask::Card(key) => Some(key.step),
            Ask::Payment(_) | Ask::Statement => None,
        }),
        word: notice.word,
        words,
    };
    let (answer, answered) = oneshot::channel();
    let app = app.clone();
    tokio::spawn(async move {
        let taken = app.inbox.take(incoming).await;
        let tell = taken.as_ref().ok().and_then(|taken| {
            let transfer = taken.tell?;
            Some((taken.id, transfer))
        });
        // Nobody may be listening any more; what is stored is told all the same.
        let _gone = answer.send(taken);
        let Some((id, transfer)) = tell else { return };
        match app.starter.tell(transfer, id).await {
            Ok(true) => told(&app.inbox, id).await,
            Ok(false) => {}
            Err(error) => tracing::warn!(%transfer, %error, "not told, left to the sweeper"),
        }
    });
    let taken = answered.await.map_err(|_| Problem::internal())?;
    taken.map_err(|error| refused(&error))
}

async fn told(inbox: &Inbox, id: domain::MessageId) {
    if let Err(error) = inbox.told(id).await {
        tracing::warn!(message = %id, %error, "told, which could not be noted");
    }
}

fn refused(error: &InboxError) -> Problem {
    match error {
        InboxError::Database(error) => failure::storage(error),
        InboxError::Transfers(error) => failure::store(error),
        _ => {
            tracing::error!(%error, "a notice could not be stored");
            Problem::new(
                Code::StorageUnavailable,
                "It may not have been stored. Send the same notice again.",
            )
            .retry_after(2)
        }
    }
}
