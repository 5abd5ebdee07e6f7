//! RespondWorkflowTaskCompleted.

use std::collections::HashMap;
use std::time::Duration;

use ambient::Timestamp;
use prost::Message;
use temporalio_protos::temporal::api::command::v1::{Command, command::Attributes};
use temporalio_protos::temporal::api::deployment::v1::WorkerDeploymentVersion;
use temporalio_protos::temporal::api::enums::v1::{
    QueryResultType, VersioningBehavior, WorkerVersioningMode,
};
use temporalio_protos::temporal::api::history::v1::WorkflowTaskCompletedEventAttributes;
use temporalio_protos::temporal::api::query::v1::WorkflowQueryResult;
use temporalio_protos::temporal::api::taskqueue::v1::StickyExecutionAttributes;
use temporalio_protos::temporal::api::workflowservice::v1::{
    RespondWorkflowTaskCompletedRequest, RespondWorkflowTaskCompletedResponse,
};
use tonic::Status;

use super::oversize;
use super::poll_activity;
use super::poll_workflow::{self, Poller, build_of};
use crate::core::commands::complete_task::{self, CompleteTask};
use crate::core::commands::decisions::{Namespaces, Place};
use crate::core::task::{Sticky, TaskFence};
use crate::core::time::positive;
use crate::core::{Action, Refusal};
use crate::runs::{Answer, Guard, Host, Key, Live, Namespace, Slot};
use crate::token::{Kind, Token};
use crate::wire;

/// Used when a worker names a sticky queue without saying how long to wait there.
const STICKY_WAIT: Duration = Duration::from_secs(5);

#[allow(deprecated)] // The stamp is how today's workers name their build.
pub(crate) async fn handle(
    host: &Host,
    mut request: RespondWorkflowTaskCompletedRequest,
) -> Result<Vec<u8>, Status> {
    host.admit()?;
    let namespace = host.namespace(&request.namespace)?;
    let namespaces = named_namespaces(host, &namespace, &mut request.commands)?;
    let (token, key, mut slot) = lock_task(host, &namespace, &request.task_token).await?;
    let Some(live) = slot.live.as_mut() else {
        return Err(Refusal::StaleWorkflowTask.into());
    };
    let worker = request.deployment_options.clone().unwrap_or_default();
    let behavior = request.versioning_behavior();
    let is_versioned = worker.worker_versioning_mode() == WorkerVersioningMode::Versioned;
    let build = request
        .worker_version_stamp
        .or_else(|| build_of(None, request.deployment_options));
    let capabilities = request.capabilities.unwrap_or_default();
    let poller = Poller {
        identity: request.identity.clone(),
        build: build.clone(),
    };
    let (wants_next, heartbeat) = (
        request.return_new_workflow_task,
        request.force_create_new_workflow_task,
    );
    if behavior != VersioningBehavior::Unspecified && !is_versioned {
        complete_task::fence(&live.run, fence(&token))?;
        return Err(Status::invalid_argument(
            "versioning behavior cannot be specified without deployment options being set with \
             versioned mode",
        ));
    }
    let cmd = CompleteTask {
        fence: fence(&token),
        eager: poll_activity::starter(host, request.identity.clone(), build.clone())?,
        attributes: WorkflowTaskCompletedEventAttributes {
            identity: request.identity,
            worker_version: build.clone(),
            sdk_metadata: request.sdk_metadata,
            metering_metadata: request.metering_metadata,
            deployment_version: is_versioned.then(|| WorkerDeploymentVersion {
                deployment_name: worker.deployment_name.clone(),
                build_id: worker.build_id,
            }),
            worker_deployment_name: worker.deployment_name,
            versioning_behavior: behavior as i32,
            ..WorkflowTaskCompletedEventAttributes::default()
        },
        commands: request.commands,
        messages: request.messages,
        may_discard_events: capabilities.discard_speculative_workflow_task_with_events,
        sticky: sticky(request.sticky_attributes),
        force_new_task: heartbeat,
        takes_new_task: wants_next,
        next: host.next_run()?,
        namespaces,
    };
    let done = match complete_task::apply(&mut live.run, cmd, host.now()) {
        Ok(done) => done,
        Err(refusal) => return Err(host.refuse(slot, refusal).await),
    };
    let answers = match done.rejected {
        None => answers(live, request.query_results),
        Some(_) => Vec::new(),
    };
    let failed = done.rejected.is_some() || done.gave_up;
    let mut outcome = done.outcome;
    // Its worker gets the next task with the answer, unless another run follows: that one is for
    // everybody.
    let hands_on = wants_next && !failed && outcome.successor.is_none();
    if hands_on {
        outcome
            .actions
            .retain(|action| *action != Action::OfferWorkflowTask);
    }
    let position = host.take(&key, &mut slot, outcome);
    let activity_tasks = hand_back(host, &namespace, &key, &mut slot, &done.eager_activities);
    let next = match hands_on {
        true => hand_on(host, &key, &mut slot, &poller, heartbeat),
        false => None,
    };
    drop(slot);
    host.durable(position).await?;
    // They tell of what this task decided, so they waited with it.
    for (id, answer) in answers {
        host.queries.answer(id, answer);
    }
    if done.gave_up {
        return Err(Status::not_found("workflow task heartbeat timeout"));
    }
    match done.rejected {
        Some(bad) => Err(Status::invalid_argument(bad.to_string())),
        None => {
            const WORKFLOW_TASK: u32 = 1;
            let mut encoded = RespondWorkflowTaskCompletedResponse {
                activity_tasks,
                reset_history_event_id: done.reset_to.unwrap_or(0),
                ..RespondWorkflowTaskCompletedResponse::default()
            }
            .encode_to_vec();
            if let Some(task) = next {
                wire::splice(&mut encoded, WORKFLOW_TASK, &[task.into()]);
            }
            Ok(encoded)
        }
    }
}

