//! RespondActivityTaskCompleted, Failed and Canceled, by token.

use temporalio_protos::temporal::api::common::v1::Payloads;
use temporalio_protos::temporal::api::failure::v1::{Failure, failure::FailureInfo};
use temporalio_protos::temporal::api::workflowservice::v1::{
    RespondActivityTaskCanceledRequest, RespondActivityTaskCanceledResponse,
    RespondActivityTaskCompletedRequest, RespondActivityTaskCompletedResponse,
    RespondActivityTaskFailedRequest, RespondActivityTaskFailedResponse,
};
use tonic::Status;

use super::oversize;
use crate::core::activity::ActivityFence;
use crate::core::commands::complete_activity::{self, CompleteActivity, End, Which};
use crate::core::commands::fail_activity::{self, FailActivity};
use crate::core::{Outcome, Refusal, Run};
use crate::runs::{Guard, Host, Key, Namespace};
use crate::token::Kind;

pub(crate) async fn completed(
    host: &Host,
    request: RespondActivityTaskCompletedRequest,
) -> Result<RespondActivityTaskCompletedResponse, Status> {
    let ended = completion(request.result, request.identity);
    by_token(host, &request.namespace, &request.task_token, ended).await?;
    Ok(RespondActivityTaskCompletedResponse {})
}

pub(crate) async fn failed(
    host: &Host,
    request: RespondActivityTaskFailedRequest,
) -> Result<RespondActivityTaskFailedResponse, Status> {
    host.tokens.open(Kind::Activity, &request.task_token)?;
    // A worker's failure says what it is; the other kinds are the engine's own.
    let is_foreign = request.failure.as_ref().is_some_and(|failure| {
        !matches!(
            failure.failure_info,
            Some(FailureInfo::ApplicationFailureInfo(_))
        )
    });
    if is_foreign {
        return Err(Status::invalid_argument(
            "Failure must have ApplicationFailureInfo.",
        ));
    }
    let (ended, failures) = failing(
        request.failure,
        request.last_heartbeat_details,
        request.identity,
    );
    by_token(host, &request.namespace, &request.task_token, ended).await?;
    Ok(RespondActivityTaskFailedResponse { failures })
}

pub(crate) async fn canceled(
    host: &Host,
    request: RespondActivityTaskCanceledRequest,
) -> Result<RespondActivityTaskCanceledResponse, Status> {
    let ended = cancellation(request.details, request.identity);
    by_token(host, &request.namespace, &request.task_token, ended).await?;
    Ok(RespondActivityTaskCanceledResponse {})
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Ended {
    Well {
        end: End,
        identity: String,
    },
    Failed {
        failure: Box<Failure>,
        identity: String,
        last_heartbeat_details: Option<Payloads>,
    },
}

/// A result too large to keep fails the activity for good.
pub(super) fn completion(result: Option<Payloads>, identity: String) -> Ended {
    match oversize::is_too_large(result.as_ref()) {
        true => too_large("Complete result exceeds size limit.", identity),
        false => Ended::Well {
            end: End::Completed(result),
            identity,
        },
    }
}

pub(super) fn cancellation(details: Option<Payloads>, identity: String) -> Ended {
    match oversize::is_too_large(details.as_ref()) {
        true => too_large("Cancel details exceed size limit.", identity),
        false => Ended::Well {
            end: End::Canceled(details),
            identity,
        },
    }
}

pub(super) fn too_large(what: &str, identity: String) -> Ended {
    Ended::Failed {
        failure: Box::new(oversize::failure(what)),
        identity,
        last_heartbeat_details: None,
    }
}

/// A failure, cut to what can be kept; and what its worker is told about that.
pub(super) fn failing(
    failure: Option<Failure>,
    mut last_heartbeat_details: Option<Payloads>,
    identity: String,
) -> (Ended, Vec<Failure>) {
    let mut told = Vec::new();
    if oversize::is_too_large(last_heartbeat_details.as_ref()) {
        last_heartbeat_details = None;
        told.push(oversize::failure(HEARTBEAT_TOO_LARGE));
    }
    let (failure, was_cut) = oversize::fitting(failure.unwrap_or_default());
    if was_cut {
        told.push(failure.clone());
    }
    let ended = Ended::Failed {
        failure: Box::new(failure),
        identity,
        last_heartbeat_details,
    };
    (ended, told)
}

pub(super) const HEARTBEAT_TOO_LARGE: &str = "Heartbeat details exceed size limit.";

async fn by_token(host: &Host, namespace: &str, token: &[u8], ended: Ended) -> Result<(), Status> {
    host.admit()?;
    let namespace = host.namespace(namespace)?;
    let (fence, key, slot) = lock_activity(host, &namespace, token).await?;
    end(host, &key, slot, Which::Token(fence), ended).await
}

/// The run an activity token stands for, locked. Of an earlier boot only starts that were durable
/// still stand; the fence knows.
pub(super) async fn lock_activity(
    host: &Host,
    namespace: &Namespace,
    token: &[u8],
) -> Result<(ActivityFence, Key, Guard), Status> {
    let token = host.tokens.open(Kind::Activity, token)?;
    if token.namespace != namespace.id {
        return Err(Status::invalid_argument(
            "Operation requested with a token from a different namespace.",
        ));
    }
    let (key, slot) = host.lock_row(token.row).await?.ok_or(Refusal::Closed)?;
    let fence = ActivityFence {
        scheduled_id: token.scheduled_id,
        attempt: token.attempt,
        epoch: token.epoch,
    };
    Ok((fence, key, slot))
}

pub(super) async fn end(
    host: &Host,
    key: &Key,
    mut slot: Guard,
    which: Which,
    ended: Ended,
) -> Result<(), Status> {
    let live = slot.live.as_mut().ok_or(Refusal::Closed)?;
    let outcome = match apply(&mut live.run, which, ended, host.now()) {
        Ok(outcome) => outcome,
        Err(refusal) => return Err(host.refuse(slot, refusal).await),
    };
    let position = host.take(key, &mut slot, outcome);
    drop(slot);
    host.durable(position).await
}

fn apply(
    run: &mut Run,
    which: Which,
    ended: Ended,
    now: ambient::Timestamp,
) -> Result<Outcome, Refusal> {
    match ended {
        Ended::Well { end, identity } => {
            let cmd = CompleteActivity {
                which,
                identity,
                end,
            };
            complete_activity::apply(run, cmd, now)
        }
        Ended::Failed {
            failure,
            identity,
            last_heartbeat_details,
        } => {
            let cmd = FailActivity {
                which,
                failure: *failure,
                identity,
                last_heartbeat_details,
            };
            fail_activity::apply(run, cmd, now)
        }
    }
}
