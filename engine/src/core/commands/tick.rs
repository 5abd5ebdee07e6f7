//! Time passed: everything that is due happens now, the earliest first.
//!
//! `next` is what the run that follows is called, should this one time out and have a successor.

use ambient::Timestamp;
use temporalio_protos::temporal::api::enums::v1::TimeoutType;
use temporalio_protos::temporal::api::history::v1::{
    TimerFiredEventAttributes, WorkflowExecutionTimedOutEventAttributes,
    WorkflowTaskTimedOutEventAttributes,
};

use super::{fail_activity, terminate};
use crate::core::activity::{Alarm, AttemptState};
use crate::core::succession;
use crate::core::{Action, NextRun, Outcome, Run, Step};

pub(crate) fn apply(run: &mut Run, next: &NextRun, now: Timestamp) -> Outcome {
    let mut step = Step::new(run, now);
    if step.run.expires_at.is_some_and(|end| end <= now) && step.run.is_open() {
        expire(&mut step, next);
        return step.finish();
    }
    if !step.run.is_open() {
        return step.finish();
    }
    begin_if_delay_is_over(&mut step);
    time_out_task(&mut step);
    fire_timers(&mut step);
    ring_activities(&mut step);
    step.finish()
}

fn expire(step: &mut Step<'_>, next: &NextRun) {
    terminate::interrupt(step);
    let (retry_state, sequel) = succession::of_timeout(step.run, step.now);
    step.emit(WorkflowExecutionTimedOutEventAttributes {
        retry_state: retry_state as i32,
        new_execution_run_id: succession::next_id(sequel.as_ref(), next),
    });
    if let Some(sequel) = sequel {
        succession::follow(step, sequel, next);
    }
}

fn begin_if_delay_is_over(step: &mut Step<'_>) {
    if step.run.delayed_until.is_some_and(|at| at <= step.now) {
        step.run.delayed_until = None;
        // Updates had a worker look at it before its time: that task will do.
        step.commit_speculation();
        step.ensure_task();
    }
}

fn time_out_task(step: &mut Step<'_>) {
    let Some(task) = &step.run.task else { return };
    if let Some(started) = &task.started {
        if started.deadline > step.now {
            return;
        }
        step.time_out_started_task();
    } else if task.sticky_until.is_some_and(|until| until <= step.now) {
        // The worker that knew this run is gone or busy: anybody may take it from the start.
        step.commit_speculation();
        let task = step.run.task.as_ref();
        let scheduled_event_id = task.and_then(|task| task.scheduled_id).unwrap_or(0);
        step.emit(WorkflowTaskTimedOutEventAttributes {
            scheduled_event_id,
            started_event_id: 0,
            timeout_type: TimeoutType::ScheduleToStart as i32,
        });
        step.ensure_task();
    }
}

fn fire_timers(step: &mut Step<'_>) {
    let mut due: Vec<_> = step
        .run
        .timers
        .iter()
        .filter(|(_, timer)| timer.fires_at <= step.now)
        .map(|(id, timer)| (timer.fires_at, timer.started_id, id.clone()))
        .collect();
    due.sort_unstable();
    for (_, started_event_id, timer_id) in due {
        step.incoming(TimerFiredEventAttributes {
            timer_id,
            started_event_id,
        });
        step.ensure_task();
    }
}

fn ring_activities(step: &mut Step<'_>) {
    let mut due: Vec<_> = step
        .run
        .activities
        .values()
        .filter_map(|activity| {
            let (at, alarm) = activity.next_alarm()?;
            (at <= step.now).then_some((at, activity.scheduled_id, alarm))
        })
        .collect();
    due.sort_unstable_by_key(|(at, scheduled_id, _)| (*at, *scheduled_id));
    for (_, scheduled_id, alarm) in due {
        match alarm {
            Alarm::Timeout(kind) => fail_activity::time_out(step, scheduled_id, kind),
            Alarm::BackoffOver => {
                if let Some(activity) = step.run.activities.get_mut(&scheduled_id) {
                    activity.state = AttemptState::Offered;
                    let attempt = activity.attempt;
                    step.act(Action::OfferActivity {
                        scheduled_id,
                        attempt,
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn timers_fire_in_the_order_of_their_deadlines() {
        check(
            "start; poll; complete timer=b@20 timer=a@10; wait 20",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 TimerStarted b
                6 TimerStarted a
                7 TimerFired a
                8 WorkflowTaskScheduled
                → offer workflow task
                9 TimerFired b
            "#]],
        );
    }

    #[test]
    fn a_silent_worker_loses_its_task_once_in_history_then_without_a_trace() {
        check(
            "start; poll; wait 10; poll; wait 10; poll; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskTimedOut StartToClose
                → offer workflow task
                → offer workflow task
                5 WorkflowTaskScheduled
                6 WorkflowTaskStarted
                7 WorkflowTaskCompleted
            "#]],
        );
    }

    #[test]
    fn a_sticky_task_nobody_takes_goes_to_everybody() {
        check(
            "start; poll; complete sticky; signal a; wait 5; poll; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 WorkflowExecutionSignaled a
                6 WorkflowTaskScheduled sticky
                → offer workflow task
                7 WorkflowTaskTimedOut ScheduleToStart
                8 WorkflowTaskScheduled
                → offer workflow task
                9 WorkflowTaskStarted
                10 WorkflowTaskCompleted
            "#]],
        );
    }

    #[test]
    fn a_run_that_takes_too_long_is_over() {
        check(
            "start run_timeout=5; poll; wait 5",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed ForceCloseCommand
                5 WorkflowExecutionTimedOut RetryPolicyNotSet
            "#]],
        );
    }

    #[test]
    fn a_run_that_has_all_the_time_of_its_chain_ends_with_the_chain() {
        check(
            "start run_timeout=5 execution_timeout=5 rounded_up=499; poll; wait 5; wait 1",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed ForceCloseCommand
                5 WorkflowExecutionTimedOut Timeout
            "#]],
        );
    }

    #[test]
    fn an_activity_nobody_takes_times_out_and_is_not_retried() {
        check(
            "start; poll; complete activity=a schedule_to_start=5; wait 5",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 ActivityTaskScheduled a
                → offer activity 5 attempt 1
                6 ActivityTaskTimedOut of 5 started 0 ScheduleToStart NonRetryableFailure
                7 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }
}
