//! DescribeWorkflowExecution: what is known and what is pending.

use std::collections::HashMap;

use prost::Message;
use temporalio_protos::temporal::api::activity::v1::ActivityOptions;
use temporalio_protos::temporal::api::common::v1::{
    Memo, RetryPolicy, SearchAttributes, WorkflowExecution, WorkflowType,
};
use temporalio_protos::temporal::api::enums::v1::{
    EventType, PendingActivityState, PendingWorkflowTaskState, TaskQueueKind,
};
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflow::v1::{
    PendingActivityInfo, PendingChildExecutionInfo, PendingWorkflowTaskInfo, RequestIdInfo,
    WorkflowExecutionConfig, WorkflowExecutionExtendedInfo, WorkflowExecutionInfo,
};
use temporalio_protos::temporal::api::workflowservice::v1::{
    DescribeWorkflowExecutionRequest, DescribeWorkflowExecutionResponse,
};
use tonic::Status;

use super::execution;
use crate::core::Run;
use crate::core::activity::{Activity, AttemptState};
use crate::core::family::Child;
use crate::core::retry;
use crate::core::task::WorkflowTask;
use crate::core::time::{duration, or_zero, to_proto};
use crate::runs::{Found, Host, not_found};
use crate::store::Head;

pub(crate) async fn handle(
    host: &Host,
    request: DescribeWorkflowExecutionRequest,
) -> Result<DescribeWorkflowExecutionResponse, Status> {
    let namespace = host.namespace(&request.namespace)?;
    let (workflow_id, run_id) = execution(request.execution)?;
    match host.find(&namespace, &workflow_id, &run_id).await? {
        Found::Live(slot) => {
            let position = slot.position;
            let live = slot.live.as_ref().ok_or_else(not_found)?;
            let answer = describe(&live.run, &live.head(namespace.id));
            drop(slot);
            host.durable(position).await?;
            Ok(answer)
        }
        Found::Stored(head) => {
            let (run, _) = host.replay(&head).await?;
            Ok(describe(&run, &head))
        }
    }
}

fn describe(run: &Run, head: &Head) -> DescribeWorkflowExecutionResponse {
    let parent = run.family.parent.as_deref();
    let children = run.family.children.iter();
    DescribeWorkflowExecutionResponse {
        execution_config: Some(WorkflowExecutionConfig {
            task_queue: Some(TaskQueue {
                name: run.task_queue.clone(),
                kind: TaskQueueKind::Normal as i32,
                normal_name: String::new(),
            }),
            workflow_execution_timeout: run.timeouts.execution.map(duration),
            // Of a child it is always said, also that there is none.
            workflow_run_timeout: match parent {
                Some(_) => or_zero(run.timeouts.run),
                None => run.timeouts.run.map(duration),
            },
            default_workflow_task_timeout: Some(duration(run.timeouts.task)),
            user_metadata: run.user_metadata.clone(),
        }),
        workflow_execution_info: Some(WorkflowExecutionInfo {
            history_length: head.history_length + unwritten(run),
            priority: run.priority.clone(),
            parent_namespace_id: parent.map_or("", |parent| &parent.namespace_id).to_owned(),
            parent_execution: parent.map(|parent| parent.execution.clone()),
            root_execution: Some(run.root()),
            ..info(head)
        }),
        pending_activities: run.activities.values().map(pending_activity).collect(),
        pending_children: children
            .map(|(initiated_id, child)| pending_child(*initiated_id, child))
            .collect(),
        pending_workflow_task: run.task.as_ref().map(pending_task),
        workflow_extended_info: Some(WorkflowExecutionExtendedInfo {
            execution_expiration_time: run.execution_expires_at.map(to_proto),
            run_expiration_time: run.expires_at.map(to_proto),
            cancel_requested: run.cancel_requested,
            original_start_time: Some(to_proto(run.started_at)),
            request_id_infos: requests(run),
            ..WorkflowExecutionExtendedInfo::default()
        }),
        ..DescribeWorkflowExecutionResponse::default()
    }
}

/// The started event of a running task counts before it is written; a transient one is none.
fn unwritten(run: &Run) -> i64 {
    let is_first = |task: &&WorkflowTask| task.scheduled_id.is_some() && !task.speculative;
    let task = run.task.as_ref().filter(is_first);
    let started = task.and_then(|task| task.started.as_ref());
    started.map_or(0, |started| {
        i64::try_from(started.suffix.len()).unwrap_or(0)
    })
}

/// The requests that the run stands for: the one that started it, and those that found it there.
fn requests(run: &Run) -> HashMap<String, RequestIdInfo> {
    let info = |event_type: EventType, event_id: i64| RequestIdInfo {
        event_type: event_type as i32,
        event_id,
        buffered: event_id == 0,
    };
    let started = Some(&run.started_by)
        .filter(|id| !id.is_empty())
        .map(|id| (id.clone(), info(EventType::WorkflowExecutionStarted, 1)));
    let attached = run.attached.iter().map(|(id, event)| {
        let kind = EventType::WorkflowExecutionOptionsUpdated;
        (id.clone(), info(kind, *event))
    });
    started.into_iter().chain(attached).collect()
}

