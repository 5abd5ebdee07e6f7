//! A request meets the books: recognised, or done and its answer kept, in one transaction.

use std::collections::BTreeMap;

use ambient::Timestamp;
use rusqlite::Connection;

use super::said::Said;
use super::{authorise, capture, chargeback, checkout, idempotency, intent, refund, void};
use crate::magic;
use crate::misbehaviour::Misbehaviour;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Authorise,
    Capture {
        payment: String,
    },
    Void {
        payment: String,
    },
    Refund,
    /// Opens a page whose address begins like this.
    OpenCheckout {
        below: String,
    },
    CloseCheckout {
        page: String,
    },
}

/// One changing request.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) wish: Wish,
    pub(super) form: BTreeMap<String, String>,
    /// The idempotency key; without one every request is a new one.
    pub(super) key: Option<String>,
    pub(super) fault: Option<Misbehaviour>,
    /// Random, for whatever gets a new name.
    pub(super) fresh: u128,
    pub(super) now: Timestamp,
}

/// What to answer and how: the fault of this attempt, and another payment to mix it up with.
pub(super) struct Outgoing {
    pub(super) said: Said,
    pub(super) fault: Option<Misbehaviour>,
    pub(super) earlier: Option<Said>,
}

impl Submission {
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.form
            .get(name)?
            .parse()
            .ok()
            .filter(|number| *number > 0)
    }

    /// Everything under `metadata[…]`, as JSON.
    pub(super) fn metadata(&self) -> String {
        let of = |name: &str| {
            Some(
                name.strip_prefix("metadata[")?
                    .strip_suffix(']')?
                    .to_owned(),
            )
        };
        let pairs: BTreeMap<String, &String> = self
            .form
            .iter()
            .filter_map(|(name, value)| Some((of(name)?, value)))
            .collect();
        serde_json::to_string(&pairs).unwrap_or_default()
    }

    pub(super) fn client_key(&self) -> &str {
        self.form
            .get("metadata[remit_key]")
            .map_or("", String::as_str)
    }

    fn fingerprint(&self) -> String {
        format!("{:?} {:?}", self.wish, self.form)
    }
}

pub(super) fn submit(books: &Connection, it: &Submission) -> rusqlite::Result<Outgoing> {
    decide_due(books, it.now)?;
    let fingerprint = it.fingerprint();
    let mut attempt = 1;
    let mut known = None;
    if let Some(key) = &it.key {
        attempt = idempotency::count(books, key)?;
        known = idempotency::earlier(books, key, &fingerprint)?;
    }
    let amount = it
        .number("amount")
        .or_else(|| it.number("amount_to_capture"))
        .or_else(|| it.number(checkout::AMOUNT));
    let magic = amount.and_then(|amount| magic::of_amount(amount, attempt));
    let fault = it.fault.or(magic);
    let said = match known {
        Some(known) => known,
        None if fault.is_none_or(Misbehaviour::books) => {
            let said = match &it.wish {
                Wish::Authorise => authorise::authorise(books, it, fault)?,
                Wish::Capture { payment } => capture::capture(books, it, payment)?,
                Wish::Void { payment } => void::void(books, it, payment)?,
                Wish::Refund => refund::refund(books, it)?,
                Wish::OpenCheckout { below } => checkout::open(books, it, below)?,
                Wish::CloseCheckout { page } => checkout::close(books, page, it.now)?,
            };
            if let Some(key) = it.key.as_ref().filter(|_| said.is_kept()) {
                idempotency::keep(books, key, &fingerprint, &said)?;
            }
            said
        }
        // Not done, and the fault says how that is (not) told.
        None => Said::refused(500, "internal", "something went wrong"),
    };
    let id = said.body["id"].as_str().unwrap_or_default();
    let earlier = intent::before(books, id)?.map(|payment| Said::done(payment.json()));
    Ok(Outgoing {
        said,
        fault,
        earlier,
    })
}

/// What was taken in or captured earlier and has come due.
pub(super) fn decide_due(books: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    authorise::decide_due(books, now)?;
    chargeback::happen(books, now)
}
