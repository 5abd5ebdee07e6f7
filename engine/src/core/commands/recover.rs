//! A run was read back from the store: what only memory knew is gone, so what waited is offered
//! again and what was buffered gets its place.

use ambient::Timestamp;

use crate::core::activity::AttemptState;
use crate::core::{Action, Outcome, Run, Step};

pub(crate) fn apply(run: &mut Run, now: Timestamp) -> Outcome {
    let mut step = Step::new(run, now);
    if !step.run.is_open() {
        return step.finish();
    }
    // Nobody could beat while the engine was away: a worker that lives has its full time again.
    for activity in step.run.activities.values_mut() {
        activity.last_beat = Some(now).filter(|_| activity.started().is_some());
    }
    step.flush_buffered();
    // Events are buffered only while a task runs, so there always is one to offer.
    step.offer_task();
    let offered: Vec<_> = step
        .run
        .activities
        .values()
        .filter(|activity| matches!(activity.state, AttemptState::Offered))
        .map(|activity| (activity.scheduled_id, activity.attempt))
        .collect();
    for (scheduled_id, attempt) in offered {
        step.act(Action::OfferActivity {
            scheduled_id,
            attempt,
        });
    }
    step.finish()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn what_waited_for_the_running_task_is_kept() {
        check(
            "start; poll; signal a; restart; poll; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowExecutionSignaled a
                → offer workflow task
                4 WorkflowTaskStarted
                5 WorkflowTaskCompleted
            "#]],
        );
    }

    #[test]
    fn a_worker_that_beat_while_the_engine_was_away_has_its_time_again() {
        check(
            "start; poll; complete activity=a heartbeat=10 maximum_attempts=1; start_activity a; \
             wait 8; beat a; wait 8; beat a; restart; wait 9; complete_activity_by_id a",
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
