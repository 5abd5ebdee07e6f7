//! Somebody wants the workflow to decide on something and to answer. Nothing is durable until a
//! worker accepts it: what is admitted travels on the next workflow task, and where none is
//! pending on a speculative one, which leaves no trace if the worker rejects everything it brought.

use ambient::Timestamp;
use temporalio_protos::temporal::api::update::v1::Request;

use crate::core::updates::Admitted;
use crate::core::{Outcome, Refusal, Run, Step};

#[derive(Debug)]
pub(crate) struct AdmitUpdate {
    pub(crate) id: String,
    pub(crate) request: Request,
    /// The chain of runs the caller means, or empty.
    pub(crate) first_run_id: String,
}

/// From this attempt on a workflow task counts as failing, and its updates as hopeless: they come
/// after the events, so they could not mend it.
const FAILING_ATTEMPT: u32 = 3;

pub(crate) fn apply(run: &mut Run, cmd: AdmitUpdate, now: Timestamp) -> Result<Outcome, Refusal> {
    is_meant(run, &cmd.first_run_id)?;
    let known = run.updates.standing(&cmd.id).is_some();
    if !run.is_open() {
        return match known {
            true => Ok(Step::new(run, now).finish()),
            false => Err(Refusal::Closed),
        };
    }
    if run.task.as_ref().map_or(1, |task| task.attempt) >= FAILING_ATTEMPT {
        return Err(Refusal::NotReady(
            "Unable to perform workflow execution update due to Workflow Task in failed state.",
        ));
    }
    if run.is_closing() {
        return Err(Refusal::Closing);
    }
    if known {
        return Ok(Step::new(run, now).finish());
    }
    run.updates.check_room(&cmd.request)?;
    let mut step = Step::new(run, now);
    step.run.updates.admitted.push(Admitted {
        id: cmd.id,
        request: cmd.request,
        sent: false,
    });
    step.speculate();
    Ok(step.finish())
}

