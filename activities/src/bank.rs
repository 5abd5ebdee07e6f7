//! The activities that talk to a bank.

#![allow(missing_debug_implementations)] // The SDK's macro defines marker types without it.

mod card;
mod checkout;
mod debit;
mod elsewhere;
mod errand;
#[cfg(test)]
mod forgotten;
mod inquire;
mod pay_out;
mod quarantine;
mod statement;
mod submit;

use std::sync::Arc;

use adapters::Rails;
use ambient::SharedClock;
use domain::rail::{CardPart, RailId};
use identity::Identity;
use rails::{Gate, Gates, Watched};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use transfers::Transfers;
use workflows::activities::{BankAnswer, BankStep, CheckoutAnswer, Verdict, definitions};

pub use statement::StatementError;

/// Clones share everything: each rail's queues have workers of their own.
#[derive(Clone, Debug)]
pub struct Bank {
    transfers: Transfers,
    identity: Identity,
    audit: ::audit::Audit,
    rails: Rails,
    gates: Gates,
    clock: SharedClock,
}

impl Bank {
    /// Its rails are as their contracts say, until [`Bank::through`] says otherwise.
    pub fn new(
        transfers: Transfers,
        identity: Identity,
        audit: ::audit::Audit,
        rails: Rails,
        clock: SharedClock,
    ) -> Self {
        let gates = Gates::new(Watched::default(), clock.clone(), "");
        Self {
            transfers,
            identity,
            audit,
            rails,
            gates,
            clock,
        }
    }

    /// With gates that others close and open too.
    #[must_use]
    pub fn through(self, gates: Gates) -> Self {
        Self { gates, ..self }
    }

    /// What every call to a rail passes.
    pub fn gate(&self, rail: RailId) -> Arc<Gate> {
        self.gates.rail(rail)
    }

    /// The rails that can be reached from here.
    pub fn rails(&self) -> impl Iterator<Item = RailId> {
        self.rails.ids()
    }
}

#[activities]
impl Bank {
    #[activity(definition = definitions::Debit)]
    pub async fn debit(
        self: Arc<Self>,
        _: ActivityContext,
        step: BankStep,
    ) -> Result<BankAnswer, ActivityError> {
        debit::debit(&self, step).await
    }

    #[activity(definition = definitions::PayOut)]
    pub async fn pay_out(
        self: Arc<Self>,
        _: ActivityContext,
        step: BankStep,
    ) -> Result<BankAnswer, ActivityError> {
        pay_out::pay_out(&self, step).await
    }

    #[activity(definition = definitions::Authorise)]
    pub async fn authorise(
        self: Arc<Self>,
        _: ActivityContext,
        step: BankStep,
    ) -> Result<BankAnswer, ActivityError> {
        card::ask(&self, step, CardPart::Authorise).await
    }

    #[activity(definition = definitions::Capture)]
    pub async fn capture(
        self: Arc<Self>,
        _: ActivityContext,
        step: BankStep,
    ) -> Result<BankAnswer, ActivityError> {
        card::ask(&self, step, CardPart::Capture).await
    }

    #[activity(definition = definitions::Void)]
    pub async fn void(
        self: Arc<Self>,
        _: ActivityContext,
        step: BankStep,
    ) -> Result<BankAnswer, ActivityError> {
        card::ask(&self, step, CardPart::Void).await
    }

    #[activity(definition = definitions::Refund)]
    pub async fn refund(
        self: Arc<Self>,
        _: ActivityContext,
        step: BankStep,
    ) -> Result<BankAnswer, ActivityError> {
        card::ask(&self, step, CardPart::Refund).await
    }

    #[activity(definition = definitions::OpenCheckout)]
    pub async fn open_checkout(
        self: Arc<Self>,
        _: ActivityContext,
        step: BankStep,
    ) -> Result<CheckoutAnswer, ActivityError> {
        checkout::open(&self, step).await
    }

    #[activity(definition = definitions::CloseCheckout)]
    pub async fn close_checkout(
        self: Arc<Self>,
        _: ActivityContext,
        step: BankStep,
    ) -> Result<Verdict, ActivityError> {
        checkout::close(&self, step).await
    }

    #[activity(definition = definitions::Inquire)]
    pub async fn inquire(
        self: Arc<Self>,
        _: ActivityContext,
        step: BankStep,
    ) -> Result<Verdict, ActivityError> {
        inquire::inquire(&self, step).await
    }
}
