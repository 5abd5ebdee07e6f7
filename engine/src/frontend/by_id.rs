//! The same answers without a token: the activity is named by workflow and activity id.

use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_protos::temporal::api::workflowservice::v1::{
    RecordActivityTaskHeartbeatByIdRequest, RecordActivityTaskHeartbeatByIdResponse,
    RespondActivityTaskCanceledByIdRequest, RespondActivityTaskCanceledByIdResponse,
    RespondActivityTaskCompletedByIdRequest, RespondActivityTaskCompletedByIdResponse,
    RespondActivityTaskFailedByIdRequest, RespondActivityTaskFailedByIdResponse,
};
use tonic::Status;

use super::activity::{Ended, completion, end};
use super::{check_blob, check_id, execution, heartbeat};
use crate::core::Refusal;
use crate::core::commands::complete_activity::{End, Which};
use crate::runs::{Found, Guard, Host, Key};

pub(crate) async fn completed(
    host: &Host,
    request: RespondActivityTaskCompletedByIdRequest,
) -> Result<RespondActivityTaskCompletedByIdResponse, Status> {
    let named = Named {
        namespace: request.namespace,
        workflow_id: request.workflow_id,
        run_id: request.run_id,
        activity_id: request.activity_id,
    };
    let ended = completion(request.result, request.identity);
    answer(host, named, ended).await?;
    Ok(RespondActivityTaskCompletedByIdResponse {})
}

pub(crate) async fn failed(
    host: &Host,
    request: RespondActivityTaskFailedByIdRequest,
) -> Result<RespondActivityTaskFailedByIdResponse, Status> {
    let named = Named {
        namespace: request.namespace,
        workflow_id: request.workflow_id,
        run_id: request.run_id,
        activity_id: request.activity_id,
    };
    let ended = Ended::Failed {
        failure: Box::new(request.failure.unwrap_or_default()),
        identity: request.identity,
        last_heartbeat_details: request.last_heartbeat_details,
    };
    answer(host, named, ended).await?;
    Ok(RespondActivityTaskFailedByIdResponse::default())
}

pub(crate) async fn canceled(
    host: &Host,
    request: RespondActivityTaskCanceledByIdRequest,
) -> Result<RespondActivityTaskCanceledByIdResponse, Status> {
    check_blob(request.details.as_ref())?;
    let named = Named {
        namespace: request.namespace,
        workflow_id: request.workflow_id,
        run_id: request.run_id,
        activity_id: request.activity_id,
    };
    let ended = Ended::Well {
        end: End::Canceled(request.details),
        identity: request.identity,
    };
    answer(host, named, ended).await?;
    Ok(RespondActivityTaskCanceledByIdResponse {})
}

pub(crate) async fn heartbeat(
    host: &Host,
    request: RecordActivityTaskHeartbeatByIdRequest,
) -> Result<RecordActivityTaskHeartbeatByIdResponse, Status> {
    check_blob(request.details.as_ref())?;
    let named = Named {
        namespace: request.namespace,
        workflow_id: request.workflow_id,
        run_id: request.run_id,
        activity_id: request.activity_id,
    };
    let (key, slot, which) = lock(host, named).await?;
    let cancel_requested = heartbeat::beat(host, &key, slot, which, request.details).await?;
    Ok(RecordActivityTaskHeartbeatByIdResponse {
        cancel_requested,
        ..RecordActivityTaskHeartbeatByIdResponse::default()
    })
}

struct Named {
    namespace: String,
    workflow_id: String,
    run_id: String,
    activity_id: String,
}

async fn answer(host: &Host, named: Named, ended: Ended) -> Result<(), Status> {
    let (key, slot, which) = lock(host, named).await?;
    end(host, &key, slot, which, ended).await
}

async fn lock(host: &Host, named: Named) -> Result<(Key, Guard, Which), Status> {
    host.admit()?;
    check_id("ActivityId", &named.activity_id)?;
    let namespace = host.namespace(&named.namespace)?;
    let (workflow_id, run_id) = execution(Some(WorkflowExecution {
        workflow_id: named.workflow_id,
        run_id: named.run_id,
    }))?;
    let key = Key::new(namespace.id, &workflow_id);
    match host.find(&namespace, &workflow_id, &run_id).await? {
        Found::Live(slot) => Ok((key, slot, Which::Id(named.activity_id))),
        Found::Stored(_) => Err(Refusal::Closed.into()),
    }
}
