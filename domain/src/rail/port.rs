//! The port: what every rail says of itself, and the abilities it may have.

use std::fmt;

use async_trait::async_trait;

use super::{Answer, Found, PortError, RailId, RailPromises};
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

/// A bank or network, with the abilities it has.
pub trait Rail: Send + Sync + fmt::Debug {
    fn id(&self) -> RailId;

    fn promises(&self) -> RailPromises {
        self.id().promises()
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
    async fn inquire(&self, key: StepKey) -> Result<Found, PortError>;
}
