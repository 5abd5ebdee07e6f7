//! What a caller asks for, and the checks that need nothing but the request itself.

use std::collections::BTreeMap;
use std::fmt;

use domain::rail::RailId;
use domain::transfer::When;
use domain::{AccountId, BankAccountId, CardId, MerchantId, Money, QuoteId, RequestId};

use crate::FieldError;

/// In minor units. Far below what fits, so that sums over many transfers fit as well.
pub const LARGEST_TRANSFER: i64 = 1_000_000_000_000;

const LONGEST_KEY: usize = 255;
const LONGEST_REFERENCE: usize = 128;
const LONGEST_DESCRIPTION: usize = 500;
const MOST_METADATA: usize = 20;
const LONGEST_METADATA_KEY: usize = 40;
const LONGEST_METADATA_VALUE: usize = 500;
/// What the W3C's trace context allows.
const LONGEST_TRACEPARENT: usize = 55;

/// Chosen by the client: the same key never makes a second transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key has 1 to 255 printable ASCII characters")]
pub struct InvalidKey;

impl IdempotencyKey {
    pub fn new(text: &str) -> Result<Self, InvalidKey> {
        let printable = |byte: u8| (b' '..=b'~').contains(&byte);
        if text.is_empty() || text.len() > LONGEST_KEY || !text.bytes().all(printable) {
            return Err(InvalidKey);
        }
        Ok(Self(text.to_owned()))
    }

    /// One that we made: an id and what it is for.
    pub(crate) const fn of_ours(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One end of a transfer as a client names it: the rail is ours to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointRef {
    Wallet(AccountId),
    BankAccount(BankAccountId),
    Card(CardId),
    /// The only one that is named by its rail: nobody is known there.
    Checkout(RailId),
    Merchant(MerchantId),
}

impl EndpointRef {
    /// The word for its kind, as it is stored and as clients write it.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Wallet(_) => "wallet",
            Self::BankAccount(_) => "bank_account",
            Self::Card(_) => "card",
            Self::Checkout(_) => "checkout",
            Self::Merchant(_) => "merchant",
        }
    }

    /// Its id, or a checkout's rail.
    pub fn named(self) -> String {
        match self {
            Self::Checkout(rail) => rail.to_string(),
            other => other.to_string(),
        }
    }

    /// What was stored as `<end>_kind` and `<end>_account`.
    pub(crate) fn stored(row: &db::Row, end: &str) -> Result<Self, db::DbError> {
        let [kind, account] = ["kind", "account"].map(|what| format!("{end}_{what}"));
        Ok(match row.text(&kind)?.as_str() {
            "wallet" => Self::Wallet(row.parse(&account)?),
            "bank_account" => Self::BankAccount(row.parse(&account)?),
            "card" => Self::Card(row.parse(&account)?),
            "checkout" => Self::Checkout(row.parse(&account)?),
            "merchant" => Self::Merchant(row.parse(&account)?),
            _ => {
                return Err(db::DbError::column(
                    &kind,
                    "a kind of end",
                    "something else",
                ));
            }
        })
    }
}

impl fmt::Display for EndpointRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wallet(id) => id.fmt(f),
            Self::BankAccount(id) => id.fmt(f),
            Self::Card(id) => id.fmt(f),
            Self::Checkout(rail) => write!(f, "checkout:{rail}"),
            Self::Merchant(id) => id.fmt(f),
        }
    }
}

#[derive(Clone, Debug)]
pub struct NewTransfer {
    pub money: Money,
    pub source: EndpointRef,
    pub destination: EndpointRef,
    /// At which the money changes its currency on the way.
    pub quote: Option<QuoteId>,
    /// None: at once.
    pub execute_at: Option<When>,
    /// The client's own id for it; searchable, not unique.
    pub client_reference: Option<String>,
    /// Free text. Sealed under the key of the person who sends.
    pub description: Option<String>,
    /// For the client's machines: stored as it is, so no place for what names a person.
    pub metadata: BTreeMap<String, String>,
    pub request_id: RequestId,
    pub traceparent: Option<String>,
}

