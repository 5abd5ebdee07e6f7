//! A worker finished a workflow task: its commands become events and offers, or the whole task
//! fails and none of them does.

use ambient::Timestamp;
use temporalio_protos::temporal::api::command::v1::Command;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause as Cause;
use temporalio_protos::temporal::api::failure::v1::{
    Failure, ServerFailureInfo, failure::FailureInfo,
};
use temporalio_protos::temporal::api::history::v1::WorkflowTaskCompletedEventAttributes;

use super::decisions::{self, Bad, Decided};
use super::start_activity::Starter;
use super::terminate::{self, Terminate};
use crate::core::task::{Sticky, TaskFence};
use crate::core::{Outcome, Refusal, Run, Step};
use crate::limits;

#[derive(Debug)]
pub(crate) struct CompleteTask {
    pub(crate) fence: TaskFence,
    /// What the worker says about itself; the ids are filled here.
    pub(crate) attributes: WorkflowTaskCompletedEventAttributes,
    pub(crate) commands: Vec<Command>,
    pub(crate) sticky: Option<Sticky>,
    pub(crate) force_new_task: bool,
    /// Hands activities back in the same answer when the worker asks for it.
    pub(crate) eager: Starter,
    /// The id of the run that follows, should there be one.
    pub(crate) next_run_id: String,
}

#[derive(Debug)]
pub(crate) struct Completed {
    pub(crate) outcome: Outcome,
    /// Activities started for the worker that answers, to travel in the response.
    pub(crate) eager_activities: Vec<i64>,
    /// Why the task failed instead.
    pub(crate) rejected: Option<Bad>,
}

pub(crate) fn fence(run: &Run, fence: TaskFence) -> Result<(), Refusal> {
    let stands = run.task.as_ref().is_some_and(|task| {
        task.attempt == fence.attempt
            && task.started.as_ref().is_some_and(|started| {
                started.scheduled_id == fence.scheduled_id && started.started_id == fence.started_id
            })
    });
    stands.then_some(()).ok_or(Refusal::StaleWorkflowTask)
}

pub(crate) fn apply(
    run: &mut Run,
    cmd: CompleteTask,
    now: Timestamp,
) -> Result<Completed, Refusal> {
    fence(run, cmd.fence)?;
    let verdict = decisions::validate(run, &cmd.commands);
    let mut step = Step::new(run, now);
    if let Err(bad) = verdict {
        let keeps_failing = step.run.task.as_ref().is_some_and(|task| task.attempt > 1);
        if keeps_failing && step.run.buffered.is_empty() {
            // The worker decides the same again at once. Left to its timeout, the task comes back
            // later and later; offered now, worker and engine would do nothing else.
            return Err(Refusal::Invalid(bad.to_string()));
        }
        step.fail_task(bad.cause, Some(as_failure(&bad)), cmd.attributes.identity);
        step.after_failed_task();
        return Ok(Completed {
            outcome: step.finish(),
            eager_activities: Vec::new(),
            rejected: Some(bad),
        });
    }
    let Some((scheduled_event_id, started_event_id)) = step.settle_started() else {
        return Err(Refusal::StaleWorkflowTask);
    };
    let task_completed = step.emit(WorkflowTaskCompletedEventAttributes {
        scheduled_event_id,
        started_event_id,
        ..cmd.attributes
    });
    step.run.sticky = cmd.sticky;
    let mut decided = Decided::new(task_completed, cmd.eager, cmd.next_run_id);
    for command in cmd.commands {
        decisions::apply(&mut step, &mut decided, command);
    }
    let news = !step.run.buffered.is_empty() || decided.needs_task || cmd.force_new_task;
    step.flush_buffered();
    if news {
        step.ensure_task();
    }
    enforce_history_limit(&mut step);
    Ok(Completed {
        outcome: step.finish(),
        eager_activities: decided.eager_activities,
        rejected: None,
    })
}

fn enforce_history_limit(step: &mut Step<'_>) {
    let run = &step.run;
    let too_long =
        run.history_length() > limits::HISTORY_EVENTS || run.history_bytes > limits::HISTORY_BYTES;
    if run.is_open() && too_long {
        let end = Terminate {
            reason: "Workflow history size or count exceeds limit.".to_owned(),
            details: None,
            identity: "history-service".to_owned(),
        };
        terminate::add(step, end);
    }
}

fn as_failure(bad: &Bad) -> Failure {
    Failure {
        message: bad.to_string(),
        source: "Server".to_owned(),
        failure_info: Some(FailureInfo::ServerFailureInfo(ServerFailureInfo {
            non_retryable: true,
        })),
        ..Failure::default()
    }
}

impl Bad {
    pub(crate) fn unhandled() -> Self {
        Self {
            cause: Cause::UnhandledCommand,
            why: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn a_closing_command_loses_against_a_signal_that_came_first() {
        check(
            "start; poll; signal a; complete finish; poll; complete finish",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed UnhandledCommand
                5 WorkflowExecutionSignaled a
                6 WorkflowTaskScheduled
                → offer workflow task
                rejected: UnhandledCommand
                7 WorkflowTaskStarted
                8 WorkflowTaskCompleted
                9 WorkflowExecutionCompleted
            "#]],
        );
    }

    #[test]
    fn an_answer_counts_once() {
        check(
            "start; poll; complete; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                refused: Workflow task not found.
            "#]],
        );
    }

    #[test]
    fn a_task_handed_out_before_a_restart_is_stale_and_is_handed_out_again() {
        check(
            "start; poll; restart; complete; poll; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                → offer workflow task
                refused: Workflow task not found.
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
            "#]],
        );
    }

    #[test]
    fn completions_that_waited_come_after_signals_that_waited() {
        check(
            "start; poll; complete activity=a; start_activity a; signal wake; poll; \
             complete_activity a; signal s; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 ActivityTaskScheduled a
                → offer activity 5 attempt 1
                6 WorkflowExecutionSignaled wake
                7 WorkflowTaskScheduled
                → offer workflow task
                8 WorkflowTaskStarted
                9 WorkflowTaskCompleted
                10 ActivityTaskStarted of 5 attempt 1
                11 WorkflowExecutionSignaled s
                12 ActivityTaskCompleted of 5 started 10
                13 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }

    #[test]
    fn a_worker_that_decides_wrongly_again_waits_for_its_timeout() {
        check(
            "start; poll; complete child=a; poll; complete child=a; wait 10; poll; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed FeatureDisabled
                → offer workflow task
                rejected: FeatureDisabled: COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION is not built yet in this engine
                refused: FeatureDisabled: COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION is not built yet in this engine
                → offer workflow task
                5 WorkflowTaskScheduled
                6 WorkflowTaskStarted
                7 WorkflowTaskCompleted
            "#]],
        );
    }
}
