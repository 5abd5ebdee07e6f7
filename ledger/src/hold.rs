//! Holds: money that is promised and has not moved. It stays in the balance and is not available.
//!
//! A hold is resolved once: posted by an entry that takes all or a part of it (the rest is free
//! again), voided, or expired. Its key lies in one space with the keys of entries.

use std::fmt;
use std::str::FromStr;

use ambient::Timestamp;
use domain::{AccountId, EntryId, HoldId, Money, Tenant, TransferId};

use crate::AccountRef;
use crate::chart::UnknownWord;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldState {
    Open,
    Posted,
    Voided,
    Expired,
}

impl HoldState {
    pub const ALL: [Self; 4] = [Self::Open, Self::Posted, Self::Voided, Self::Expired];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Posted => "posted",
            Self::Voided => "voided",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for HoldState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for HoldState {
    type Err = UnknownWord;

    fn from_str(name: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or(UnknownWord)
    }
}

/// What to hold, before it is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserve {
    pub tenant: Tenant,
    pub key: String,
    pub account: AccountRef,
    pub money: Money,
    pub transfer: Option<TransferId>,
    /// `None`: it stays until it is posted or voided.
    pub expires_at: Option<Timestamp>,
}

/// The hold in the book: made now, or long ago under the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    pub hold: HoldId,
    pub replayed: bool,
}

/// A hold as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub id: HoldId,
    pub key: String,
    pub account: AccountId,
    pub money: Money,
    /// What an entry took of it.
    pub posted: Money,
    pub state: HoldState,
    pub transfer: Option<TransferId>,
    /// The entry that posted it.
    pub entry: Option<EntryId>,
    pub opened_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
}

impl Hold {
    /// Whether its time is over, swept or not.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}
