//! An activity succeeded, or accepted its cancellation.

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::Payloads;
use temporalio_protos::temporal::api::history::v1::{
    ActivityTaskCanceledEventAttributes, ActivityTaskCompletedEventAttributes,
    ActivityTaskStartedEventAttributes,
};

use super::start_activity::{self, Starter};
use crate::core::activity::{Activity, ActivityFence, AttemptState};
use crate::core::{Outcome, Refusal, Run, Step};

/// Which activity is meant: the one of a token, or the one with this id, whoever runs it.
#[derive(Clone, Debug)]
pub(crate) enum Which {
    Token(ActivityFence),
    Id(String),
}

#[derive(Debug)]
pub(crate) struct CompleteActivity {
    pub(crate) which: Which,
    pub(crate) identity: String,
    pub(crate) end: End,
}

#[derive(Debug)]
pub(crate) enum End {
    Completed(Option<Payloads>),
    Canceled(Option<Payloads>),
}

pub(crate) fn apply(
    run: &mut Run,
    cmd: CompleteActivity,
    now: Timestamp,
) -> Result<Outcome, Refusal> {
    let scheduled_event_id = resolve(run, &cmd.which)?;
    if matches!(cmd.end, End::Canceled(_))
        && run
            .activities
            .get(&scheduled_event_id)
            .is_some_and(|activity| activity.cancel_requested_id.is_none())
    {
        return Err(Refusal::Invalid(
            "unable to mark activity as canceled without activity being request canceled first"
                .to_owned(),
        ));
    }
    let mut step = Step::new(run, now);
    start_if_nobody_did(&mut step, scheduled_event_id, &cmd.identity);
    let latest_cancel_requested_event_id = step
        .run
        .activities
        .get(&scheduled_event_id)
        .and_then(|activity| activity.cancel_requested_id)
        .unwrap_or(0);
    let started_event_id = write_start(&mut step, scheduled_event_id);
    match cmd.end {
        End::Completed(result) => step.incoming(ActivityTaskCompletedEventAttributes {
            result,
            scheduled_event_id,
            started_event_id,
            identity: cmd.identity,
            ..ActivityTaskCompletedEventAttributes::default()
        }),
        End::Canceled(details) => step.incoming(ActivityTaskCanceledEventAttributes {
            details,
            latest_cancel_requested_event_id,
            scheduled_event_id,
            started_event_id,
            identity: cmd.identity,
            ..ActivityTaskCanceledEventAttributes::default()
        }),
    };
    step.ensure_task();
    Ok(step.finish())
}

pub(crate) fn resolve(run: &Run, which: &Which) -> Result<i64, Refusal> {
    if !run.is_open() {
        return Err(Refusal::Closed);
    }
    let found = match which {
        Which::Token(fence) => run
            .activities
            .get(&fence.scheduled_id)
            .filter(|activity| stands(activity, *fence))
            .ok_or(Refusal::StaleActivity),
        Which::Id(id) => run
            .activity_by_id(id)
            .ok_or_else(|| Refusal::UnknownActivity(id.clone())),
    };
    found.map(|activity| activity.scheduled_id)
}

fn stands(activity: &Activity, fence: ActivityFence) -> bool {
    activity.attempt == fence.attempt
        && activity
            .started()
            .is_some_and(|started| started.epoch == fence.epoch)
}

/// Answered by id before any worker took it: whoever answers counts as having started it.
fn start_if_nobody_did(step: &mut Step<'_>, scheduled_id: i64, identity: &str) {
    let waiting = step
        .run
        .activities
        .get(&scheduled_id)
        .is_some_and(|activity| !matches!(activity.state, AttemptState::Started(_)));
    if waiting {
        let starter = Starter {
            identity: identity.to_owned(),
            ..Starter::default()
        };
        start_activity::begin(step, scheduled_id, starter);
    }
}

/// The started event, written only now that the activity is over. 0 when it never started, or
/// has no id yet.
#[allow(deprecated)] // The stamp is how today's workers name their build.
pub(crate) fn write_start(step: &mut Step<'_>, scheduled_event_id: i64) -> i64 {
    let Some(activity) = step.run.activities.get(&scheduled_event_id) else {
        return 0;
    };
    let Some(started) = activity.started() else {
        return 0;
    };
    let attributes = ActivityTaskStartedEventAttributes {
        scheduled_event_id,
        identity: started.identity.clone(),
        request_id: started.request_id.clone(),
        attempt: i32::try_from(activity.attempt).unwrap_or(i32::MAX),
        last_failure: activity.last_failure.clone(),
        worker_version: started.worker_version.clone(),
        ..ActivityTaskStartedEventAttributes::default()
    };
    step.incoming(attributes)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn writes_start_and_completion_together_and_wakes_the_workflow() {
        check(
            "start; poll; complete activity=a; start_activity a; complete_activity a; complete_activity a",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 ActivityTaskScheduled a
                → offer activity 5 attempt 1
                6 ActivityTaskStarted of 5 attempt 1
                7 ActivityTaskCompleted of 5 started 6
                8 WorkflowTaskScheduled
                → offer workflow task
                refused: invalid activityID or activity already timed out or invoking workflow is completed
            "#]],
        );
    }

    #[test]
    fn can_be_answered_by_id_before_any_worker_took_it() {
        check(
            "start; poll; complete activity=a; complete_activity_by_id a",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 ActivityTaskScheduled a
                → offer activity 5 attempt 1
                6 ActivityTaskStarted of 5 attempt 1
                7 ActivityTaskCompleted of 5 started 6
                8 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }
}
