//! One answer a key: a repetition gets the first one, another request under the same key a refusal.

use rusqlite::{Connection, OptionalExtension};

use super::said::Said;

/// The answer that was given under this key before, if any.
pub(super) fn earlier(
    books: &Connection,
    key: &str,
    fingerprint: &str,
) -> rusqlite::Result<Option<Said>> {
    let known: Option<(String, u16, String)> = books
        .prepare_cached("SELECT fingerprint, status, body FROM answers WHERE key = ?1")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    Ok(known.map(|(first, status, body)| {
        if first == fingerprint {
            let body = serde_json::from_str(&body).unwrap_or_default();
            return Said { status, body };
        }
        let mut said = Said::refused(
            400,
            "idempotency_key_reused",
            "another request had this key",
        );
        said.body["error"]["type"] = "idempotency_error".into();
        said
    }))
}

pub(super) fn keep(
    books: &Connection,
    key: &str,
    fingerprint: &str,
    said: &Said,
) -> rusqlite::Result<()> {
    books
        .prepare_cached(
            "INSERT INTO answers (key, fingerprint, status, body) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((key, fingerprint, said.status, said.body.to_string()))?;
    Ok(())
}

/// How often the key was seen, this time included.
pub(super) fn count(books: &Connection, key: &str) -> rusqlite::Result<i64> {
    books
        .prepare_cached(
            "INSERT INTO attempts (key, seen) VALUES (?1, 1)
             ON CONFLICT (key) DO UPDATE SET seen = seen + 1 RETURNING seen",
        )?
        .query_row([key], |row| row.get(0))
}
