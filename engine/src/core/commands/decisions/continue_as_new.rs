//! Ends the run and begins the next of the same workflow, with a fresh history. Type, queue and
//! timeouts that the command leaves open are inherited; input, header, memo, search attributes,
//! retry policy and cron schedule are what the command says, as the reference has it.

use prost::Message;
use temporalio_protos::temporal::api::command::v1::ContinueAsNewWorkflowExecutionCommandAttributes;
use temporalio_protos::temporal::api::common::v1::WorkflowType;
use temporalio_protos::temporal::api::enums::v1::{
    ContinueAsNewInitiator, TaskQueueKind, WorkflowTaskFailedCause as Cause,
};
use temporalio_protos::temporal::api::history::v1::{
    WorkflowExecutionContinuedAsNewEventAttributes, WorkflowExecutionStartedEventAttributes,
};
use temporalio_protos::temporal::api::sdk::v1::UserMetadata;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;

use super::{Bad, Decided, Outlook, bad, oversized, too_large};
use crate::core::commands::start::Start;
use crate::core::time::{duration, is_negative, or_zero, positive, to_proto};
use crate::core::{Run, Step};
use crate::core::{attributes, retry, succession, task};
use crate::limits;

pub(super) fn validate(
    outlook: &mut Outlook<'_>,
    a: &ContinueAsNewWorkflowExecutionCommandAttributes,
) -> Result<(), Bad> {
    if !outlook.run.buffered.is_empty() {
        return Err(Bad::unhandled());
    }
    let wrong = |why: &str| Err(bad(Cause::BadContinueAsNewAttributes, why));
    for (what, wait) in [
        ("WorkflowRunTimeout", &a.workflow_run_timeout),
        ("WorkflowTaskTimeout", &a.workflow_task_timeout),
        ("BackoffStartInterval", &a.backoff_start_interval),
    ] {
        if wait.as_ref().is_some_and(is_negative) {
            let kind = a.workflow_type.as_ref().map_or("", |t| t.name.as_str());
            let queue = a.task_queue.as_ref().map_or("", |q| q.name.as_str());
            return wrong(&format!(
                "Invalid {what} on ContinueAsNewWorkflowExecutionCommand: negative duration. \
                 WorkflowType={kind} TaskQueue={queue}"
            ));
        }
    }
    let policy = a.retry_policy.clone().map(retry::filled);
    if let Some(why) = policy.as_ref().and_then(retry::complaint) {
        return wrong(&format!(
            "invalid WorkflowRetryPolicy on ContinueAsNewWorkflowExecutionCommand: {why}."
        ));
    }
    if let Some(why) = a.search_attributes.as_ref().and_then(attributes::misnamed) {
        return Err(bad(Cause::BadSearchAttributes, why));
    }
    if let Some(why) = too_much(a) {
        return Err(oversized(Cause::BadContinueAsNewAttributes, why));
    }
    outlook.closed = true;
    Ok(())
}

fn too_much(a: &ContinueAsNewWorkflowExecutionCommandAttributes) -> Option<String> {
    let whole = |part: &str| {
        let attributes = "ContinueAsNewWorkflowExecutionCommandAttributes";
        Some(format!("{attributes}. {part} exceeds size limit."))
    };
    if too_large(a.input.as_ref()) {
        return whole("Input");
    }
    if a.memo.as_ref().map_or(0, Message::encoded_len) > limits::MEMO_BYTES {
        return whole("Memo");
    }
    a.search_attributes.as_ref().and_then(attributes::oversized)
}

