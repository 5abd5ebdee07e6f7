//! The same answers without a token: the activity is named by workflow and activity id.

use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_protos::temporal::api::workflowservice::v1::{
    RecordActivityTaskHeartbeatByIdRequest, RecordActivityTaskHeartbeatByIdResponse,
    RespondActivityTaskCanceledByIdRequest, RespondActivityTaskCanceledByIdResponse,
    RespondActivityTaskCompletedByIdRequest, RespondActivityTaskCompletedByIdResponse,
    RespondActivityTaskFailedByIdRequest, RespondActivityTaskFailedByIdResponse,
};
use tonic::Status;

use super::activity::{Ended, cancellation, completion, end, failing};
use super::heartbeat::{self, Beat};
use super::{check_id, execution};
use crate::core::Refusal;
use crate::core::commands::complete_activity::Which;
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
    let (ended, failures) = failing(
        request.failure,
        request.last_heartbeat_details,
        request.identity,
    );
    answer(host, named, ended).await?;
    Ok(RespondActivityTaskFailedByIdResponse { failures })
}

pub(crate) async fn canceled(
    host: &Host,
    request: RespondActivityTaskCanceledByIdRequest,
) -> Result<RespondActivityTaskCanceledByIdResponse, Status> {
    let named = Named {
        namespace: request.namespace,
        workflow_id: request.workflow_id,
        run_id: request.run_id,
        activity_id: request.activity_id,
    };
    let ended = cancellation(request.details, request.identity);
    answer(host, named, ended).await?;
    Ok(RespondActivityTaskCanceledByIdResponse {})
}

pub(crate) async fn heartbeat(
    host: &Host,
    request: RecordActivityTaskHeartbeatByIdRequest,
) -> Result<RecordActivityTaskHeartbeatByIdResponse, Status> {
    let named = Named {
        namespace: request.namespace,
        workflow_id: request.workflow_id,
        run_id: request.run_id,
        activity_id: request.activity_id,
    };
    let (key, slot, which) = lock(host, named).await?;
    let beat = Beat {
        which,
        details: request.details,
        identity: request.identity,
    };
    let cancel_requested = heartbeat::record(host, &key, slot, beat).await?;
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
