//! Rails, and the port behind which a bank or a card network lives: one small trait with optional
//! abilities.

mod answer;
mod capacity;
mod cards;
mod checkouts;
mod port;
mod promises;
mod statement;
mod webhook;
mod word;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use answer::{Answer, Found, PortError, Rejection};
pub use capacity::{Breaker, Capacity};
pub use cards::{
    CardAsk, CardKey, CardOrder, CardPart, CardPayment, CardToken, Cards, InvalidCardKey,
    NetworkReference,
};
pub use checkouts::{CheckoutOrder, CheckoutPage, CheckoutQuestion, Checkouts};
pub use port::{
    BankAccountNumber, Canceled, Cancellations, Debits, Inquiries, Inquiry, Instruction, Payouts,
    Rail,
};
pub use promises::{CutOff, RailPromises, Refunds};
pub use statement::{Cursor, Line, LineKind, Page, Statements};
pub use webhook::{Ask, Header, Notice, NoticeError, Webhooks};
pub use word::{Way, Word, WordOutcome};

/// The rails this house knows. A new bank is a new variant; the compiler then lists every place
/// that must decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RailId {
    /// The sandbox bank that ships in the binary.
    SandboxBank,
    /// The sandbox card network that ships in the binary.
    SandboxCards,
    /// Stripe, or whoever speaks its interface.
    Stripe,
    /// A bank that takes ISO 20022 messages.
    Iso20022,
}

impl RailId {
    pub const ALL: [Self; 4] = [
        Self::SandboxBank,
        Self::SandboxCards,
        Self::Stripe,
        Self::Iso20022,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::SandboxBank => "sandbox_bank",
            Self::SandboxCards => "sandbox_cards",
            Self::Stripe => "stripe",
            Self::Iso20022 => "iso20022",
        }
    }

    /// No real money is behind it.
    pub const fn is_sandbox(self) -> bool {
        match self {
            Self::SandboxBank | Self::SandboxCards => true,
            Self::Stripe | Self::Iso20022 => false,
        }
    }

    /// Whether a card is linked under it.
    pub const fn takes_cards(self) -> bool {
        match self {
            Self::SandboxCards | Self::Stripe => true,
            Self::SandboxBank | Self::Iso20022 => false,
        }
    }

    /// Whether it can pay a card. No network here can: a card's payment can only be given back.
    pub const fn pays_cards(self) -> bool {
        match self {
            Self::SandboxBank | Self::SandboxCards | Self::Stripe | Self::Iso20022 => false,
        }
    }

    /// For how long a page on which it asks payers stays open; none where it has no such pages.
    pub const fn checkout_open_for(self) -> Option<Duration> {
        match self {
            // Stripe takes half an hour to a day.
            Self::SandboxCards | Self::Stripe => Some(Duration::from_secs(3_600)),
            Self::SandboxBank | Self::Iso20022 => None,
        }
    }

    /// Whether it asks payers on a page of its own.
    pub const fn has_a_checkout(self) -> bool {
        self.checkout_open_for().is_some()
    }

    /// Whether a bank account is linked under it; a card is not.
    pub const fn reaches_bank_accounts(self) -> bool {
        match self {
            Self::SandboxBank | Self::Iso20022 => true,
            Self::SandboxCards | Self::Stripe => false,
        }
    }
}

impl fmt::Display for RailId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a rail that this version knows")]
pub struct UnknownRail;

impl FromStr for RailId {
    type Err = UnknownRail;

    fn from_str(name: &str) -> Result<Self, UnknownRail> {
        Self::ALL
            .into_iter()
            .find(|rail| rail.name() == name)
            .ok_or(UnknownRail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_are_what_json_says() {
        for rail in RailId::ALL {
            assert_eq!(rail.name().parse(), Ok(rail));
            assert_eq!(serde_json::to_string(&rail).unwrap(), format!("\"{rail}\""));
        }
    }
}
