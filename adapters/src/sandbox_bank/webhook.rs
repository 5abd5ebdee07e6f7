//! What the bank sends by itself: which movement to ask about, and what it says of it.

use domain::rail::{Ask, Header, Notice, NoticeError, Rejection, Way, Word, WordOutcome};
use domain::{Money, Timestamp};
use serde::Deserialize;

use super::refusals::decline_of;
use super::wire::Kind;
use crate::evidence::is_word;
use crate::signature::{self, Secret};

const HEADER: &str = "sandbox-signature";

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    what: String,
    reference: String,
    kind: Option<Kind>,
    amount: Option<i64>,
    currency: Option<String>,
    state: Option<String>,
    code: Option<String>,
    bank_reference: Option<String>,
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
    let word = word(&event);
    Ok(Notice {
        id: event.id,
        ask: vec![ask],
        word,
    })
}

/// None where it says nothing that could be compared: then the bank is asked.
fn word(event: &Event) -> Option<Word> {
    let outcome = match (&*event.what, event.state.as_deref()?) {
        ("movement.received", _) | ("movement.decided", "pending") => WordOutcome::Open,
        ("movement.decided", "executed") => WordOutcome::Executed,
        ("movement.decided", "rejected") => {
            let code = event.code.as_deref()?;
            WordOutcome::Rejected(Rejection {
                decline: decline_of(code)?,
                network_code: code.to_owned(),
            })
        }
        ("movement.returned", _) => WordOutcome::Returned {
            code: event.code.clone().filter(|code| is_word(code, 32)),
        },
        _ => return None,
    };
    // An amount of no currency, or none at all, is nothing to compare with.
    let money = Money::from_minor(event.amount?, event.currency.as_deref()?.parse().ok()?);
    Some(Word {
        outcome,
        way: Some(match event.kind? {
            Kind::Debit => Way::In,
            Kind::Payout => Way::Out,
        })
        .filter(|_| event.what != "movement.returned"),
        money: Some(money.ok().filter(|money| money.is_positive())?),
        bank_reference: Some(event.bank_reference.clone().filter(|it| is_word(it, 64))?),
    })
}
