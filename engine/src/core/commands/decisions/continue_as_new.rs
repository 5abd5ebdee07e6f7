//! Ends the run and begins the next of the same workflow, with a fresh history. What the command
//! leaves open is inherited.

use prost::Message;
use temporalio_protos::temporal::api::command::v1::ContinueAsNewWorkflowExecutionCommandAttributes;
use temporalio_protos::temporal::api::common::v1::{Memo, SearchAttributes, WorkflowType};
use temporalio_protos::temporal::api::enums::v1::{
    ContinueAsNewInitiator, TaskQueueKind, WorkflowTaskFailedCause as Cause,
};
use temporalio_protos::temporal::api::history::v1::{
    WorkflowExecutionContinuedAsNewEventAttributes, WorkflowExecutionStartedEventAttributes,
};
use temporalio_protos::temporal::api::sdk::v1::UserMetadata;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;

use super::{Bad, Decided, Outlook, bad, too_large};
use crate::core::commands::start::Start;
use crate::core::task;
use crate::core::time::{duration, or_zero, positive, to_proto};
use crate::core::{Run, Step};
use crate::limits;

pub(super) fn validate(
    outlook: &mut Outlook<'_>,
    a: &ContinueAsNewWorkflowExecutionCommandAttributes,
) -> Result<(), Bad> {
    if !outlook.run.buffered.is_empty() {
        return Err(Bad::unhandled());
    }
    let wrong = |why: &str| Err(bad(Cause::BadContinueAsNewAttributes, why));
    if too_large(a.input.as_ref()) {
        return wrong("ContinueAsNewWorkflowExecutionCommandAttributes.Input exceeds size limit.");
    }
    let memo = a.memo.as_ref().map_or(0, Message::encoded_len);
    if memo > limits::BLOB_BYTES {
        return wrong("memo exceeds size limit");
    }
    if a.retry_policy.is_some() || !a.cron_schedule.is_empty() {
        return Err(bad(
            Cause::FeatureDisabled,
            "a retry policy or cron schedule of the workflow is not built yet in this engine",
        ));
    }
    outlook.closed = true;
    Ok(())
}

#[allow(deprecated)] // Passed on as given: it is the worker's own word to itself.
pub(super) fn apply(
    step: &mut Step<'_>,
    decided: &mut Decided,
    a: ContinueAsNewWorkflowExecutionCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    let a = inherit(step.run, a);
    let started = started(step, &a, &decided.next_run_id);
    step.follow(Start {
        workflow_id: step.run.workflow_id.clone(),
        run_id: decided.next_run_id.clone(),
        // Nobody asked for this run by a request of their own.
        request_id: String::new(),
        attributes: started,
        user_metadata: step.run.user_metadata.clone(),
        signal: None,
    });
    step.emit_with(
        WorkflowExecutionContinuedAsNewEventAttributes {
            new_execution_run_id: decided.next_run_id.clone(),
            workflow_type: a.workflow_type,
            task_queue: a.task_queue,
            input: a.input,
            workflow_run_timeout: a.workflow_run_timeout,
            workflow_task_timeout: a.workflow_task_timeout,
            workflow_task_completed_event_id: decided.task_completed_id,
            backoff_start_interval: a.backoff_start_interval,
            initiator: a.initiator,
            inherit_build_id: a.inherit_build_id,
            last_completion_result: a.last_completion_result,
            header: a.header,
            memo: a.memo,
            search_attributes: a.search_attributes,
            ..WorkflowExecutionContinuedAsNewEventAttributes::default()
        },
        metadata,
    );
}

fn inherit(
    run: &Run,
    mut a: ContinueAsNewWorkflowExecutionCommandAttributes,
) -> ContinueAsNewWorkflowExecutionCommandAttributes {
    let named = |name: Option<&str>, own: &str| match name {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => own.to_owned(),
    };
    let kind = a.workflow_type.as_ref().map(|t| t.name.as_str());
    a.workflow_type = Some(WorkflowType {
        name: named(kind, &run.workflow_type),
    });
    let queue = a.task_queue.as_ref().map(|q| q.name.as_str());
    a.task_queue = Some(TaskQueue {
        name: named(queue, &run.task_queue),
        kind: TaskQueueKind::Normal as i32,
        normal_name: String::new(),
    });
    let run_timeout = positive(a.workflow_run_timeout.as_ref()).or(run.timeouts.run);
    a.workflow_run_timeout = or_zero(run_timeout);
    let asked = positive(a.workflow_task_timeout.as_ref()).unwrap_or(run.timeouts.task);
    let task_timeout = task::timeout(Some(asked), run_timeout);
    a.workflow_task_timeout = Some(duration(task_timeout));
    if a.memo.is_none() && !run.memo.is_empty() {
        let fields = run.memo.clone().into_iter().collect();
        a.memo = Some(Memo { fields });
    }
    if a.search_attributes.is_none() && !run.search_attributes.is_empty() {
        let indexed_fields = run.search_attributes.clone().into_iter().collect();
        a.search_attributes = Some(SearchAttributes { indexed_fields });
    }
    a
}

fn started(
    step: &Step<'_>,
    a: &ContinueAsNewWorkflowExecutionCommandAttributes,
    run_id: &str,
) -> WorkflowExecutionStartedEventAttributes {
    let run = &step.run;
    WorkflowExecutionStartedEventAttributes {
        workflow_type: a.workflow_type.clone(),
        task_queue: a.task_queue.clone(),
        input: a.input.clone(),
        workflow_execution_timeout: run.timeouts.execution.map(duration),
        workflow_run_timeout: a.workflow_run_timeout,
        workflow_task_timeout: a.workflow_task_timeout,
        continued_execution_run_id: run.run_id.clone(),
        initiator: ContinueAsNewInitiator::Workflow as i32,
        last_completion_result: a.last_completion_result.clone(),
        original_execution_run_id: run_id.to_owned(),
        first_execution_run_id: run.first_run_id.clone(),
        attempt: 1,
        // The execution's end is the whole chain's, not counted anew.
        workflow_execution_expiration_time: run.execution_expires_at.map(to_proto),
        first_workflow_task_backoff: or_zero(positive(a.backoff_start_interval.as_ref())),
        memo: a.memo.clone(),
        search_attributes: a.search_attributes.clone(),
        header: a.header.clone(),
        workflow_id: run.workflow_id.clone(),
        priority: run.priority.clone(),
        ..WorkflowExecutionStartedEventAttributes::default()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn names_the_run_that_follows_and_ends_this_one() {
        check(
            "start; poll; complete again timer=t@5; next",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 WorkflowExecutionContinuedAsNew next
                → continues as next
                1 WorkflowExecutionStarted after r
                2 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }

    #[test]
    fn loses_against_a_signal_that_came_first() {
        check(
            "start; poll; signal a; complete again",
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
            "#]],
        );
    }
}
