//! Checkouts: the provider asks a payer on a page of its own, and we ask the provider what came of
//! it. Opening a page moves nothing; from then on the money may come at any time until it closes.

use async_trait::async_trait;

use super::{Found, PortError};
use crate::{Money, StepKey, Timestamp};

/// A page to be opened. `key` is our reference there, the same on every attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckoutOrder {
    pub key: StepKey,
    pub money: Money,
    /// Nobody can pay from then on.
    pub until: Timestamp,
}

/// A page that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutPage {
    /// The provider's own name for it.
    pub reference: String,
    /// Where the payer pays.
    pub link: String,
}

/// A question about one of our pages, with what it was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutQuestion {
    pub key: StepKey,
    pub money: Money,
    /// None where we never heard which page it is. Then nobody can have been sent there.
    pub page: Option<String>,
}

#[async_trait]
pub trait Checkouts: Send + Sync {
    /// A repetition gets the same page.
    async fn open(&self, order: &CheckoutOrder) -> Result<CheckoutPage, PortError>;

    /// What became of it: pending while somebody may still pay, executed once somebody has,
    /// rejected when it closed unpaid. Asks and changes nothing.
    async fn find(&self, about: &CheckoutQuestion) -> Result<Found, PortError>;

    /// Nobody can pay any more. What was paid before stays paid: a question tells which it is. May
    /// be repeated.
    async fn close(&self, about: &CheckoutQuestion) -> Result<(), PortError>;
}
