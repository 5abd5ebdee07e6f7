//! The chart of accounts: what each is for, which sign is natural, and whether it may go below zero.
//!
//! | purpose  | one per                 | what its balance says                              | below zero |
//! |----------|-------------------------|----------------------------------------------------|------------|
//! | wallet   | user, currency          | what we owe the user                               | never      |
//! | pool     | currency                | what transfers on their way have brought in        | never      |
//! | suspense | rail, currency          | what was set aside for payouts a bank has not paid | never      |
//! | nostro   | rail, currency          | minus what we have at that bank                    | always     |
//!
//! There is one pool per currency and none per rail. Money may come in over one rail and leave
//! over another or stay inside; a transfer that passes through exactly one pool balances whatever
//! its two ends are, while pools per rail would need an entry between them that says nothing new.

use std::fmt;
use std::str::FromStr;

use domain::AccountId;
use domain::rail::RailId;

/// What an account is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    Wallet,
    Pool,
    Suspense,
    Nostro,
}

impl Purpose {
    pub const ALL: [Self; 4] = [Self::Wallet, Self::Pool, Self::Suspense, Self::Nostro];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Pool => "pool",
            Self::Suspense => "suspense",
            Self::Nostro => "nostro",
        }
    }

    /// Only the outside may owe us. Everywhere else a negative balance would mean that money was
    /// given away before it was there.
    pub const fn may_go_below_zero(self) -> bool {
        match self {
            Self::Nostro => true,
            Self::Wallet | Self::Pool | Self::Suspense => false,
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A stored word that this version does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a word of the chart of accounts")]
pub struct UnknownWord;

impl FromStr for Purpose {
    type Err = UnknownWord;

    fn from_str(name: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|purpose| purpose.name() == name)
            .ok_or(UnknownWord)
    }
}

/// Where an account's money is: with us, or at the bank behind a rail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    Internal,
    Rail(RailId),
}

impl Place {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Rail(rail) => rail.name(),
        }
    }
}

impl FromStr for Place {
    type Err = UnknownWord;

    fn from_str(name: &str) -> Result<Self, UnknownWord> {
        if name == Self::Internal.name() {
            return Ok(Self::Internal);
        }
        name.parse().map(Self::Rail).map_err(|_| UnknownWord)
    }
}

/// An account as an entry names it. House accounts are named by what they are for, because the
/// first entry that needs one also opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountRef {
    Wallet(AccountId),
    Pool,
    Suspense(RailId),
    Nostro(RailId),
}

impl AccountRef {
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Wallet(_) => Purpose::Wallet,
            Self::Pool => Purpose::Pool,
            Self::Suspense(_) => Purpose::Suspense,
            Self::Nostro(_) => Purpose::Nostro,
        }
    }

    pub const fn place(self) -> Place {
        match self {
            Self::Wallet(_) | Self::Pool => Place::Internal,
            Self::Suspense(rail) | Self::Nostro(rail) => Place::Rail(rail),
        }
    }
}

impl fmt::Display for AccountRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wallet(account) => write!(f, "wallet {account}"),
            Self::Pool => f.write_str("pool"),
            Self::Suspense(rail) => write!(f, "suspense {rail}"),
            Self::Nostro(rail) => write!(f, "nostro {rail}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_words_are_read_back() {
        for purpose in Purpose::ALL {
            assert_eq!(purpose.name().parse(), Ok(purpose));
        }
        for place in [Place::Internal, Place::Rail(RailId::SandboxBank)] {
            assert_eq!(place.name().parse(), Ok(place));
        }
        assert!("Wallet".parse::<Purpose>().is_err());
        assert!("".parse::<Place>().is_err());
    }
}
