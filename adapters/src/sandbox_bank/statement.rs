//! The bank's statement, page by page.

use domain::Money;
use domain::Timestamp;
use domain::rail::{Cursor, Line, LineKind, Page, PortError};
use reqwest::Url;
use serde::Deserialize;

use super::wire::Kind;
use crate::evidence::{arrived, is_word, unknown};
use crate::transport::{Lost, Reply, Request, below};

/// A page fits into an answer of the usual size.
const LINES_A_PAGE: &str = "100";

#[derive(Deserialize)]
struct Said {
    movements: Vec<Entry>,
    next_after: u64,
}

#[derive(Deserialize)]
struct Entry {
    reference: String,
    kind: Kind,
    amount: i64,
    currency: String,
    state: State,
    code: Option<String>,
    bank_reference: String,
    decided_at: Option<String>,
}

#[derive(PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Executed,
    Rejected,
    Returned,
}

pub(super) fn request(base: &Url, after: &Cursor) -> Result<Request, PortError> {
    let position = position(after)?;
    let mut url = below(base, &["v1", "statement"]);
    url.query_pairs_mut()
        .append_pair("after", &position.to_string())
        .append_pair("limit", LINES_A_PAGE);
    Ok(Request::get(url))
}

fn position(cursor: &Cursor) -> Result<u64, PortError> {
    if cursor.0.is_empty() {
        return Ok(0);
    }
    cursor
        .0
        .parse()
        .map_err(|_| unknown("the cursor is not one that this bank gave"))
}

pub(super) fn page(after: &Cursor, sent: Result<Reply, Lost>) -> Result<Page, PortError> {
    let reply = arrived(sent)?;
    match reply.status {
        200 => {}
        429 => {
            return Err(PortError::Throttled {
                retry_after: reply.retry_after,
            });
        }
        status => return Err(unknown(format!("status {status} for a statement"))),
    }
    let said: Said =
        serde_json::from_slice(&reply.body).map_err(|_| unknown("a body that is no statement"))?;
    // A bank that goes backwards would have its reader walk in circles.
    if said.next_after < position(after)?
        || (said.movements.is_empty() && said.next_after != position(after)?)
    {
        return Err(unknown("the statement's cursor contradicts its lines"));
    }
    let lines = said
        .movements
        .into_iter()
        // A refusal moves nothing: it stands in the list of movements, and is no line of an account.
        .filter(|entry| entry.state != State::Rejected)
        .map(line)
        .collect::<Result<_, _>>()?;
    Ok(Page {
        lines,
        next: Cursor(said.next_after.to_string()),
    })
}

fn line(entry: Entry) -> Result<Line, PortError> {
    let kind = match (entry.state, entry.kind) {
        (State::Returned, _) => LineKind::Returned,
        (_, Kind::Debit) => LineKind::In,
        (_, Kind::Payout) => LineKind::Out,
    };
    let money = entry
        .currency
        .parse()
        .and_then(|currency| Money::from_minor(entry.amount, currency))
        .ok()
        .filter(|money| money.is_positive());
    let (Some(money), true) = (money, is_word(&entry.bank_reference, 64)) else {
        return Err(unknown(
            "a line of the statement has no usable amount or reference",
        ));
    };
    Ok(Line {
        kind,
        key: entry.reference.parse().ok(),
        reference: entry.reference,
        bank_reference: entry.bank_reference,
        money,
        booked_at: entry
            .decided_at
            .as_deref()
            .and_then(Timestamp::parse_rfc3339),
        code: entry.code,
    })
}
