//! One occurrence of a schedule: the engine starts it when its time comes, and it has our records
//! make a transfer of it. Whether it is one, and is still wanted, they decide.

#![allow(missing_debug_implementations)] // The SDK's macros define marker types without it.

use domain::{ScheduleId, Tenant, Timestamp};
use serde::{Deserialize, Serialize};
use temporalio_common::error::ApplicationFailure;
use temporalio_common::search_attributes::SearchAttributeKey;
use temporalio_workflow::{WorkflowContext, WorkflowContextView, WorkflowResult};

use crate::activities::{Occur, Occurred, Plans};
use crate::options;

/// The id of a schedule in the engine.
pub fn schedule_id(schedule: ScheduleId) -> String {
    format!("schedule/{schedule}")
}

/// The beginning of the workflow ids of its occurrences; the engine adds the instant.
pub fn occurrence_id(schedule: ScheduleId) -> String {
    format!("occurrence/{schedule}")
}

/// What the engine is told once and gives to each occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfSchedule {
    pub tenant: Tenant,
    pub schedule: ScheduleId,
}

#[temporalio_macros::workflow]
#[derive(Debug)]
pub struct Occurrence {
    of: OfSchedule,
}

#[temporalio_macros::workflow_methods]
impl Occurrence {
    #[init]
    fn new(_: &WorkflowContextView, of: OfSchedule) -> Self {
        Self { of }
    }

    #[run(name = "occurrence")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Occurred> {
        let of = ctx.state(|occurrence| occurrence.of);
        let Some(falls_at) = falls_at(ctx) else {
            let why = "no schedule started this, so no occurrence belongs to it; nothing was done";
            return Err(ApplicationFailure::non_retryable(why.to_owned()).into());
        };
        let occur = Occur {
            tenant: of.tenant,
            schedule: of.schedule,
            falls_at,
        };
        let occurred = ctx
            .execute_local_activity(Plans::occur, occur, options::books("occur"))
            .await?;
        Ok(occurred)
    }
}

/// The time for which the engine started it, however late it did.
fn falls_at(ctx: &WorkflowContext<Occurrence>) -> Option<Timestamp> {
    let key = SearchAttributeKey::datetime("TemporalScheduledStartTime");
    let at = ctx.search_attributes().get(&key)?;
    Some(Timestamp::from_split(at.seconds(), at.nanos()))
}
