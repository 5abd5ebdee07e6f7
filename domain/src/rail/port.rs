//! The port: what every rail says of itself, and the abilities it may have.

use std::fmt;

use async_trait::async_trait;

use super::{
    Answer, Capacity, Cards, Checkouts, Found, PortError, RailId, RailPromises, Statements,
    Webhooks,
};
use crate::{Money, StepKey};

/// A bank account's number. Personal data: never printed, never in a history.
#[derive(Clone, PartialEq, Eq)]
pub struct BankAccountNumber(String);

impl BankAccountNumber {
    pub fn new(number: impl Into<String>) -> Self {
        Self(number.into())
    }

    /// For the rail's request only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BankAccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BankAccountNumber(…)")
    }
}

/// One movement at a bank. `key` is our reference there, the same on every attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    pub key: StepKey,
    pub account: BankAccountNumber,
    pub money: Money,
}

/// A question about one of our references, with what it was about: an answer about another amount
/// answers another question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inquiry {
    pub key: StepKey,
    pub money: Money,
}

/// What became of the wish to take an instruction back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Canceled {
    /// It was not executed and never will be.
    Done,
    /// The bank had decided already: ask what.
    TooLate,
    /// The bank does not know the reference (yet), which is no proof that it never will.
    NotFound,
}

/// A bank or network, with the abilities it has.
pub trait Rail: Send + Sync + fmt::Debug {
    fn id(&self) -> RailId;

    fn promises(&self) -> RailPromises {
        self.id().promises()
    }

    fn capacity(&self) -> Capacity {
        self.id().capacity()
    }

    /// Takes money from an account into ours.
    fn debits(&self) -> Option<&dyn Debits> {
        None
    }

    /// Pays money out of ours into an account.
    fn payouts(&self) -> Option<&dyn Payouts> {
        None
    }

    /// Answers what became of one of our references.
    fn inquiries(&self) -> Option<&dyn Inquiries> {
        None
    }

    /// Takes back what was not decided yet.
    fn cancellations(&self) -> Option<&dyn Cancellations> {
        None
    }

    /// Authorises, captures, voids and refunds on cards.
    fn cards(&self) -> Option<&dyn Cards> {
        None
    }

    /// Asks payers on pages of its own. What was paid there is given back as a card's payment is.
    fn checkouts(&self) -> Option<&dyn Checkouts> {
        None
    }

    /// Tells every movement on our account there.
    fn statements(&self) -> Option<&dyn Statements> {
        None
    }

    /// Understands what the bank sends by itself.
    fn webhooks(&self) -> Option<&dyn Webhooks> {
        None
    }
}

#[async_trait]
pub trait Debits: Send + Sync {
    async fn debit(&self, instruction: &Instruction) -> Result<Answer, PortError>;
}

#[async_trait]
pub trait Payouts: Send + Sync {
    async fn pay_out(&self, instruction: &Instruction) -> Result<Answer, PortError>;
}

#[async_trait]
pub trait Inquiries: Send + Sync {
    /// An inquiry changes nothing at the bank, so any error only means "ask again later".
    async fn inquire(&self, about: &Inquiry) -> Result<Found, PortError>;
}

#[async_trait]
pub trait Cancellations: Send + Sync {
    /// May be repeated: what is canceled stays canceled. An error leaves the instruction as it
    /// was, or canceled; an inquiry tells.
    async fn cancel(&self, about: &Inquiry) -> Result<Canceled, PortError>;
}
