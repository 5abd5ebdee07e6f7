//! What the bank's answer means. The heart of the adapter: everything that is not certainly yes or
//! certainly no is `Unknown`, with evidence that a person can use and that names nobody.

use domain::rail::{Answer, Canceled, Found, Inquiry, PortError, Rejection};

use super::refusals::decline_of;
use super::wire::{Failure, Kind, Movement, Order, State};
use crate::evidence::{arrived, is_word, shown, unknown};
use crate::transport::{Lost, Reply};

/// What became of an order that was just sent.
pub(super) fn to_order(
    kind: Kind,
    order: &Order<'_>,
    sent: Result<Reply, Lost>,
) -> Result<Answer, PortError> {
    let reply = arrived(sent)?;
    let movement = match reply.status {
        200 | 202 => movement_in(&reply)?,
        // The bank's own rule: what it throttles, it has not looked at.
        429 => {
            return Err(PortError::Throttled {
                retry_after: reply.retry_after,
            });
        }
        _ => return Err(unexpected(&reply)),
    };
    if let Some(what) = contradiction(kind, order, &movement) {
        return Err(unknown(format!("the answer is about another {what}")));
    }
    match decided(&movement)? {
        Found::Executed { bank_reference } => Ok(Answer { bank_reference }),
        Found::Rejected { rejection } => Err(PortError::Rejected(rejection)),
        Found::Pending | Found::NotFound | Found::Contradicts { .. } => {
            Err(unknown("the bank took the order and has not decided yet"))
        }
    }
}

/// What became of an order, asked by our reference.
pub(super) fn to_inquiry(
    about: &Inquiry,
    kind: Kind,
    sent: Result<Reply, Lost>,
) -> Result<Found, PortError> {
    let reply = arrived(sent)?;
    match reply.status {
        200 | 202 => {
            let movement = movement_in(&reply)?;
            if movement.reference != about.key.to_string() {
                return Err(unknown("the answer is about another reference"));
            }
            if let Some(what) = other_than_asked(about, kind, &movement) {
                let evidence = format!("the bank has another {what} under our reference");
                return Ok(Found::Contradicts { evidence });
            }
            decided(&movement)
        }
        // Only the bank's own "not found": a wrong address or a proxy also answers 404.
        404 if failure_code(&reply).as_deref() == Some("movement_not_found") => Ok(Found::NotFound),
        429 => Err(PortError::Throttled {
            retry_after: reply.retry_after,
        }),
        _ => Err(unexpected(&reply)),
    }
}

/// What became of the wish to take an order back.
pub(super) fn to_cancellation(
    about: &Inquiry,
    kind: Kind,
    sent: Result<Reply, Lost>,
) -> Result<Canceled, PortError> {
    let reply = arrived(sent)?;
    match (reply.status, failure_code(&reply).as_deref()) {
        (200, _) => {
            let movement = movement_in(&reply)?;
            let ours = movement.reference == about.key.to_string()
                && other_than_asked(about, kind, &movement).is_none();
            let back = movement.state == State::Rejected && movement.code.as_deref() == Some(BACK);
            if ours && back {
                return Ok(Canceled::Done);
            }
            Err(unknown("the cancellation's answer is about something else"))
        }
        (404, Some("movement_not_found")) => Ok(Canceled::NotFound),
        (409, Some("too_late")) => Ok(Canceled::TooLate),
        (429, _) => Err(PortError::Throttled {
            retry_after: reply.retry_after,
        }),
        _ => Err(unexpected(&reply)),
    }
}

/// Rejected because we asked for it.
const BACK: &str = "CUST";

fn other_than_asked(about: &Inquiry, kind: Kind, movement: &Movement) -> Option<&'static str> {
    [
        ("kind of movement", movement.kind == kind),
        ("amount", movement.amount == about.money.minor()),
        (
            "currency",
            movement.currency == about.money.currency().code(),
        ),
    ]
    .into_iter()
    .find_map(|(what, agrees)| (!agrees).then_some(what))
}

fn movement_in(reply: &Reply) -> Result<Movement, PortError> {
    let status = reply.status;
    serde_json::from_slice(&reply.body)
        .map_err(|_| unknown(format!("status {status} with a body that is no movement")))
}

/// The first thing in which the movement is not what was ordered.
fn contradiction(kind: Kind, order: &Order<'_>, movement: &Movement) -> Option<&'static str> {
    [
        ("reference", movement.reference == order.reference),
        ("kind of movement", movement.kind == kind),
        ("account", movement.account == order.account),
        ("amount", movement.amount == order.amount),
        ("currency", movement.currency == order.currency),
    ]
    .into_iter()
    .find_map(|(what, agrees)| (!agrees).then_some(what))
}

fn decided(movement: &Movement) -> Result<Found, PortError> {
    match (movement.state, movement.code.as_deref()) {
        (State::Executed, None) if is_word(&movement.bank_reference, 64) => Ok(Found::Executed {
            bank_reference: movement.bank_reference.clone(),
        }),
        (State::Executed, None) => Err(unknown("executed, without a usable bank reference")),
        (State::Executed, Some(_)) => Err(unknown("executed and refused in one answer")),
        (State::Pending, _) => Ok(Found::Pending),
        (State::Rejected, Some(code)) => match decline_of(code) {
            Some(decline) => Ok(Found::Rejected {
                rejection: Rejection {
                    decline,
                    network_code: code.to_owned(),
                },
            }),
            None => Err(unknown(format!(
                "refused with {}, which is not on the list",
                shown(code)
            ))),
        },
        (State::Rejected, None) => Err(unknown("refused without a code")),
    }
}

fn unexpected(reply: &Reply) -> PortError {
    let status = reply.status;
    match failure_code(reply) {
        Some(code) => unknown(format!("status {status}, {}", shown(&code))),
        None => unknown(format!("status {status} without an error code")),
    }
}

fn failure_code(reply: &Reply) -> Option<String> {
    serde_json::from_slice::<Failure>(&reply.body)
        .ok()
        .map(|failure| failure.error.code)
}
