//! Questions to the network's books.

use ambient::Timestamp;
use rusqlite::Connection;
use serde_json::json;

use super::said::Said;
use super::{book, checkout, intent, refund};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Payment(String),
    /// In the network's query language, of which this much is spoken:
    /// `metadata['remit_key']:'<value>'`.
    Search(String),
    RefundsOf(String),
    Checkout(String),
}

const MOST_FOUND: i64 = 10;

pub(super) fn answer(
    books: &Connection,
    question: &Question,
    now: Timestamp,
) -> rusqlite::Result<Said> {
    book::decide_due(books, now)?;
    Ok(match question {
        Question::Payment(id) => match intent::find(books, id)? {
            Some(payment) => Said::done(payment.json()),
            None => Said::missing(),
        },
        Question::Checkout(page) => match checkout::find(books, page)? {
            Some(found) => Said::done(found.json(now)),
            None => Said::missing(),
        },
        Question::Search(query) => {
            let Some(key) = query
                .strip_prefix("metadata['remit_key']:'")
                .and_then(|rest| rest.strip_suffix('\''))
            else {
                return Ok(Said::refused(400, "search_query_invalid", "not understood"));
            };
            let found: Vec<_> = intent::of_client_key(books, key, MOST_FOUND)?
                .into_iter()
                .filter(|payment| payment.hidden_until.is_none_or(|until| until <= now))
                .map(|payment| payment.json())
                .collect();
            Said::done(json!({
                "object": "search_result", "data": found, "has_more": false,
            }))
        }
        Question::RefundsOf(payment) => {
            if intent::find(books, payment)?.is_none() {
                return Ok(Said::missing());
            }
            let found: Vec<_> = refund::of_payment(books, payment)?
                .iter()
                .map(refund::Refund::json)
                .collect();
            Said::done(json!({ "object": "list", "data": found, "has_more": false }))
        }
    })
}
