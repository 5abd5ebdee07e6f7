//! What the answer to an order means. Everything that is not certainly yes or certainly no is
//! `Unknown`.

use domain::rail::{Answer, CardAsk, CardOrder, PortError, Rejection};

use super::amount::from_wire;
use super::refusals::decline_of;
use super::wire::{Error, Failure, Intent, KEY, Refund};
use crate::evidence::{arrived, is_word, shown, unknown};
use crate::transport::{Lost, Reply};

pub(super) fn to_order(order: &CardOrder, sent: Result<Reply, Lost>) -> Result<Answer, PortError> {
    let reply = arrived(sent)?;
    match reply.status {
        200 => match &order.ask {
            CardAsk::Refund { .. } => refunded(order, &read(&reply)?),
            _ => moved(order, &read(&reply)?),
        },
        // A request that was refused for its rate was not looked at.
        429 => Err(PortError::Throttled {
            retry_after: reply.retry_after,
        }),
        400 | 402 => Err(refused(order, &reply)),
        status => Err(match failure(&reply).and_then(|error| error.code) {
            Some(code) => unknown(format!("status {status}, {}", shown(&code))),
            None => unknown(format!("status {status} without an error code")),
        }),
    }
}

fn moved(order: &CardOrder, intent: &Intent) -> Result<Answer, PortError> {
    if let Some(what) = contradiction(order, intent) {
        return Err(unknown(format!("the answer is about another {what}")));
    }
    let done = match (&order.ask, intent.status.as_str()) {
        (CardAsk::Authorise { .. }, "requires_capture") => true,
        (CardAsk::Capture { .. }, "succeeded") => took(order, intent),
        (CardAsk::Void { .. }, "canceled") => true,
        _ => false,
    };
    match done {
        true => Ok(Answer {
            bank_reference: intent.id.clone(),
        }),
        false => Err(unknown(format!(
            "the payment is in a state that is no outcome, {}",
            shown(&intent.status)
        ))),
    }
}

/// Whether what was taken is what we asked to take. Where that is not said, it is known only when
/// all of the promise was to be taken.
pub(super) fn took(order: &CardOrder, intent: &Intent) -> bool {
    let CardAsk::Capture { money, .. } = &order.ask else {
        return false;
    };
    let taken = intent.amount_received.unwrap_or(intent.amount);
    from_wire(taken, &intent.currency) == Some(*money)
}

/// The first thing in which a payment is not the one of the order.
pub(super) fn contradiction(order: &CardOrder, intent: &Intent) -> Option<&'static str> {
    if intent.object != "payment_intent" || !is_word(&intent.id, 64) {
        return Some("kind of thing");
    }
    match &order.ask {
        CardAsk::Authorise { money, .. } => {
            if intent.metadata.get(KEY) != Some(&order.key().to_string()) {
                return Some("reference");
            }
            let currency = money.currency().code();
            if !intent.currency.eq_ignore_ascii_case(currency) {
                return Some("currency");
            }
            (from_wire(intent.amount, &intent.currency) != Some(*money)).then_some("amount")
        }
        CardAsk::Capture { payment, money } => {
            if intent.id != payment.0 {
                return Some("payment");
            }
            let currency = money.currency().code();
            (!intent.currency.eq_ignore_ascii_case(currency)).then_some("currency")
        }
        CardAsk::Void { payment } | CardAsk::Refund { payment, .. } => {
            (intent.id != payment.0).then_some("payment")
        }
    }
}

fn refunded(order: &CardOrder, refund: &Refund) -> Result<Answer, PortError> {
    if let Some(what) = other_refund(order, refund) {
        return Err(unknown(format!("the answer is about another {what}")));
    }
    match refund.status.as_deref() {
        Some("succeeded") => Ok(Answer {
            bank_reference: refund.id.clone(),
        }),
        _ => Err(unknown("the refund was taken in and is not decided yet")),
    }
}

pub(super) fn other_refund(order: &CardOrder, refund: &Refund) -> Option<&'static str> {
    let CardAsk::Refund { payment, money } = &order.ask else {
        return Some("kind of thing");
    };
    [
        (
            "kind of thing",
            refund.object == "refund" && is_word(&refund.id, 64),
        ),
        (
            "payment",
            refund.payment_intent.as_ref() == Some(&payment.0),
        ),
        (
            "reference",
            refund.metadata.get(KEY) == Some(&order.key().to_string()),
        ),
        (
            "amount",
            from_wire(refund.amount, &refund.currency) == Some(*money),
        ),
    ]
    .into_iter()
    .find_map(|(what, agrees)| (!agrees).then_some(what))
}

/// An error that carries another payment than ours refuses nothing.
fn refused(order: &CardOrder, reply: &Reply) -> PortError {
    let Some(error) = failure(reply) else {
        let status = reply.status;
        return unknown(format!("status {status} without an error code"));
    };
    let other = error
        .payment_intent
        .as_ref()
        .and_then(|intent| contradiction(order, intent));
    match (other, rejection(&error)) {
        (Some(what), _) => unknown(format!("the refusal is about another {what}")),
        (None, Ok(rejection)) => PortError::Rejected(rejection),
        (None, Err(evidence)) => unknown(evidence),
    }
}

/// The issuer's own reason where it is listed, or else the error's code.
pub(super) fn rejection(error: &Error) -> Result<Rejection, String> {
    let code = error.code.as_deref().unwrap_or_default();
    let Some(decline) = decline_of(code) else {
        return Err(format!(
            "refused with {}, which is not on the list",
            shown(code)
        ));
    };
    let reason = error.decline_code.as_deref();
    let listed = reason.and_then(|reason| Some((decline_of(reason)?, reason)));
    let (decline, network_code) = listed.unwrap_or((decline, code));
    Ok(Rejection {
        decline,
        network_code: network_code.to_owned(),
    })
}

pub(super) fn read<T: serde::de::DeserializeOwned>(reply: &Reply) -> Result<T, PortError> {
    serde_json::from_slice(&reply.body).map_err(|_| {
        unknown(format!(
            "status {} with a body that is no answer",
            reply.status
        ))
    })
}

pub(super) fn failure(reply: &Reply) -> Option<Error> {
    let failure: Failure = serde_json::from_slice(&reply.body).ok()?;
    Some(failure.error)
}
