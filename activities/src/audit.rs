//! The activities that ask what people decided, and record that it was done.

#![allow(missing_debug_implementations)] // The SDK's macro defines marker types without it.

mod act;
mod approved;

use std::sync::Arc;

use ::audit::NotApproved;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use transfers::Transfers;
use workflows::activities::{Act, Acted, Approval, Asked, definitions};

#[derive(Debug)]
pub struct Audit {
    audit: ::audit::Audit,
    transfers: Transfers,
}

impl Audit {
    pub const fn new(audit: ::audit::Audit, transfers: Transfers) -> Self {
        Self { audit, transfers }
    }
}

#[activities]
impl Audit {
    #[activity(definition = definitions::Approved)]
    pub async fn approved(
        self: Arc<Self>,
        _: ActivityContext,
        asked: Asked,
    ) -> Result<Approval, ActivityError> {
        approved::approved(&self, asked).await
    }

    #[activity(definition = definitions::Act)]
    pub async fn act(
        self: Arc<Self>,
        _: ActivityContext,
        act: Act,
    ) -> Result<Acted, ActivityError> {
        act::act(&self, act).await
    }
}

/// The word for machines.
const fn code_of(why: NotApproved) -> &'static str {
    match why {
        NotApproved::Unknown => "no_such_action",
        NotApproved::Waiting => "not_approved",
        NotApproved::Denied => "denied",
        NotApproved::Used => "used",
    }
}