/// The next task, for the worker that just answered. What it cannot have, everybody may.
fn hand_on(
    host: &Host,
    key: &Key,
    slot: &mut Slot,
    poller: &Poller,
    heartbeat: bool,
) -> Option<Vec<u8>> {
    let waits = |slot: &Slot| {
        let task = slot.live.as_ref().and_then(|live| live.run.task.as_ref());
        task.is_some_and(|task| task.started.is_none())
    };
    if !waits(slot) {
        return None;
    }
    let handed = poll_workflow::hand_on(host, key, slot, poller, heartbeat)
        .ok()
        .flatten();
    if let Some(live) = slot.live.as_ref().filter(|_| handed.is_none()) {
        host.offer_workflow_task(key, live);
    }
    handed
}

/// The namespaces that commands to other workflows name. A child is always told its own.
#[allow(deprecated)] // Other namespaces are still reached this way.
fn named_namespaces(
    host: &Host,
    own: &Namespace,
    commands: &mut [Command],
) -> Result<Namespaces, Status> {
    let mut namespaces = Namespaces {
        own: Place {
            name: own.name.clone(),
            id: own.uuid.clone(),
        },
        ..Namespaces::default()
    };
    for command in commands {
        let name = match &mut command.attributes {
            Some(Attributes::StartChildWorkflowExecutionCommandAttributes(a)) => {
                if a.namespace.is_empty() {
                    a.namespace.clone_from(&own.name);
                }
                &a.namespace
            }
            Some(Attributes::SignalExternalWorkflowExecutionCommandAttributes(a)) => &a.namespace,
            Some(Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(a)) => {
                &a.namespace
            }
            _ => continue,
        };
        if !name.is_empty() && *name != own.name {
            let id = host.namespace(name)?.uuid.clone();
            namespaces.others.insert(name.clone(), id);
        }
    }
    Ok(namespaces)
}

/// The run a workflow-task token stands for, locked.
pub(super) async fn lock_task(
    host: &Host,
    namespace: &Namespace,
    token: &[u8],
) -> Result<(Token, Key, Guard), Status> {
    let token = host.tokens.open(Kind::WorkflowTask, token)?;
    if token.namespace != namespace.id {
        return Err(Status::invalid_argument(
            "Operation requested with a token from a different namespace.",
        ));
    }
    // After a restart the same task is handed out again, perhaps with another history: whoever
    // holds the old one must not speak for it.
    if token.epoch != host.epoch {
        return Err(Refusal::StaleWorkflowTask.into());
    }
    let (key, slot) = host
        .lock_row(token.row)
        .await?
        .ok_or(Refusal::StaleWorkflowTask)?;
    Ok((token, key, slot))
}

pub(super) fn fence(token: &Token) -> TaskFence {
    TaskFence {
        scheduled_id: token.scheduled_id,
        started_id: token.started_id,
        attempt: token.attempt,
        started_at: Timestamp::from_micros(token.started_at),
    }
}

fn sticky(attributes: Option<StickyExecutionAttributes>) -> Option<Sticky> {
    let attributes = attributes?;
    let queue = attributes.worker_task_queue?.name;
    let schedule_to_start =
        positive(attributes.schedule_to_start_timeout.as_ref()).unwrap_or(STICKY_WAIT);
    (!queue.is_empty()).then_some(Sticky {
        queue,
        schedule_to_start,
    })
}

fn answers(live: &mut Live, results: HashMap<String, WorkflowQueryResult>) -> Vec<(u64, Answer)> {
    let mut answers = Vec::new();
    for (id, result) in results {
        let Ok(id) = id.parse::<u64>() else { continue };
        // Only queries of this run may be answered with its task.
        let Some(at) = live.riding.iter().position(|riding| *riding == id) else {
            continue;
        };
        live.riding.remove(at);
        let answer = match result.result_type() {
            QueryResultType::Answered if oversize::is_too_large(result.answer.as_ref()) => {
                Answer::TooLarge
            }
            QueryResultType::Answered => Answer::Result(result.answer),
            QueryResultType::Failed | QueryResultType::Unspecified => Answer::Failed {
                message: result.error_message,
                failure: result.failure.map(Box::new),
            },
        };
        answers.push((id, answer));
    }
    answers
}

/// Eager activities for the answer; and queries that no further task will carry go on alone.
fn hand_back(
    host: &Host,
    namespace: &Namespace,
    key: &Key,
    slot: &mut Guard,
    eager: &[i64],
) -> Vec<temporalio_protos::temporal::api::workflowservice::v1::PollActivityTaskQueueResponse> {
    let Some(live) = slot.live.as_mut() else {
        return Vec::new();
    };
    if live.run.task.is_none() {
        host.release_riding(key, live);
    }
    eager
        .iter()
        .filter_map(|id| poll_activity::describe(host, namespace, live, *id))
        .collect()
}