impl NewTransfer {
    /// Everything that is wrong with the request as such, in the order of its fields.
    pub(crate) fn complaints(&self) -> Vec<FieldError> {
        let mut found = Complaints::default();
        if !self.money.is_positive() {
            found.add(
                "/amount/amount",
                "not_positive",
                "must be greater than zero",
            );
        } else if self.money.minor() > LARGEST_TRANSFER {
            let detail = format!("must be at most {LARGEST_TRANSFER} minor units");
            found.add("/amount/amount", "too_large", detail);
        }
        if self.source == self.destination {
            found.add("/destination", "same_account", "must not be the source");
        }
        found.text(
            "/client_reference",
            self.client_reference.as_deref(),
            LONGEST_REFERENCE,
        );
        found.text(
            "/description",
            self.description.as_deref(),
            LONGEST_DESCRIPTION,
        );
        if self.metadata.len() > MOST_METADATA {
            let detail = format!("must have at most {MOST_METADATA} pairs");
            found.add("/metadata", "too_many", detail);
        }
        for (key, value) in self.metadata.iter().take(MOST_METADATA) {
            // A pointer writes ~ and / in a way of its own.
            let name: String = key.chars().take(LONGEST_METADATA_KEY).collect();
            let pointer = format!("/metadata/{}", name.replace('~', "~0").replace('/', "~1"));
            found.text(&pointer, Some(key), LONGEST_METADATA_KEY);
            // An empty value says "none" in many clients, and harms nobody.
            found.text(
                &pointer,
                Some(value).filter(|v| !v.is_empty()).map(String::as_str),
                LONGEST_METADATA_VALUE,
            );
        }
        found.0
    }

    /// A trace is help for us, no part of the order: a broken one is dropped, never refused.
    pub(crate) fn usable_traceparent(&self) -> Option<&str> {
        let fits = |text: &&str| {
            text.len() <= LONGEST_TRACEPARENT && text.bytes().all(|b| b.is_ascii_graphic())
        };
        self.traceparent.as_deref().filter(fits)
    }
}

#[derive(Default)]
struct Complaints(Vec<FieldError>);

impl Complaints {
    fn add(&mut self, pointer: &str, code: &'static str, detail: impl Into<String>) {
        let (pointer, detail) = (pointer.to_owned(), detail.into());
        self.0.push(FieldError {
            pointer,
            code,
            detail,
        });
    }

    fn text(&mut self, pointer: &str, text: Option<&str>, longest: usize) {
        let Some(text) = text else { return };
        if text.is_empty() {
            self.add(pointer, "empty", "must not be empty");
        } else if text.chars().count() > longest {
            let detail = format!("must have at most {longest} characters");
            self.add(pointer, "too_long", detail);
        } else if text.chars().any(char::is_control) {
            let detail = "must not contain control characters";
            self.add(pointer, "control_character", detail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Currency;

    fn plain(amount: i64) -> NewTransfer {
        NewTransfer {
            money: Money::from_minor(amount, Currency::EUR).unwrap(),
            source: EndpointRef::Wallet(AccountId::from_bits(1)),
            destination: EndpointRef::Wallet(AccountId::from_bits(2)),
            quote: None,
            execute_at: None,
            client_reference: None,
            description: None,
            metadata: BTreeMap::new(),
            request_id: RequestId::from_bits(3),
            traceparent: None,
        }
    }

    fn check(new: &NewTransfer, expected: &[&str]) {
        let found: Vec<_> = new
            .complaints()
            .iter()
            .map(|error| format!("{} {}", error.pointer, error.code))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_field_has_its_bounds() {
        check(&plain(1), &[]);
        check(&plain(LARGEST_TRANSFER), &[]);
        check(&plain(0), &["/amount/amount not_positive"]);
        check(&plain(-1), &["/amount/amount not_positive"]);
        check(&plain(LARGEST_TRANSFER + 1), &["/amount/amount too_large"]);
        let mut new = plain(0);
        new.destination = new.source;
        new.client_reference = Some(String::new());
        new.description = Some("a\0b".to_owned());
        new.metadata = [
            ("a/b~c".to_owned(), "x".repeat(501)),
            ("ok".to_owned(), String::new()),
        ]
        .into();
        check(
            &new,
            &[
                "/amount/amount not_positive",
                "/destination same_account",
                "/client_reference empty",
                "/description control_character",
                "/metadata/a~1b~0c too_long",
            ],
        );
        let mut many = plain(1);
        many.metadata = (0..21).map(|n| (n.to_string(), String::new())).collect();
        check(&many, &["/metadata too_many"]);
    }

    #[test]
    fn a_key_is_short_and_printable() {
        assert!(IdempotencyKey::new(&"k".repeat(255)).is_ok());
        for text in ["", "a\nb", "ä", &"k".repeat(256)] {
            assert!(IdempotencyKey::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_broken_trace_is_dropped() {
        let mut new = plain(1);
        new.traceparent =
            Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned());
        assert!(new.usable_traceparent().is_some());
        new.traceparent = Some("00 x".to_owned());
        assert_eq!(new.usable_traceparent(), None);
    }
}
