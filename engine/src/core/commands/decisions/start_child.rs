//! Asks for a child workflow. What the command leaves open is filled here, once, and written into
//! the event; starting it is an errand.

use prost::Message;
use temporalio_protos::temporal::api::command::v1::StartChildWorkflowExecutionCommandAttributes;
use temporalio_protos::temporal::api::enums::v1::{
    ParentClosePolicy, TaskQueueKind, WorkflowIdReusePolicy, WorkflowTaskFailedCause as Cause,
};
use temporalio_protos::temporal::api::history::v1::StartChildWorkflowExecutionInitiatedEventAttributes;
use temporalio_protos::temporal::api::sdk::v1::UserMetadata;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;

use super::{Bad, Decided, Outlook, bad, oversized, too_large};
use crate::calendar::cron;
use crate::core::time::{duration, or_zero, positive};
use crate::core::{Step, attributes, priority, retry, task};
use crate::limits;

#[allow(deprecated)] // Other namespaces are still reached this way.
pub(super) fn validate<'r>(
    outlook: &mut Outlook<'r>,
    a: &'r StartChildWorkflowExecutionCommandAttributes,
) -> Result<(), Bad> {
    if let Err(why) = complaint(a) {
        return Err(bad(Cause::BadStartChildExecutionAttributes, why));
    }
    if let Some(why) = a.search_attributes.as_ref().and_then(attributes::misnamed) {
        let kind = a.workflow_type.as_ref().map_or("", |t| t.name.as_str());
        return Err(bad(
            Cause::BadSearchAttributes,
            format!(
                "invalid SearchAttributes on StartChildWorkflowCommand: {why}. WorkflowId={} \
                 WorkflowType={kind} Namespace={}",
                a.workflow_id, a.namespace
            ),
        ));
    }
    if let Some(why) = too_much(a) {
        return Err(oversized(Cause::BadStartChildExecutionAttributes, why));
    }
    outlook.new_children.insert(&a.workflow_id);
    outlook.started_children += 1;
    let pending = outlook.run.family.children.len() + outlook.started_children - 1;
    if pending >= limits::PENDING_CHILDREN {
        return Err(bad(
            Cause::PendingChildWorkflowsLimitExceeded,
            limits::reached(
                "pending child workflow executions",
                pending,
                limits::PENDING_CHILDREN,
            ),
        ));
    }
    Ok(())
}

#[allow(deprecated)] // Other namespaces are still reached this way.
fn complaint(a: &StartChildWorkflowExecutionCommandAttributes) -> Result<(), String> {
    let kind = a.workflow_type.as_ref().map_or("", |t| t.name.as_str());
    let (id, namespace) = (&a.workflow_id, &a.namespace);
    let whose = || format!("WorkflowId={id} WorkflowType={kind} Namespace={namespace}");
    if id.is_empty() {
        return Err(format!(
            "Required field WorkflowId is not set on StartChildWorkflowExecutionCommand. \
             WorkflowType={kind} Namespace={namespace}"
        ));
    }
    if kind.is_empty() {
        return Err(format!(
            "Required field WorkflowType is not set on StartChildWorkflowExecutionCommand. \
             WorkflowId={id} Namespace={namespace}"
        ));
    }
    let queue = a.task_queue.as_ref().map_or("", |queue| &queue.name);
    for (what, text) in [
        ("WorkflowId", id.as_str()),
        ("WorkflowType", kind),
        ("TaskQueue", queue),
    ] {
        if text.len() > limits::ID_BYTES {
            return Err(format!(
                "{what} on StartChildWorkflowExecutionCommand exceeds length limit. {} Length={} \
                 Limit={}",
                whose(),
                text.len(),
                limits::ID_BYTES
            ));
        }
    }
    for (what, wait) in [
        ("WorkflowExecutionTimeout", &a.workflow_execution_timeout),
        ("WorkflowRunTimeout", &a.workflow_run_timeout),
        ("WorkflowTaskTimeout", &a.workflow_task_timeout),
    ] {
        if wait.is_some_and(|wait| wait.seconds < 0 || wait.nanos < 0) {
            return Err(format!(
                "Invalid {what} on StartChildWorkflowExecutionCommand: negative duration. {}",
                whose()
            ));
        }
    }
    if let Some(why) = a.retry_policy.as_ref().and_then(retry::complaint) {
        return Err(format!(
            "invalid WorkflowRetryPolicy on StartChildWorkflowExecutionCommand: {why}. {}",
            whose()
        ));
    }
    if !a.cron_schedule.is_empty() && cron::parse(&a.cron_schedule).is_err() {
        return Err(format!(
            "invalid CronSchedule on StartChildWorkflowExecutionCommand: Invalid CronSchedule.. {}",
            whose()
        ));
    }
    if let Some(why) = a.priority.as_ref().and_then(priority::complaint) {
        return Err(why.to_owned());
    }
    Ok(())
}

