//! CreateSchedule.

use std::sync::Arc;

use temporalio_protos::temporal::api::workflowservice::v1::{
    CreateScheduleRequest, CreateScheduleResponse,
};
use tonic::Status;

use super::{check, to_the_end, token, workflow_id};
use crate::frontend::{check_id, check_length, status};
use crate::limits;
use crate::runs::{Host, Namespace};
use crate::schedules::life::Command;
use crate::schedules::state::State;
use crate::visibility::Filter;

pub(crate) async fn handle(
    host: &Arc<Host>,
    request: CreateScheduleRequest,
) -> Result<CreateScheduleResponse, Status> {
    host.admit()?;
    check_length("WorkflowId", &workflow_id(&request.schedule_id))?;
    check_id("RequestId", &request.request_id)?;
    check::check_size("the schedule", &request)?;
    let namespace = host.namespace(&request.namespace)?;
    let host = Arc::clone(host);
    to_the_end(async move { create(&host, namespace, request).await }).await
}

async fn create(
    host: &Host,
    namespace: Namespace,
    request: CreateScheduleRequest,
) -> Result<CreateScheduleResponse, Status> {
    let state = State {
        namespace: namespace.name.clone(),
        namespace_uuid: namespace.uuid.clone(),
        schedule_id: request.schedule_id,
        run_id: host.fresh_id()?,
        created_by: request.request_id.clone(),
        memo: request.memo,
        search_attributes: request.search_attributes,
        ..State::born(check::canonical(request.schedule)?, host.now())
    };
    let conflict_token = token(state.conflict_token);
    let created = CreateScheduleResponse { conflict_token };
    let in_hand = match host.new_schedule(&namespace, state).await? {
        Ok(in_hand) => in_hand,
        Err(present) if present.created_by == request.request_id => return Ok(created),
        Err(present) => return Err(taken(&present)),
    };
    let id = namespace.id;
    let present = host
        .read(move |reader| reader.count_schedules(id, &Filter::Everything))
        .await?;
    if usize::try_from(present).unwrap_or(usize::MAX) >= limits::SCHEDULES {
        return Err(Status::resource_exhausted(format!(
            "the namespace has {present} schedules, as many as it may; delete some"
        )));
    }
    let first = match request.initial_patch {
        Some(patch) => Command::Patch(patch),
        None => Command::Wake,
    };
    host.live(in_hand, first).await?;
    Ok(created)
}

fn taken(present: &State) -> Status {
    let workflow_id = workflow_id(&present.schedule_id);
    let run_id = &present.run_id;
    let why = format!(
        "Workflow execution is already running. WorkflowId: {workflow_id}, RunId: {run_id}."
    );
    status::already_started(why, &present.created_by, run_id)
}
