//! The activities that write into our own books.

#![allow(missing_debug_implementations)] // The SDK's macro defines marker types without it.

mod record;
mod screen;
mod turn;

use std::sync::Arc;

use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use transfers::Transfers;
use workflows::activities::{
    Booked, Decided, Dispute, Record, Screen, Screened, TakeTurn, definitions,
};

#[derive(Debug)]
pub struct Books {
    transfers: Transfers,
}

impl Books {
    pub fn new(transfers: Transfers) -> Self {
        Self { transfers }
    }
}

#[activities]
impl Books {
    #[activity(definition = definitions::Record)]
    pub async fn record(
        self: Arc<Self>,
        _: ActivityContext,
        record: Record,
    ) -> Result<Booked, ActivityError> {
        record::record(&self.transfers, record).await
    }

    #[activity(definition = definitions::Turn)]
    pub async fn turn(
        self: Arc<Self>,
        _: ActivityContext,
        turn: TakeTurn,
    ) -> Result<Booked, ActivityError> {
        turn::turn(&self.transfers, turn).await
    }

    #[activity(definition = definitions::Decided)]
    pub async fn decided(
        self: Arc<Self>,
        _: ActivityContext,
        dispute: Dispute,
    ) -> Result<Decided, ActivityError> {
        turn::decided(&self.transfers, dispute).await
    }

    #[activity(definition = definitions::Screen)]
    pub async fn screen(
        self: Arc<Self>,
        _: ActivityContext,
        screen: Screen,
    ) -> Result<Screened, ActivityError> {
        screen::screen(&self.transfers, screen).await
    }
}