fn too_much(a: &StartChildWorkflowExecutionCommandAttributes) -> Option<String> {
    if too_large(a.input.as_ref()) {
        return Some(
            "StartChildWorkflowExecutionCommandAttributes. Input exceeds size limit.".to_owned(),
        );
    }
    if a.memo.as_ref().map_or(0, Message::encoded_len) > limits::MEMO_BYTES {
        return Some(
            "StartChildWorkflowExecutionCommandAttributes.Memo exceeds size limit.".to_owned(),
        );
    }
    a.search_attributes.as_ref().and_then(attributes::oversized)
}

#[allow(deprecated)] // Passed on as given: it is the worker's own word to itself.
pub(super) fn apply(
    step: &mut Step<'_>,
    decided: &Decided,
    a: StartChildWorkflowExecutionCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    let place = decided.namespaces.named(&a.namespace);
    let queue = a.task_queue.as_ref().map(|queue| queue.name.as_str());
    let queue = queue
        .filter(|name| !name.is_empty())
        .unwrap_or(&step.run.task_queue);
    let execution = positive(a.workflow_execution_timeout.as_ref());
    let run = match (positive(a.workflow_run_timeout.as_ref()), execution) {
        (Some(run), Some(execution)) => Some(run.min(execution)),
        (run, execution) => run.or(execution),
    };
    let task = task::timeout(positive(a.workflow_task_timeout.as_ref()), run);
    let policy = match a.parent_close_policy() {
        ParentClosePolicy::Unspecified => ParentClosePolicy::Terminate,
        given => given,
    };
    let reuse = match a.workflow_id_reuse_policy() {
        WorkflowIdReusePolicy::Unspecified => WorkflowIdReusePolicy::AllowDuplicate,
        given => given,
    };
    let event = StartChildWorkflowExecutionInitiatedEventAttributes {
        namespace: place.name,
        namespace_id: place.id,
        task_queue: Some(TaskQueue {
            name: queue.to_owned(),
            kind: TaskQueueKind::Normal as i32,
            normal_name: String::new(),
        }),
        workflow_id: a.workflow_id,
        workflow_type: a.workflow_type,
        input: a.input,
        workflow_execution_timeout: a.workflow_execution_timeout,
        workflow_run_timeout: or_zero(run),
        workflow_task_timeout: Some(duration(task)),
        parent_close_policy: policy as i32,
        control: a.control,
        workflow_task_completed_event_id: decided.task_completed_id,
        workflow_id_reuse_policy: reuse as i32,
        retry_policy: a.retry_policy.map(retry::filled),
        cron_schedule: a.cron_schedule,
        header: a.header,
        memo: a.memo,
        search_attributes: a.search_attributes.map(attributes::typed),
        inherit_build_id: a.inherit_build_id,
        priority: a.priority,
        ..StartChildWorkflowExecutionInitiatedEventAttributes::default()
    };
    step.emit_with(event, metadata);
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn is_an_errand_and_its_answer_wakes_the_parent() {
        check(
            "start; poll; complete child=a child=b; errand; answer 5 started; errand; \
             answer 6 start_failed; errand; poll; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 StartChildWorkflowExecutionInitiated a Terminate
                6 StartChildWorkflowExecutionInitiated b Terminate
                errand: 5 start a
                7 ChildWorkflowExecutionStarted of 5 child-run
                8 WorkflowTaskScheduled
                → offer workflow task
                errand: 6 start b
                9 StartChildWorkflowExecutionFailed of 6 WorkflowAlreadyExists
                errand: none
                10 WorkflowTaskStarted
                11 WorkflowTaskCompleted
            "#]],
        );
    }

    #[test]
    fn a_decision_with_a_child_that_cannot_be_leaves_no_trace() {
        check(
            "start; poll; complete timer=t@5 child=",
            expect![[r#"
            1 WorkflowExecutionStarted
            2 WorkflowTaskScheduled
            → offer workflow task
            3 WorkflowTaskStarted
            4 WorkflowTaskFailed BadStartChildExecutionAttributes
            → offer workflow task
            rejected: BadStartChildExecutionAttributes: Required field WorkflowId is not set on StartChildWorkflowExecutionCommand. WorkflowType=flow Namespace=
        "#]],
        );
    }
}
