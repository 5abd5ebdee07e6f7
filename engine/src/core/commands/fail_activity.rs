//! An attempt of an activity failed or timed out: another one after the back-off, or the end.

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::Payloads;
use temporalio_protos::temporal::api::enums::v1::{RetryState, TimeoutType};
use temporalio_protos::temporal::api::failure::v1::{
    Failure, TimeoutFailureInfo, failure::FailureInfo,
};
use temporalio_protos::temporal::api::history::v1::{
    ActivityTaskFailedEventAttributes, ActivityTaskTimedOutEventAttributes,
};

use super::complete_activity::{Which, resolve, write_start};
use crate::core::failure::of_attempt;
use crate::core::record::{ActivityRetry, Fact, Heartbeat};
use crate::core::retry::{self, Verdict};
use crate::core::{Outcome, Refusal, Run, Step};

#[derive(Debug)]
pub(crate) struct FailActivity {
    pub(crate) which: Which,
    pub(crate) failure: Failure,
    pub(crate) identity: String,
    pub(crate) last_heartbeat_details: Option<Payloads>,
}

pub(crate) fn apply(run: &mut Run, cmd: FailActivity, now: Timestamp) -> Result<Outcome, Refusal> {
    let scheduled_event_id = resolve(run, &cmd.which)?;
    // Completed may be what nobody took; what failed was taken by somebody.
    let activity = run.activities.get(&scheduled_event_id);
    if activity.is_none_or(|activity| activity.started().is_none()) {
        return Err(Refusal::StaleActivity);
    }
    let mut step = Step::new(run, now);
    if let Some(details) = cmd.last_heartbeat_details {
        step.note(Fact::Heartbeat(Heartbeat {
            scheduled_id: scheduled_event_id,
            details: Some(details),
        }));
    }
    if let Some(retry_state) = retry_or(&mut step, scheduled_event_id, &cmd.failure) {
        let started_event_id = write_start(&mut step, scheduled_event_id);
        step.incoming(ActivityTaskFailedEventAttributes {
            failure: Some(cmd.failure),
            scheduled_event_id,
            started_event_id,
            identity: cmd.identity,
            retry_state: retry_state as i32,
            ..ActivityTaskFailedEventAttributes::default()
        });
        step.ensure_task();
    }
    Ok(step.finish())
}

/// A timeout struck. Whether it may be retried is the policy's word, as for any failure.
pub(crate) fn time_out(step: &mut Step<'_>, scheduled_event_id: i64, kind: TimeoutType) {
    let Some(activity) = step.run.activities.get(&scheduled_event_id) else {
        return;
    };
    let details = activity.beat_details.clone();
    let mut failure = timeout_failure(kind);
    let previous = activity.last_failure.clone();
    let Some(retry_state) = retry_or(step, scheduled_event_id, &failure) else {
        return;
    };
    if let Some(FailureInfo::TimeoutFailureInfo(info)) = &mut failure.failure_info {
        info.last_heartbeat_details = details;
    }
    if retry_state == RetryState::Timeout {
        // There would be time for no further attempt: that is what the whole timed out on.
        failure = timeout_failure(TimeoutType::ScheduleToClose);
        failure.message = "Not enough time to schedule next retry before activity ScheduleToClose \
                           timeout, giving up retrying"
            .to_owned();
    }
    failure.cause = previous
        .filter(|_| kind == TimeoutType::ScheduleToClose || kind == TimeoutType::ScheduleToStart)
        .map(Box::new);
    let started_event_id = write_start(step, scheduled_event_id);
    step.incoming(ActivityTaskTimedOutEventAttributes {
        failure: Some(failure),
        scheduled_event_id,
        started_event_id,
        retry_state: retry_state as i32,
    });
    step.ensure_task();
}

fn timeout_failure(kind: TimeoutType) -> Failure {
    let name = match kind {
        TimeoutType::StartToClose => "StartToClose",
        TimeoutType::ScheduleToStart => "ScheduleToStart",
        TimeoutType::Heartbeat => "Heartbeat",
        TimeoutType::ScheduleToClose | TimeoutType::Unspecified => "ScheduleToClose",
    };
    Failure {
        message: format!("activity {name} timeout"),
        source: "Server".to_owned(),
        failure_info: Some(FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
            timeout_type: kind as i32,
            last_heartbeat_details: None,
        })),
        ..Failure::default()
    }
}

/// Arranges the next attempt, or says why there is none.
fn retry_or(step: &mut Step<'_>, scheduled_id: i64, failure: &Failure) -> Option<RetryState> {
    let activity = step.run.activities.get(&scheduled_id)?;
    match retry::verdict(activity, failure, step.now) {
        Verdict::Over(state) => Some(state),
        Verdict::Again { at } => {
            let identity = activity
                .started()
                .map_or_else(String::new, |started| started.identity.clone());
            let next_attempt = activity.attempt + 1;
            step.note(Fact::ActivityRetry(Box::new(ActivityRetry {
                scheduled_id,
                next_attempt,
                next_at: at.as_micros(),
                failure: Some(of_attempt(failure)),
                identity,
            })));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn comes_back_after_the_back_off_and_leaves_one_started_event() {
        check(
            "start; poll; complete activity=a; start_activity a; fail_activity a; wait 1; \
             start_activity a; complete_activity a",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 ActivityTaskScheduled a
                → offer activity 5 attempt 1
                → offer activity 5 attempt 2
                6 ActivityTaskStarted of 5 attempt 2
                7 ActivityTaskCompleted of 5 started 6
                8 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }

    #[test]
    fn the_last_permitted_attempt_fails_the_activity() {
        check(
            "start; poll; complete activity=a maximum_attempts=2; start_activity a; fail_activity a; \
             wait 1; start_activity a; fail_activity a",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 ActivityTaskScheduled a
                → offer activity 5 attempt 1
                → offer activity 5 attempt 2
                6 ActivityTaskStarted of 5 attempt 2
                7 ActivityTaskFailed of 5 started 6 MaximumAttemptsReached
                8 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }

    #[test]
    fn the_back_off_survives_a_restart() {
        check(
            "start; poll; complete activity=a; start_activity a; fail_activity a; restart; wait 1",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 ActivityTaskScheduled a
                → offer activity 5 attempt 1
                → offer activity 5 attempt 2
            "#]],
        );
    }
}