pub(crate) fn is_meant(run: &Run, first_run_id: &str) -> Result<(), Refusal> {
    if first_run_id.is_empty() || run.first_run_id == first_run_id {
        return Ok(());
    }
    Err(Refusal::NotFound)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    const BORN: &str = "start; poll; complete sticky; ";

    #[test]
    fn the_same_id_is_one_update() {
        check(
            "start; update u; update u; poll; complete accept=u; update u; poll; signal s; poll; \
             complete respond=u; update u; poll; restart; update u; poll",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                → hand out u/request after 2
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 WorkflowExecutionUpdateAccepted u
                → update u accepted
                refused: task is not waiting to be started
                6 WorkflowExecutionSignaled s
                7 WorkflowTaskScheduled
                → offer workflow task
                8 WorkflowTaskStarted
                9 WorkflowTaskCompleted
                10 WorkflowExecutionUpdateCompleted u of 5
                → update u completed
                refused: task is not waiting to be started
                refused: task is not waiting to be started
            "#]],
        );
    }

    #[test]
    fn at_most_ten_are_in_flight() {
        check(
            "start; poll; complete; update 1; update 2; update 3; update 4; update 5; update 6; \
             update 7; update 8; update 9; update 10; update 11; poll; \
             complete reject=1 accept=2 accept=3 accept=4 accept=5 accept=6 accept=7 accept=8 \
             accept=9 accept=10; update 11; update 12",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                → offer workflow task
                refused: limit on number of concurrent in-flight updates has been reached (10)
                → hand out 1/request after 5
                → hand out 2/request after 5
                → hand out 3/request after 5
                → hand out 4/request after 5
                → hand out 5/request after 5
                → hand out 6/request after 5
                → hand out 7/request after 5
                → hand out 8/request after 5
                → hand out 9/request after 5
                → hand out 10/request after 5
                5 WorkflowTaskScheduled
                6 WorkflowTaskStarted
                7 WorkflowTaskCompleted
                8 WorkflowExecutionUpdateAccepted 2
                9 WorkflowExecutionUpdateAccepted 3
                10 WorkflowExecutionUpdateAccepted 4
                11 WorkflowExecutionUpdateAccepted 5
                12 WorkflowExecutionUpdateAccepted 6
                13 WorkflowExecutionUpdateAccepted 7
                14 WorkflowExecutionUpdateAccepted 8
                15 WorkflowExecutionUpdateAccepted 9
                16 WorkflowExecutionUpdateAccepted 10
                → update 2 accepted
                → update 3 accepted
                → update 4 accepted
                → update 5 accepted
                → update 6 accepted
                → update 7 accepted
                → update 8 accepted
                → update 9 accepted
                → update 10 accepted
                → update 1 failed: no
                → offer workflow task
                refused: limit on number of concurrent in-flight updates has been reached (10)
            "#]],
        );
    }

    #[test]
    fn a_crash_forgets_what_was_only_admitted_and_keeps_what_was_accepted() {
        check(
            &format!(
                "{BORN} update u; poll; complete accept=u; update v; poll; restart; poll; signal s; poll; complete respond=u; update v"
            ),
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                → offer workflow task
                → hand out u/request after 5
                5 WorkflowTaskScheduled sticky
                6 WorkflowTaskStarted
                7 WorkflowTaskCompleted
                8 WorkflowExecutionUpdateAccepted u
                → update u accepted
                → offer workflow task
                → hand out v/request after 9
                refused: task is not waiting to be started
                9 WorkflowExecutionSignaled s
                10 WorkflowTaskScheduled
                → offer workflow task
                11 WorkflowTaskStarted
                12 WorkflowTaskCompleted
                13 WorkflowExecutionUpdateCompleted u of 8
                → update u completed
                → offer workflow task
            "#]],
        );
    }

    #[test]
    fn hopeless_runs_and_strange_chains_are_refused() {
        check(
            "start; update u first=other; poll; fail; poll; fail; update u; poll; complete finish; update u",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                refused: workflow execution not found
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed WorkflowWorkerUnhandledFailure
                → offer workflow task
                → offer workflow task
                refused: Unable to perform workflow execution update due to Workflow Task in failed state.
                5 WorkflowTaskScheduled
                6 WorkflowTaskStarted
                7 WorkflowTaskCompleted
                8 WorkflowExecutionCompleted
                refused: workflow execution already completed
            "#]],
        );
    }

    #[test]
    fn updates_end_with_their_run() {
        check(
            &format!(
                "{BORN} update a; poll; complete accept=a; update b; poll; update c; complete finish; update a; update d"
            ),
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                → offer workflow task
                → hand out a/request after 5
                5 WorkflowTaskScheduled sticky
                6 WorkflowTaskStarted
                7 WorkflowTaskCompleted
                8 WorkflowExecutionUpdateAccepted a
                → update a accepted
                → offer workflow task
                → hand out b/request after 9
                9 WorkflowTaskScheduled
                10 WorkflowTaskStarted
                11 WorkflowTaskCompleted
                12 WorkflowExecutionCompleted
                → update b aborted Closed
                → update c aborted Closed
                → update a failed: Workflow Update failed because the Workflow completed before the Update completed.
                → update a failed: Workflow Update failed because the Workflow completed before the Update completed.
                refused: workflow execution already completed
            "#]],
        );
        check(
            &format!(
                "{BORN} update a; poll; complete accept=a; update b; terminate; update a; update b"
            ),
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                → offer workflow task
                → hand out a/request after 5
                5 WorkflowTaskScheduled sticky
                6 WorkflowTaskStarted
                7 WorkflowTaskCompleted
                8 WorkflowExecutionUpdateAccepted a
                → update a accepted
                → offer workflow task
                9 WorkflowExecutionTerminated
                → update b aborted Closed
                → update a failed: Workflow Update failed because the Workflow completed before the Update completed.
                → update a failed: Workflow Update failed because the Workflow completed before the Update completed.
                refused: workflow execution already completed
            "#]],
        );
        check(
            "start run_timeout=60; poll; complete; update a; poll; complete accept=a; wait 59; update b; poll; update c; wait 1",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                → offer workflow task
                → hand out a/request after 5
                5 WorkflowTaskScheduled
                6 WorkflowTaskStarted
                7 WorkflowTaskCompleted
                8 WorkflowExecutionUpdateAccepted a
                → update a accepted
                → offer workflow task
                → hand out b/request after 9
                9 WorkflowTaskScheduled
                10 WorkflowTaskStarted
                11 WorkflowTaskFailed ForceCloseCommand
                12 WorkflowExecutionTimedOut RetryPolicyNotSet
                → update b aborted Closed
                → update c aborted Closed
                → update a failed: Workflow Update failed because the Workflow completed before the Update completed.
            "#]],
        );
        check(
            &format!(
                "{BORN} update a; poll; complete accept=a; update b; poll; update c; complete again"
            ),
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                → offer workflow task
                → hand out a/request after 5
                5 WorkflowTaskScheduled sticky
                6 WorkflowTaskStarted
                7 WorkflowTaskCompleted
                8 WorkflowExecutionUpdateAccepted a
                → update a accepted
                → offer workflow task
                → hand out b/request after 9
                9 WorkflowTaskScheduled
                10 WorkflowTaskStarted
                11 WorkflowTaskCompleted
                12 WorkflowExecutionContinuedAsNew next
                → update b aborted Continuing
                → update c aborted Continuing
                → update a failed: Workflow Update failed because the Workflow completed before the Update completed.
                → continues as next
            "#]],
        );
    }
}
