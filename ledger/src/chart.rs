//! The chart of accounts: what each is for, who has one, and below what it may never go. The list
//! of purposes below is the chart; [`Chart`] prints it.
//!
//! Money on its way lies in the pool of the rail by which it came ('internal' for wallets) until it
//! is paid out, so a transfer passes through exactly one pool whatever its two ends are.

mod printed;

use std::fmt;
use std::str::FromStr;

use domain::AccountId;
use domain::rail::RailId;

pub use printed::Chart;

macro_rules! purposes {
    ($(
        $name:ident = $word:literal, per $per:literal: $says:literal,
        owned: $owned:literal, below_zero: $below:literal;
    )*) => {
        /// What an account is for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Purpose { $($name,)* }

        impl Purpose {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What there is one of these for.
            pub const fn one_per(self) -> &'static str {
                match self { $(Self::$name => $per,)* }
            }

            /// What the balance of one says.
            pub const fn says(self) -> &'static str {
                match self { $(Self::$name => $says,)* }
            }

            /// Has an owner, so an entry names it by its id.
            pub const fn is_owned(self) -> bool {
                match self { $(Self::$name => $owned,)* }
            }

            /// Only the outside and what stands for it may owe us. Everywhere else a negative
            /// balance would mean that money was given away before it was there.
            pub const fn may_go_below_zero(self) -> bool {
                match self { $(Self::$name => $below,)* }
            }

            /// The least that must stay available in a new account; `None`: there is no limit.
            pub const fn floor(self) -> Option<i64> {
                if self.may_go_below_zero() { None } else { Some(0) }
            }
        }
    };
}

purposes! {
    Wallet = "wallet", per "user, currency": "what we owe the user",
        owned: true, below_zero: false;
    Float = "float", per "partner, currency": "what we owe the partner itself",
        owned: true, below_zero: false;
    Pool = "pool", per "source rail, currency": "what transfers on their way have brought in",
        owned: false, below_zero: false;
    Suspense = "suspense", per "rail, currency": "what was set aside for payouts a bank has not paid",
        owned: false, below_zero: false;
    Fees = "fees", per "currency": "what we earned for our service",
        owned: false, below_zero: false;
    Liquidity = "liquidity", per "currency": "what we have in this currency to exchange with",
        owned: false, below_zero: true;
    Spread = "spread", per "currency": "what we earned by exchanging",
        owned: false, below_zero: false;
    Disputes = "disputes", per "currency": "minus what is contested and not decided",
        owned: false, below_zero: true;
    Losses = "losses", per "currency": "minus what we gave up",
        owned: false, below_zero: true;
    Limit = "limit", per "owner, currency, period": "what may still be moved in the period",
        owned: true, below_zero: false;
    Limits = "limits", per "currency": "minus all allowances: the other side of every limit",
        owned: false, below_zero: true;
    Nostro = "nostro", per "rail, currency": "minus what we have at that bank",
        owned: false, below_zero: true;
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
            .iter()
            .copied()
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

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
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

/// An account as an entry names it. One that has an owner was opened for the owner and is named by
/// its id; a house account is named by what it is for, because the first entry that needs one also
/// opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountRef {
    Wallet(AccountId),
    Float(AccountId),
    Limit(AccountId),
    Pool(Place),
    Suspense(RailId),
    Nostro(RailId),
    Fees,
    Liquidity,
    Spread,
    Disputes,
    Losses,
    Limits,
}

impl AccountRef {
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Wallet(_) => Purpose::Wallet,
            Self::Float(_) => Purpose::Float,
            Self::Limit(_) => Purpose::Limit,
            Self::Pool(_) => Purpose::Pool,
            Self::Suspense(_) => Purpose::Suspense,
            Self::Nostro(_) => Purpose::Nostro,
            Self::Fees => Purpose::Fees,
            Self::Liquidity => Purpose::Liquidity,
            Self::Spread => Purpose::Spread,
            Self::Disputes => Purpose::Disputes,
            Self::Losses => Purpose::Losses,
            Self::Limits => Purpose::Limits,
        }
    }

    pub const fn place(self) -> Place {
        match self {
            Self::Pool(place) => place,
            Self::Suspense(rail) | Self::Nostro(rail) => Place::Rail(rail),
            _ => Place::Internal,
        }
    }

    /// The id by which it is named; house accounts have none in an entry.
    pub const fn owned(self) -> Option<AccountId> {
        match self {
            Self::Wallet(id) | Self::Float(id) | Self::Limit(id) => Some(id),
            _ => None,
        }
    }

    /// How an entry names the account that is stored like this; `None` where no purpose is so placed.
    pub(crate) const fn stored(purpose: Purpose, place: Place, id: AccountId) -> Option<Self> {
        Some(match (purpose, place) {
            (Purpose::Pool, place) => Self::Pool(place),
            (Purpose::Suspense, Place::Rail(rail)) => Self::Suspense(rail),
            (Purpose::Nostro, Place::Rail(rail)) => Self::Nostro(rail),
            (Purpose::Wallet, Place::Internal) => Self::Wallet(id),
            (Purpose::Float, Place::Internal) => Self::Float(id),
            (Purpose::Limit, Place::Internal) => Self::Limit(id),
            (Purpose::Fees, Place::Internal) => Self::Fees,
            (Purpose::Liquidity, Place::Internal) => Self::Liquidity,
            (Purpose::Spread, Place::Internal) => Self::Spread,
            (Purpose::Disputes, Place::Internal) => Self::Disputes,
            (Purpose::Losses, Place::Internal) => Self::Losses,
            (Purpose::Limits, Place::Internal) => Self::Limits,
            _ => return None,
        })
    }
}

impl fmt::Display for AccountRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let purpose = self.purpose();
        match (self.owned(), self.place()) {
            (Some(id), _) => write!(f, "{purpose} {id}"),
            (None, Place::Internal) => write!(f, "{purpose}"),
            (None, place) => write!(f, "{purpose} {place}"),
        }
    }
}

impl FromStr for AccountRef {
    type Err = UnknownWord;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let (purpose, rest) = text.split_once(' ').unwrap_or((text, ""));
        let purpose: Purpose = purpose.parse()?;
        if purpose.is_owned() {
            let id = rest.parse().map_err(|_| UnknownWord)?;
            return Self::stored(purpose, Place::Internal, id).ok_or(UnknownWord);
        }
        let place = match rest {
            "" => Place::Internal,
            rail => rail.parse().map(Place::Rail).map_err(|_| UnknownWord)?,
        };
        Self::stored(purpose, place, AccountId::from_bits(0)).ok_or(UnknownWord)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_words_are_read_back() {
        let id = AccountId::from_bits(7);
        let mut named = 0;
        for purpose in Purpose::ALL.iter().copied() {
            assert_eq!(purpose.name().parse(), Ok(purpose));
            for place in [Place::Internal, Place::Rail(RailId::SandboxBank)] {
                assert_eq!(place.name().parse(), Ok(place));
                if let Some(account) = AccountRef::stored(purpose, place, id) {
                    named += 1;
                    assert_eq!((account.purpose(), account.place()), (purpose, place));
                    assert_eq!(account.to_string().parse(), Ok(account));
                    assert_eq!(account.owned().is_some(), purpose.is_owned());
                }
            }
        }
        assert_eq!(
            named,
            Purpose::ALL.len() + 1,
            "every purpose, and pools in both places"
        );
        assert!("Wallet".parse::<Purpose>().is_err());
        assert!("".parse::<Place>().is_err());
        assert!("wallet".parse::<AccountRef>().is_err());
        assert!("nostro".parse::<AccountRef>().is_err());
    }
}
