//! A worker takes an activity. The start reaches history only when the activity is over; it is
//! durable before that only where attempts are bounded.

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::WorkerVersionStamp;

use crate::core::activity::{Activity, AttemptState, StartedActivity};
use crate::core::record::{ActivityStarted, Fact};
use crate::core::{Outcome, Refusal, Run, Step};

/// Who takes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Starter {
    pub(crate) identity: String,
    pub(crate) request_id: String,
    pub(crate) epoch: u64,
    pub(crate) worker_version: Option<WorkerVersionStamp>,
}

#[derive(Debug)]
pub(crate) struct StartActivity {
    pub(crate) scheduled_id: i64,
    pub(crate) attempt: u32,
    pub(crate) starter: Starter,
}

pub(crate) fn apply(run: &mut Run, cmd: StartActivity, now: Timestamp) -> Result<Outcome, Refusal> {
    let waiting = run
        .activities
        .get(&cmd.scheduled_id)
        .is_some_and(|activity| {
            activity.attempt == cmd.attempt && matches!(activity.state, AttemptState::Offered)
        });
    if !waiting {
        return Err(Refusal::NotWaiting);
    }
    let mut step = Step::new(run, now);
    begin(&mut step, cmd.scheduled_id, cmd.starter);
    Ok(step.finish())
}

pub(crate) fn begin(step: &mut Step<'_>, scheduled_id: i64, starter: Starter) {
    let now = step.now;
    let Some(activity) = step.run.activities.get_mut(&scheduled_id) else {
        return;
    };
    if activity.start_must_be_durable() {
        let attempt = activity.attempt;
        step.note(Fact::ActivityStarted(ActivityStarted {
            scheduled_id,
            attempt,
            identity: starter.identity,
            request_id: starter.request_id,
            epoch: starter.epoch,
            worker_version: starter.worker_version,
        }));
    } else {
        take(activity, starter, now);
    }
}

fn take(activity: &mut Activity, starter: Starter, at: Timestamp) {
    activity.state = AttemptState::Started(StartedActivity {
        at,
        identity: starter.identity,
        request_id: starter.request_id,
        epoch: starter.epoch,
        worker_version: starter.worker_version,
    });
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn is_started_once() {
        check(
            "start; poll; complete activity=a; start_activity a; start_activity a",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 ActivityTaskScheduled a
                → offer activity 5 attempt 1
                refused: task is not waiting to be started
            "#]],
        );
    }

    #[test]
    fn unbounded_attempts_are_handed_out_again_after_a_restart() {
        check(
            "start; poll; complete activity=a; start_activity a; restart; start_activity a",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 ActivityTaskScheduled a
                → offer activity 5 attempt 1
                → offer activity 5 attempt 1
            "#]],
        );
    }

    #[test]
    fn a_bounded_attempt_is_not_granted_twice_by_a_restart() {
        check(
            "start; poll; complete activity=a maximum_attempts=1 timeout=30; start_activity a; \
             restart; start_activity a; wait 30",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 ActivityTaskScheduled a
                → offer activity 5 attempt 1
                refused: task is not waiting to be started
                6 ActivityTaskStarted of 5 attempt 1
                7 ActivityTaskTimedOut of 5 started 6 StartToClose MaximumAttemptsReached
                8 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }
}
