//! The activities that make transfers of what was ordered for later, or many at once.

#![allow(missing_debug_implementations)] // The SDK's macro defines marker types without it.

mod look;
mod occur;

use std::fmt;
use std::sync::Arc;

use domain::transfer::Order;
use futures::future::BoxFuture;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use transfers::Transfers;
use workflows::activities::{Look, Looked, Occur, Occurred, definitions};

/// Starts the workflow of an accepted transfer now. Best effort: what is not started here the
/// sweeper starts from its row.
pub trait Starts: Send + Sync + fmt::Debug {
    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, ()>;
}

#[derive(Debug)]
pub struct Plans {
    transfers: Transfers,
    starts: Arc<dyn Starts>,
}

impl Plans {
    pub fn new(transfers: Transfers, starts: Arc<dyn Starts>) -> Self {
        Self { transfers, starts }
    }
}

#[activities]
impl Plans {
    #[activity(definition = definitions::Occur)]
    pub async fn occur(
        self: Arc<Self>,
        _: ActivityContext,
        occur: Occur,
    ) -> Result<Occurred, ActivityError> {
        occur::occur(&self, occur).await
    }

    #[activity(definition = definitions::Look)]
    pub async fn look(
        self: Arc<Self>,
        _: ActivityContext,
        look: Look,
    ) -> Result<Looked, ActivityError> {
        look::look(&self, look).await
    }
}
