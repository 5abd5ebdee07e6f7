//! What the bank sends by itself: which movement to ask about. Whatever else it says is not read.

use domain::Timestamp;
use domain::rail::{Ask, Header, Notice, NoticeError};
use serde::Deserialize;

use crate::evidence::is_word;
use crate::signature::{self, Secret};

const HEADER: &str = "sandbox-signature";

#[derive(Deserialize)]
struct Event {
    id: String,
    reference: String,
}

pub(super) fn verify(
    secrets: &[Secret],
    headers: &[Header<'_>],
    body: &[u8],
    now: Timestamp,
) -> Result<Notice, NoticeError> {
    signature::verify((HEADER, secrets), headers, body, now)?;
    let event: Event = serde_json::from_slice(body).map_err(|_| NoticeError::Garbage)?;
    if !is_word(&event.id, 64) {
        return Err(NoticeError::Garbage);
    }
    // The statement tells of what has no reference of ours.
    let ask = event.reference.parse().map_or(Ask::Statement, Ask::Step);
    Ok(Notice {
        id: event.id,
        ask: vec![ask],
    })
}
