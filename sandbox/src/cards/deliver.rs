//! How an answer of the network leaves: as it is, distorted, or not at all.

use ambient::SharedClock;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::book::Outgoing;
use super::network::Broken;
use super::said::Said;
use crate::answer::{cut, hold, json_text, padded, trickled};
use crate::magic;
use crate::misbehaviour::Misbehaviour as M;

pub(super) async fn deliver(clock: &SharedClock, outgoing: Result<Outgoing, Broken>) -> Response {
    let Outgoing {
        said,
        fault,
        earlier,
    } = match outgoing {
        Ok(outgoing) => outgoing,
        Err(Broken::OutOfOrder) => {
            return respond(&Said::refused(503, "out_of_order", "out of order"));
        }
        Err(failure) => {
            tracing::error!(%failure, "the sandbox card network could not answer");
            return respond(&Said::refused(500, "internal", "something went wrong"));
        }
    };
    match fault {
        Some(M::TimeoutExecuted | M::TimeoutNotExecuted | M::HiddenThenFound) => {
            hold(clock, magic::LONGEST_HOLD).await;
            cut()
        }
        Some(M::CutExecuted | M::CutNotExecuted) => cut(),
        Some(M::ErrorExecuted | M::ErrorNotExecuted) => {
            respond(&Said::refused(500, "internal", "something went wrong"))
        }
        Some(M::GarbageExecuted) => json_text("{\"id\": \u{fffd}<!-- "),
        Some(M::Throttled) => {
            let mut response = respond(&Said::refused(429, "rate_limit", "ask again later"));
            let seconds = HeaderValue::from(magic::RETRY_AFTER.as_secs());
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            response
        }
        Some(M::SlowExecuted) => {
            hold(clock, magic::SLOW_ANSWER).await;
            respond(&said)
        }
        Some(M::GiantExecuted) => json_text(padded(text(&said), magic::GIANT)),
        Some(M::TrickleExecuted) => json_text(trickled(clock.clone(), text(&said))),
        Some(M::AnsweredTwice) => json_text(text(&said).repeat(2)),
        Some(fault) => respond(&distorted(fault, said, earlier)),
        None => respond(&said),
    }
}

/// The answer says what is not in the books; the books stay true.
fn distorted(fault: M, mut said: Said, earlier: Option<Said>) -> Said {
    let listed = said.body["data"].is_array();
    if let Some(first) = said.body["data"].get_mut(0) {
        distort(fault, first, earlier.as_ref());
    } else if !listed {
        distort(fault, &mut said.body, earlier.as_ref());
    }
    said
}

fn distort(fault: M, object: &mut Value, earlier: Option<&Said>) {
    match fault {
        M::OtherAmount => {
            for field in ["amount", "amount_received", "amount_total"] {
                if let Some(amount) = object[field].as_i64() {
                    object[field] = (amount + 1).into();
                }
            }
        }
        M::OtherCurrency if object["currency"].is_string() => object["currency"] = "xts".into(),
        M::BankIdReused => {
            if let Some(earlier) = earlier {
                object["id"] = earlier.body["id"].clone();
            }
        }
        M::EarlierAnswer => match earlier {
            Some(earlier) => *object = earlier.body.clone(),
            // The first payment of all has none before it.
            None => object["id"] = "pi_another".into(),
        },
        _ => {}
    }
}

pub(super) fn respond(said: &Said) -> Response {
    let status = StatusCode::from_u16(said.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, json_text(text(said))).into_response()
}

fn text(said: &Said) -> Vec<u8> {
    said.body.to_string().into_bytes()
}
