//! One transfer, from accepted to final. Decisions only: every effect is an activity.

#![allow(missing_debug_implementations)] // The SDK's macros define marker types without it.

mod bank;
mod books;
mod card;
mod doubt;
mod operator;
mod run;
mod screen;

use domain::TransferId;
use domain::transfer::{Order, Status};
use serde::{Deserialize, Serialize};
use temporalio_workflow::{WorkflowContext, WorkflowContextView, WorkflowResult};

/// The workflow id of a transfer: one transfer, one workflow, whoever starts it.
pub fn workflow_id(transfer: TransferId) -> String {
    format!("transfer/{transfer}")
}

#[temporalio_macros::workflow]
#[derive(Debug)]
pub struct Transfer {
    order: Order,
    pub(crate) standing: Standing,
    /// How often an operator asked to try the stuck step again.
    tries_asked: u32,
    /// What a person said while it was in review. The first word counts.
    approved: Option<bool>,
}

/// Where a transfer stands, as a query answers it. Ids and words only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub status: Status,
    /// The sentence an operator reads first.
    pub doing: String,
}

/// What every part of this workflow is handed.
pub(crate) type Ctx = WorkflowContext<Transfer>;

#[temporalio_macros::workflow_methods]
impl Transfer {
    #[init]
    fn new(_: &WorkflowContextView, order: Order) -> Self {
        Self {
            order,
            standing: Standing {
                status: Status::Created,
                doing: "about to begin".into(),
            },
            tries_asked: 0,
            approved: None,
        }
    }

    #[run(name = "transfer")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Status> {
        run::transfer(ctx).await
    }

    /// Where the transfer stands right now.
    #[query(name = "standing")]
    pub fn standing(&self, _: &WorkflowContextView) -> Standing {
        self.standing.clone()
    }

    /// Tries the stuck step again. It carries no facts: the step, its amount and its reference at
    /// the bank stay what they were, so this can never move money that was not already decided.
    #[signal(name = "try_again")]
    pub fn try_again(&mut self, _: &mut temporalio_workflow::SyncWorkflowContext<Self>) {
        self.tries_asked += 1;
    }
}
