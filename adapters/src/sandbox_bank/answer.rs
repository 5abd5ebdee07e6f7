//! What the bank's answer means. The heart of the adapter: everything that is not certainly yes or
//! certainly no is `Unknown`, with evidence that a person can use and that names nobody.

use domain::rail::{Answer, Found, PortError, Rejection};

use super::refusals::decline_of;
use super::wire::{Failure, Kind, Movement, Order, State};
use crate::http::{Lost, Reply};

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
        Found::Pending | Found::NotFound => {
            Err(unknown("the bank took the order and has not decided yet"))
        }
    }
}

/// What became of an order, asked by our reference.
pub(super) fn to_inquiry(reference: &str, sent: Result<Reply, Lost>) -> Result<Found, PortError> {
    let reply = arrived(sent)?;
    match reply.status {
        200 | 202 => {
            let movement = movement_in(&reply)?;
            if movement.reference != reference {
                return Err(unknown("the answer is about another reference"));
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

fn arrived(sent: Result<Reply, Lost>) -> Result<Reply, PortError> {
    sent.map_err(|lost| match lost {
        Lost::NotSent => PortError::Unreachable,
        Lost::Unanswered(why) => unknown(why),
    })
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

/// A code is shown only when it looks like one: an account number must not pass as evidence.
fn shown(code: &str) -> String {
    let looks_like_one = is_word(code, 32)
        && code.bytes().filter(u8::is_ascii_digit).count() <= 4
        && code.bytes().any(|b| b.is_ascii_alphabetic());
    if looks_like_one && !code.contains('-') {
        format!("code {code}")
    } else {
        "a code of an unusual form".to_owned()
    }
}

fn is_word(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn unknown(evidence: impl Into<String>) -> PortError {
    PortError::Unknown {
        evidence: evidence.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_shows_codes_and_never_numbers() {
        for code in ["ZZ99", "reference_reused", "internal"] {
            assert!(shown(code).contains(code), "{code}");
        }
        for code in [
            "",
            "SB-ALICE-0001",
            "DE89370400440532013000",
            "12345678",
            "a b",
            "<b>",
            "é",
        ] {
            assert_eq!(shown(code), "a code of an unusual form", "{code}");
        }
        assert_eq!(shown(&"A".repeat(33)), "a code of an unusual form");
    }
}