#[allow(deprecated)] // Passed on as given: it is the worker's own word to itself.
pub(super) fn apply(
    step: &mut Step<'_>,
    decided: &mut Decided,
    a: ContinueAsNewWorkflowExecutionCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    // This run's history repeats the worker's word, the next one's says what it means.
    let said = a.initiator;
    let a = inherit(step.run, a);
    let started = started(step, &a, &decided.next.run_id);
    step.follow(Start {
        workflow_id: step.run.workflow_id.clone(),
        run_id: decided.next.run_id.clone(),
        request_id: decided.next.request_id.clone(),
        attributes: started,
        user_metadata: None,
        links: step.run.links.clone(),
        signal: None,
    });
    step.emit_with(
        WorkflowExecutionContinuedAsNewEventAttributes {
            new_execution_run_id: decided.next.run_id.clone(),
            workflow_type: a.workflow_type,
            task_queue: a.task_queue,
            input: a.input,
            workflow_run_timeout: a.workflow_run_timeout,
            workflow_task_timeout: a.workflow_task_timeout,
            workflow_task_completed_event_id: decided.task_completed_id,
            backoff_start_interval: a.backoff_start_interval,
            initiator: said,
            failure: a.failure,
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
    let asked = positive(a.workflow_run_timeout.as_ref()).or(run.timeouts.run);
    let run_timeout = task::within(asked, run.timeouts.execution);
    a.workflow_run_timeout = or_zero(run_timeout);
    let asked = positive(a.workflow_task_timeout.as_ref()).unwrap_or(run.timeouts.task);
    let task_timeout = task::timeout(Some(asked), run_timeout);
    a.workflow_task_timeout = Some(duration(task_timeout));
    if a.initiator() == ContinueAsNewInitiator::Unspecified {
        a.initiator = ContinueAsNewInitiator::Workflow as i32;
    }
    a.retry_policy = a.retry_policy.map(retry::filled);
    a
}

fn started(
    step: &Step<'_>,
    a: &ContinueAsNewWorkflowExecutionCommandAttributes,
    run_id: &str,
) -> WorkflowExecutionStartedEventAttributes {
    let run = &step.run;
    let attempt = match a.initiator() {
        ContinueAsNewInitiator::Retry => run.attempt.saturating_add(1),
        _ => 1,
    };
    let wait = positive(a.backoff_start_interval.as_ref());
    let mut started = WorkflowExecutionStartedEventAttributes {
        workflow_type: a.workflow_type.clone(),
        task_queue: a.task_queue.clone(),
        input: a.input.clone(),
        workflow_execution_timeout: run.timeouts.execution.map(duration),
        workflow_run_timeout: a.workflow_run_timeout,
        workflow_task_timeout: a.workflow_task_timeout,
        continued_execution_run_id: run.run_id.clone(),
        initiator: a.initiator,
        continued_failure: a.failure.clone(),
        last_completion_result: a.last_completion_result.clone(),
        original_execution_run_id: run_id.to_owned(),
        first_execution_run_id: run.first_run_id.clone(),
        attempt: i32::try_from(attempt).unwrap_or(i32::MAX),
        retry_policy: a.retry_policy.clone(),
        cron_schedule: a.cron_schedule.clone(),
        // The execution's end is the whole chain's, not counted anew.
        workflow_execution_expiration_time: run.execution_expires_at.map(to_proto),
        first_workflow_task_backoff: succession::first_wait(run, wait, step.now).map(duration),
        memo: a.memo.clone(),
        search_attributes: a.search_attributes.clone(),
        header: a.header.clone(),
        workflow_id: run.workflow_id.clone(),
        priority: run.priority.clone(),
        ..WorkflowExecutionStartedEventAttributes::default()
    };
    run.family.bequeath(&mut started);
    started
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn names_the_run_that_follows_and_ends_this_one() {
        check(
            "start; poll; complete again; next",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 WorkflowExecutionContinuedAsNew next
                → continues as next
                1 WorkflowExecutionStarted after r by Workflow attempt 1 in 1
            "#]],
        );
    }

    #[test]
    fn runs_follow_each_other_once_a_second_at_most() {
        check(
            "start; poll; wait 2; complete again; next; poll; complete again; next; wait 1",
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
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 WorkflowExecutionContinuedAsNew next
                → continues as next
                1 WorkflowExecutionStarted after next by Workflow attempt 1 in 1
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
