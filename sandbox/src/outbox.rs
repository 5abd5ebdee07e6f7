//! What waits to be told to the client: durable, in order of its time, tried again until heard.

use std::time::Duration;

use ambient::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

pub(crate) const SCHEMA: &str = "
    CREATE TABLE webhook_target (
        id     INTEGER PRIMARY KEY CHECK (id = 1),
        url    TEXT NOT NULL,
        secret TEXT NOT NULL
    ) STRICT;
    CREATE TABLE webhooks (
        id     INTEGER PRIMARY KEY,
        event  TEXT    NOT NULL,
        body   TEXT    NOT NULL,
        due_at INTEGER NOT NULL,
        tries  INTEGER NOT NULL DEFAULT 0,
        done   INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX webhooks_due ON webhooks (due_at, id) WHERE done = 0;
";

const MOST_TRIES: i64 = 10;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const MOST_AT_ONCE: i64 = 64;

/// Where the client wants to be told, and what the telling is signed with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookTarget {
    pub url: String,
    pub secret: String,
}

impl std::fmt::Debug for WebhookTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WebhookTarget({})", self.url)
    }
}

/// One delivery, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub(crate) id: i64,
    pub url: String,
    /// `t=<seconds>,v1=<hex of HMAC-SHA256 over "<seconds>.<body>">`.
    pub signature: String,
    pub body: String,
}

/// `None` ends the telling; what waits is forgotten.
pub(crate) fn set_target(
    books: &Connection,
    target: Option<&WebhookTarget>,
) -> rusqlite::Result<()> {
    books.execute("DELETE FROM webhook_target", [])?;
    match target {
        None => books.execute("DELETE FROM webhooks", [])?,
        Some(WebhookTarget { url, secret }) => books.execute(
            "INSERT INTO webhook_target (id, url, secret) VALUES (1, ?1, ?2)",
            [url, secret],
        )?,
    };
    Ok(())
}

fn target(books: &Connection) -> rusqlite::Result<Option<WebhookTarget>> {
    books
        .prepare_cached("SELECT url, secret FROM webhook_target")?
        .query_row([], |row| {
            Ok(WebhookTarget {
                url: row.get(0)?,
                secret: row.get(1)?,
            })
        })
        .optional()
}

/// Nothing is kept for a client that does not want to be told.
pub(crate) fn put(
    books: &Connection,
    event: &str,
    body: &str,
    due: Timestamp,
) -> rusqlite::Result<()> {
    books
        .prepare_cached(
            "INSERT INTO webhooks (event, body, due_at)
             SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM webhook_target)",
        )?
        .execute(params![event, body, due.as_micros()])?;
    Ok(())
}

/// The same, in the card network's words: an event about an object.
pub(crate) fn put_event(
    books: &Connection,
    kind: &str,
    object: serde_json::Value,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let about = object["id"].as_str().unwrap_or_default();
    let id = format!("evt_{about}_{}", kind.replace('.', "_"));
    let body = serde_json::json!({
        "id": id,
        "object": "event",
        "type": kind,
        "created": now.split().0,
        "data": { "object": object },
    });
    put(books, &id, &body.to_string(), now)
}

/// What is due, oldest first, signed for this moment.
pub(crate) fn due(books: &Connection, now: Timestamp) -> rusqlite::Result<Vec<Webhook>> {
    let Some(WebhookTarget { url, secret }) = target(books)? else {
        return Ok(Vec::new());
    };
    books
        .prepare_cached(
            "SELECT id, body FROM webhooks WHERE done = 0 AND due_at <= ?1
             ORDER BY due_at, id LIMIT ?2",
        )?
        .query_map([now.as_micros(), MOST_AT_ONCE], |row| {
            let body: String = row.get(1)?;
            Ok(Webhook {
                id: row.get(0)?,
                url: url.clone(),
                signature: signature(&secret, &body, now),
                body,
            })
        })?
        .collect()
}

/// Heard, or to be tried again later; given up after a while.
pub(crate) fn settle(
    books: &Connection,
    id: i64,
    heard: bool,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let tries: Option<i64> = books
        .prepare_cached("UPDATE webhooks SET tries = tries + 1 WHERE id = ?1 RETURNING tries")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    let Some(tries) = tries else { return Ok(()) };
    let doublings = u32::try_from(tries - 1).unwrap_or(0).min(16);
    let next = now.after(FIRST_WAIT.saturating_mul(1 << doublings));
    books
        .prepare_cached("UPDATE webhooks SET done = ?2, due_at = ?3 WHERE id = ?1")?
        .execute(params![
            id,
            i64::from(heard || tries >= MOST_TRIES),
            next.as_micros()
        ])?;
    Ok(())
}

fn signature(secret: &str, body: &str, at: Timestamp) -> String {
    let seconds = at.split().0;
    let mut hex = String::new();
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        mac.update(format!("{seconds}.{body}").as_bytes());
        for byte in mac.finalize().into_bytes() {
            hex.push_str(&format!("{byte:02x}"));
        }
    }
    format!("t={seconds},v1={hex}")
}