/// A run as listings show it.
pub(super) fn info(head: &Head) -> WorkflowExecutionInfo {
    let at = |micros| ambient::Timestamp::from_micros(micros);
    let execution = WorkflowExecution {
        workflow_id: head.workflow_id.clone(),
        run_id: head.run_id.clone(),
    };
    WorkflowExecutionInfo {
        root_execution: Some(execution.clone()),
        execution: Some(execution),
        r#type: Some(WorkflowType {
            name: head.workflow_type.clone(),
        }),
        start_time: Some(to_proto(at(head.started_at))),
        execution_time: Some(to_proto(at(head.execution_at))),
        close_time: head.closed_at.map(|closed| to_proto(at(closed))),
        execution_duration: head
            .closed_at
            .map(|closed| duration(at(closed).since(at(head.execution_at)))),
        status: head.status,
        history_length: head.history_length,
        history_size_bytes: head.history_bytes,
        // Written by us, so it decodes; a damaged row shows without them rather than not at all.
        memo: Memo::decode(head.memo.clone()).ok(),
        search_attributes: SearchAttributes::decode(head.search_attributes.clone()).ok(),
        task_queue: head.task_queue.clone(),
        first_run_id: head.first_run_id.clone(),
        ..WorkflowExecutionInfo::default()
    }
}

fn pending_activity(activity: &Activity) -> PendingActivityInfo {
    let spec = &activity.spec;
    let started = activity.started();
    let state = match (started, activity.cancel_requested_id) {
        (Some(_), Some(_)) => PendingActivityState::CancelRequested,
        (Some(_), None) => PendingActivityState::Started,
        (None, _) => PendingActivityState::Scheduled,
    };
    let policy = spec.retry_policy.as_ref();
    let interval = match &activity.state {
        AttemptState::BackingOff => activity
            .last_finished_at
            .map(|finished| activity.available_at.since(finished)),
        // What follows should this attempt fail.
        AttemptState::Offered => policy.map(|policy| retry::interval(policy, activity.attempt)),
        AttemptState::Started(_) => None,
    };
    let next_attempt = interval.filter(|_| matches!(activity.state, AttemptState::BackingOff));
    let identity = started.map_or(&activity.last_identity, |started| &started.identity);
    PendingActivityInfo {
        activity_id: spec.activity_id.clone(),
        activity_type: spec.activity_type.clone(),
        state: state as i32,
        heartbeat_details: activity.beat_details.clone(),
        last_heartbeat_time: activity.last_beat.map(to_proto),
        last_started_time: started.map(|started| to_proto(started.at)),
        attempt: i32::try_from(activity.attempt).unwrap_or(i32::MAX),
        maximum_attempts: spec.retry_policy.as_ref().map_or(0, |p| p.maximum_attempts),
        scheduled_time: Some(to_proto(activity.available_at)),
        expiration_time: activity.expires_at().map(to_proto),
        last_failure: activity.last_failure.clone(),
        last_worker_identity: identity.clone(),
        current_retry_interval: interval.map(duration),
        last_attempt_complete_time: activity.last_finished_at.map(to_proto),
        next_attempt_schedule_time: next_attempt.map(|_| to_proto(activity.available_at)),
        priority: spec.priority.clone(),
        activity_options: Some(options(activity)),
        ..PendingActivityInfo::default()
    }
}

fn options(activity: &Activity) -> ActivityOptions {
    let spec = &activity.spec;
    ActivityOptions {
        task_queue: Some(TaskQueue {
            name: activity.queue().to_owned(),
            normal_name: activity.queue().to_owned(),
            ..TaskQueue::default()
        }),
        schedule_to_close_timeout: spec.schedule_to_close_timeout,
        schedule_to_start_timeout: spec.schedule_to_start_timeout,
        start_to_close_timeout: spec.start_to_close_timeout,
        heartbeat_timeout: spec.heartbeat_timeout,
        retry_policy: spec.retry_policy.clone().map(|policy| RetryPolicy {
            non_retryable_error_types: Vec::new(),
            ..policy
        }),
        ..ActivityOptions::default()
    }
}

fn pending_child(initiated_id: i64, child: &Child) -> PendingChildExecutionInfo {
    let kind = child.workflow_type.as_ref().map_or("", |kind| &kind.name);
    PendingChildExecutionInfo {
        workflow_id: child.workflow_id.clone(),
        run_id: child.run_id.clone(),
        workflow_type_name: kind.to_owned(),
        initiated_id,
        parent_close_policy: child.policy as i32,
    }
}

fn pending_task(task: &WorkflowTask) -> PendingWorkflowTaskInfo {
    let state = match task.started {
        Some(_) => PendingWorkflowTaskState::Started,
        None => PendingWorkflowTaskState::Scheduled,
    };
    PendingWorkflowTaskInfo {
        state: state as i32,
        scheduled_time: Some(to_proto(task.scheduled_at)),
        original_scheduled_time: Some(to_proto(task.scheduled_at)),
        started_time: task.started.as_ref().map(|started| to_proto(started.at)),
        attempt: i32::try_from(task.attempt).unwrap_or(i32::MAX),
    }
}
