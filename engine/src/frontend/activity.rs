//! RespondActivityTaskCompleted, Failed and Canceled, by token.

use prost::Message;
use temporalio_protos::temporal::api::common::v1::Payloads;
use temporalio_protos::temporal::api::failure::v1::{
    ApplicationFailureInfo, Failure, failure::FailureInfo,
};
use temporalio_protos::temporal::api::workflowservice::v1::{
    RespondActivityTaskCanceledRequest, RespondActivityTaskCanceledResponse,
    RespondActivityTaskCompletedRequest, RespondActivityTaskCompletedResponse,
    RespondActivityTaskFailedRequest, RespondActivityTaskFailedResponse,
};
use tonic::Status;

use super::check_blob;
use crate::core::activity::ActivityFence;
use crate::core::commands::complete_activity::{self, CompleteActivity, End, Which};
use crate::core::commands::fail_activity::{self, FailActivity};
use crate::core::{Outcome, Refusal, Run};
use crate::limits;
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
    let ended = Ended::Failed {
        failure: Box::new(request.failure.unwrap_or_default()),
        identity: request.identity,
        last_heartbeat_details: request.last_heartbeat_details,
    };
    by_token(host, &request.namespace, &request.task_token, ended).await?;
    Ok(RespondActivityTaskFailedResponse::default())
}

pub(crate) async fn canceled(
    host: &Host,
    request: RespondActivityTaskCanceledRequest,
) -> Result<RespondActivityTaskCanceledResponse, Status> {
    check_blob(request.details.as_ref())?;
    let ended = Ended::Well {
        end: End::Canceled(request.details),
        identity: request.identity,
    };
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

/// A result too large to keep fails the activity for good: the next attempt's would be as large.
pub(super) fn completion(result: Option<Payloads>, identity: String) -> Ended {
    let size = result.as_ref().map_or(0, Message::encoded_len);
    if size <= limits::BLOB_BYTES {
        let end = End::Completed(result);
        return Ended::Well { end, identity };
    }
    Ended::Failed {
        failure: Box::new(Failure {
            message: "Complete result exceeds size limit.".to_owned(),
            source: "Server".to_owned(),
            failure_info: Some(FailureInfo::ApplicationFailureInfo(
                ApplicationFailureInfo {
                    non_retryable: true,
                    ..ApplicationFailureInfo::default()
                },
            )),
            ..Failure::default()
        }),
        identity,
        last_heartbeat_details: None,
    }
}

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
