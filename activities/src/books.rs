//! The activities that write into our own books.

#![allow(missing_debug_implementations)] // The SDK's macro defines marker types without it.

mod record;
mod screen;

use std::sync::Arc;

use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use transfers::Transfers;
use workflows::activities::{Booked, Record, Screen, Screened, definitions};

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

    #[activity(definition = definitions::Screen)]
    pub async fn screen(
        self: Arc<Self>,
        _: ActivityContext,
        screen: Screen,
    ) -> Result<Screened, ActivityError> {
        screen::screen(&self.transfers, screen).await
    }
}
