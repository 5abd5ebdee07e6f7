//! A running activity says that it lives, and learns whether it should stop.

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::Payloads;

use super::complete_activity::{Which, resolve};
use crate::core::record::{Fact, Heartbeat as Beat};
use crate::core::{Outcome, Refusal, Run, Step};

#[derive(Debug)]
pub(crate) struct Heartbeat {
    pub(crate) which: Which,
    pub(crate) details: Option<Payloads>,
}

#[derive(Debug)]
pub(crate) struct Beaten {
    pub(crate) outcome: Outcome,
    pub(crate) cancel_requested: bool,
}

pub(crate) fn apply(run: &mut Run, cmd: Heartbeat, now: Timestamp) -> Result<Beaten, Refusal> {
    let scheduled_id = resolve(run, &cmd.which)?;
    let mut step = Step::new(run, now);
    let Some(activity) = step.run.activities.get_mut(&scheduled_id) else {
        return Err(Refusal::StaleActivity);
    };
    if activity.started().is_none() {
        return Err(Refusal::StaleActivity);
    }
    activity.last_beat = Some(now);
    let cancel_requested = activity.cancel_requested_id.is_some();
    // A bare sign of life only moves a timeout; details are a promise to the next attempt.
    if cmd.details.is_some() && cmd.details != activity.beat_details {
        step.note(Fact::Heartbeat(Beat {
            scheduled_id,
            details: cmd.details,
        }));
    }
    Ok(Beaten {
        outcome: step.finish(),
        cancel_requested,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn keeps_the_activity_alive_until_it_stops() {
        check(
            "start; poll; complete activity=a heartbeat=10 maximum_attempts=1; start_activity a; \
             wait 8; beat a; wait 8; beat a; wait 10",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 ActivityTaskScheduled a
                → offer activity 5 attempt 1
                6 ActivityTaskStarted of 5 attempt 1
                7 ActivityTaskTimedOut of 5 started 6 Heartbeat MaximumAttemptsReached
                8 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }
}
