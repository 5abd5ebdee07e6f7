//! What is asked of the book, and what it must say.

use ambient::Timestamp;
use domain::{Currency, Money};
use ledger::{AccountRef, Condition, Refusal, State};

/// What is asked of the book. Holds are named by their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Post(Post),
    Reserve(Reserve),
    /// Takes back the entry with this key.
    Correct {
        entry: String,
    },
    Void {
        hold: String,
    },
    Expire,
    State {
        account: AccountRef,
        to: State,
    },
    Terms {
        account: AccountRef,
        currency: Currency,
        floor: Option<i64>,
        ceiling: Option<i64>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Post {
    pub(crate) key: String,
    /// The sign says who gains; the whole is what the entry says that it moves.
    pub(crate) whole: Money,
    pub(crate) legs: Vec<(AccountRef, Money)>,
    pub(crate) hold: Option<String>,
    pub(crate) conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reserve {
    pub(crate) key: String,
    pub(crate) account: AccountRef,
    pub(crate) money: Money,
    pub(crate) expires_at: Option<Timestamp>,
}

/// What the book must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Done,
    Replayed,
    Refused(Refusal),
    /// An account's state or terms were not changed, for this reason.
    Kept(&'static str),
    Expired(usize),
}
