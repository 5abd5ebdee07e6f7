//! Stripe's events: which payment, or which part of one, to ask about. Nothing else is read.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::rail::{Ask, Header, NetworkReference, Notice, NoticeError};
use serde::Deserialize;

use super::wire::KEY;
use crate::evidence::is_word;
use crate::signature::{self, Secret};

const HEADER: &str = "stripe-signature";

#[derive(Deserialize)]
struct Event {
    id: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    id: String,
    object: String,
    payment_intent: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

pub(super) fn verify(
    secrets: &[Secret],
    headers: &[Header<'_>],
    body: &[u8],
    now: Timestamp,
) -> Result<Notice, NoticeError> {
    signature::verify((HEADER, secrets), headers, body, now)?;
    let event: Event = serde_json::from_slice(body).map_err(|_| NoticeError::Garbage)?;
    let object = event.data.object;
    if !is_word(&event.id, 128) {
        return Err(NoticeError::Garbage);
    }
    let payment = match object.object.as_str() {
        "payment_intent" => Some(object.id),
        _ => object.payment_intent,
    };
    let key = object.metadata.get(KEY);
    // A checkout's page and what was paid there carry the key of their step.
    let step = key.and_then(|key| key.parse().ok());
    let part = key.and_then(|key| key.parse().ok());
    let payment = payment.filter(|payment| is_word(payment, 64));
    let ask = [
        step.map(Ask::Step),
        part.map(Ask::Card),
        payment.map(|payment| Ask::Payment(NetworkReference(payment))),
    ];
    // An event about something else, a payout of theirs perhaps, asks for nothing.
    Ok(Notice {
        id: event.id,
        ask: ask.into_iter().flatten().collect(),
        // What a payment is by now the network says best when it is asked.
        word: None,
    })
}
