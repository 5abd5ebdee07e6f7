//! What became of an order, and what a payment is like by now: asked, never assumed.

use domain::rail::{
    CardAsk, CardOrder, CardPayment, Found, NetworkReference, PortError, Rejection,
};
use domain::{Money, transfer::Decline};

use super::amount::from_wire;
use super::answer::{contradiction, failure, other_refund, read, rejection, took};
use super::refusals::{CANCELED, CAPTURED};
use super::wire::{Intent, KEY, LatestCharge, Listed, Refund};
use crate::evidence::{arrived, is_word, shown, unknown};
use crate::transport::{Lost, Reply};

pub(super) fn found(order: &CardOrder, sent: Result<Reply, Lost>) -> Result<Found, PortError> {
    let reply = success(sent)?;
    match &order.ask {
        CardAsk::Authorise { .. } => authorised(order, read(&reply)?),
        CardAsk::Refund { .. } => refunded(order, &read(&reply)?),
        CardAsk::Capture { .. } | CardAsk::Void { .. } => changed(order, &read(&reply)?),
    }
}

fn authorised(order: &CardOrder, listed: Listed<Intent>) -> Result<Found, PortError> {
    let [intent] = &listed.data[..] else {
        if listed.data.is_empty() && !listed.has_more {
            return Ok(Found::NotFound);
        }
        return Ok(contradicts("more than one payment under our reference"));
    };
    match contradiction(order, intent) {
        Some(what @ ("reference" | "kind of thing")) => {
            return Err(unknown(format!("the answer is about another {what}")));
        }
        Some(what) => return Ok(contradicts(&format!("another {what} under our reference"))),
        None => {}
    }
    match intent.status.as_str() {
        "requires_capture" | "succeeded" => Ok(Found::Executed {
            bank_reference: intent.id.clone(),
        }),
        "processing" | "requires_confirmation" | "requires_action" => Ok(Found::Pending),
        "canceled" => Ok(never(CANCELED)),
        "requires_payment_method" => match intent.last_payment_error.as_ref().map(rejection) {
            Some(Ok(rejection)) => Ok(Found::Rejected { rejection }),
            Some(Err(evidence)) => Err(unknown(evidence)),
            None => Err(unknown("declined without a reason")),
        },
        other => Err(unknown(format!("a payment in a state of {}", shown(other)))),
    }
}

/// A payment is captured or voided at most once, so its state tells which it was.
fn changed(order: &CardOrder, intent: &Intent) -> Result<Found, PortError> {
    match contradiction(order, intent) {
        Some(what @ ("payment" | "kind of thing")) => {
            return Err(unknown(format!("the answer is about another {what}")));
        }
        Some(what) => return Ok(contradicts(&format!("another {what} in the payment"))),
        None => {}
    }
    let done = Found::Executed {
        bank_reference: intent.id.clone(),
    };
    match (&order.ask, intent.status.as_str()) {
        (_, "requires_capture") => Ok(Found::NotFound),
        (CardAsk::Capture { .. }, "succeeded") if took(order, intent) => Ok(done),
        (CardAsk::Capture { .. }, "succeeded") => Ok(contradicts("another amount was captured")),
        (CardAsk::Capture { .. }, "canceled") => Ok(never(CANCELED)),
        (CardAsk::Void { .. }, "canceled") => Ok(done),
        (CardAsk::Void { .. }, "succeeded") => Ok(never(CAPTURED)),
        (_, "processing") => Ok(Found::Pending),
        (_, other) => Err(unknown(format!("a payment in a state of {}", shown(other)))),
    }
}

fn refunded(order: &CardOrder, listed: &Listed<Refund>) -> Result<Found, PortError> {
    let key = order.key().to_string();
    let mut ours = listed
        .data
        .iter()
        .filter(|refund| refund.metadata.get(KEY) == Some(&key));
    let (Some(refund), rest) = (ours.next(), ours.next()) else {
        // Beyond the first page nobody looked.
        return match listed.has_more {
            true => Err(unknown("more refunds than fit into one answer")),
            false => Ok(Found::NotFound),
        };
    };
    if rest.is_some() {
        return Ok(contradicts("more than one refund under our reference"));
    }
    if let Some(what) = other_refund(order, refund) {
        return Ok(contradicts(&format!("another {what} under our reference")));
    }
    match refund.status.as_deref() {
        Some("succeeded") => Ok(Found::Executed {
            bank_reference: refund.id.clone(),
        }),
        Some("pending" | "requires_action") => Ok(Found::Pending),
        Some("canceled") => Ok(never(CANCELED)),
        _ => Err(unknown("a refund in a state that is no outcome")),
    }
}

pub(super) fn payment(
    asked: &NetworkReference,
    sent: Result<Reply, Lost>,
) -> Result<CardPayment, PortError> {
    let intent: Intent = read(&success(sent)?)?;
    if intent.id != asked.0 || intent.object != "payment_intent" {
        return Err(unknown("the answer is about another payment"));
    }
    let money = |amount| {
        from_wire(amount, &intent.currency).ok_or_else(|| unknown("an amount that is none"))
    };
    let authorised = money(intent.amount)?;
    let none = Money::zero(authorised.currency());
    let (refunded, charged_back) = match &intent.latest_charge {
        Some(LatestCharge::Whole(charge)) => (money(charge.amount_refunded)?, charge.disputed),
        Some(LatestCharge::Other(_)) => return Err(unknown("a payment without its charge")),
        None => (none, false),
    };
    Ok(CardPayment {
        authorised,
        captured: intent.amount_received.map_or(Ok(none), money)?,
        refunded,
        charged_back,
        key: intent.metadata.get(KEY).and_then(|key| key.parse().ok()),
    })
}

pub(super) fn success(sent: Result<Reply, Lost>) -> Result<Reply, PortError> {
    let reply = arrived(sent)?;
    match reply.status {
        200 => Ok(reply),
        429 => Err(PortError::Throttled {
            retry_after: reply.retry_after,
        }),
        status => Err(match failure(&reply).and_then(|error| error.code) {
            Some(code) => unknown(format!("status {status}, {}", shown(&code))),
            None => unknown(format!("status {status} without an error code")),
        }),
    }
}

pub(super) fn contradicts(what: &str) -> Found {
    Found::Contradicts {
        evidence: format!("the network has {what}"),
    }
}

fn never(code: &str) -> Found {
    debug_assert!(is_word(code, 64));
    Found::Rejected {
        rejection: Rejection {
            decline: Decline::RefusedByBank,
            network_code: code.to_owned(),
        },
    }
}
