//! A worker could not decide: it crashed in workflow code, or saw a history it does not know.

use ambient::Timestamp;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;
use temporalio_protos::temporal::api::failure::v1::Failure;

use super::complete_task;
use crate::core::task::TaskFence;
use crate::core::{Outcome, Refusal, Run, Step};

#[derive(Debug)]
pub(crate) struct FailTask {
    pub(crate) fence: TaskFence,
    pub(crate) cause: WorkflowTaskFailedCause,
    pub(crate) failure: Option<Failure>,
    pub(crate) identity: String,
}

pub(crate) fn apply(run: &mut Run, cmd: FailTask, now: Timestamp) -> Result<Outcome, Refusal> {
    if !run.is_open() {
        return Err(Refusal::Closed);
    }
    complete_task::fence(run, cmd.fence)?;
    let mut step = Step::new(run, now);
    step.fail_task(cmd.cause, cmd.failure, cmd.identity);
    step.after_failed_task();
    Ok(step.finish())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn only_the_first_failure_in_a_row_is_in_history() {
        check(
            "start; poll; fail; poll; fail; poll; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed WorkflowWorkerUnhandledFailure
                → offer workflow task
                → offer workflow task
                5 WorkflowTaskScheduled
                6 WorkflowTaskStarted
                7 WorkflowTaskCompleted
            "#]],
        );
    }

    #[test]
    fn a_failure_over_a_cached_run_is_tried_again_as_if_for_the_first_time() {
        check(
            "start; poll; complete sticky; signal a; poll; fail; poll; fail; poll; fail; poll; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 WorkflowExecutionSignaled a
                6 WorkflowTaskScheduled sticky
                → offer workflow task
                7 WorkflowTaskStarted
                8 WorkflowTaskFailed WorkflowWorkerUnhandledFailure
                9 WorkflowTaskScheduled
                → offer workflow task
                10 WorkflowTaskStarted
                11 WorkflowTaskFailed WorkflowWorkerUnhandledFailure
                → offer workflow task
                → offer workflow task
                12 WorkflowTaskScheduled
                13 WorkflowTaskStarted
                14 WorkflowTaskCompleted
            "#]],
        );
    }

    #[test]
    fn an_event_that_came_meanwhile_gives_a_normal_attempt() {
        check(
            "start; poll; signal a; fail; poll; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed WorkflowWorkerUnhandledFailure
                5 WorkflowExecutionSignaled a
                6 WorkflowTaskScheduled
                → offer workflow task
                7 WorkflowTaskStarted
                8 WorkflowTaskCompleted
            "#]],
        );
    }
}
