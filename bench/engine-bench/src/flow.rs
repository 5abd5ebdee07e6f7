//! The workflows that are measured. Their activities do nothing: what remains is the engine, the
//! SDK and the disk.

use std::time::Duration;

use clap::ValueEnum;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use temporalio_sdk::{ActivityOptions, LocalActivityOptions, WorkflowContext, WorkflowResult};

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Shape {
    /// Three activities, one after the other: debit, credit, pay out.
    Three,
    /// Two local activities and a regular one: a transfer as our workflows write it.
    TwoLocal,
    /// Nothing at all.
    Empty,
}

pub(crate) struct Steps;

#[activities]
impl Steps {
    #[activity]
    pub(crate) async fn step(_: ActivityContext, amount: i64) -> Result<i64, ActivityError> {
        Ok(amount)
    }
}

#[workflow]
#[derive(Default)]
pub(crate) struct Three;

#[workflow_methods]
impl Three {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, amount: i64) -> WorkflowResult<i64> {
        let mut moved = amount;
        for _ in 0..3 {
            moved = ctx.execute_activity(Steps::step, moved, within()).await?;
        }
        Ok(moved)
    }
}

#[workflow]
#[derive(Default)]
pub(crate) struct TwoLocal;

#[workflow_methods]
impl TwoLocal {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, amount: i64) -> WorkflowResult<i64> {
        let mut moved = amount;
        for _ in 0..2 {
            let local = LocalActivityOptions::default();
            moved = ctx
                .execute_local_activity(Steps::step, moved, local)
                .await?;
        }
        Ok(ctx.execute_activity(Steps::step, moved, within()).await?)
    }
}

#[workflow]
#[derive(Default)]
pub(crate) struct Empty;

#[workflow_methods]
impl Empty {
    #[run]
    pub(crate) async fn run(_: &mut WorkflowContext<Self>, amount: i64) -> WorkflowResult<i64> {
        Ok(amount)
    }
}

const MINUTE: Duration = Duration::from_secs(60);

fn within() -> ActivityOptions {
    ActivityOptions::start_to_close_timeout(MINUTE)
}
