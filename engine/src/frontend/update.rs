//! UpdateWorkflowExecution and PollWorkflowExecutionUpdate.

use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_protos::temporal::api::enums::v1::UpdateWorkflowExecutionLifecycleStage as Stage;
use temporalio_protos::temporal::api::update::v1::{Meta, Outcome, Request, UpdateRef, WaitPolicy};
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollWorkflowExecutionUpdateRequest, PollWorkflowExecutionUpdateResponse,
    UpdateWorkflowExecutionRequest, UpdateWorkflowExecutionResponse,
};
use tonic::Status;

use super::{execution, status};
use crate::core::Refusal;
use crate::core::commands::admit_update::{self, AdmitUpdate};
use crate::core::updates::{Aborted, Fate};
use crate::limits;
use crate::runs::{Found, Heard, Host, Key, Namespace, Slot, not_found, settled};

/// A request that may be admitted.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) workflow_id: String,
    pub(super) run_id: String,
    pub(super) first_run_id: String,
    pub(super) update_id: String,
    request: Request,
    until: Stage,
}

/// An update that a run knows, and how to hear of it.
pub(super) struct Ticket {
    pub(super) run_id: String,
    pub(super) heard: Heard,
}

pub(crate) async fn handle(
    host: &Host,
    request: UpdateWorkflowExecutionRequest,
) -> Result<UpdateWorkflowExecutionResponse, Status> {
    host.admit()?;
    let name = request.namespace.clone();
    let wish = wish(host, request)?;
    let namespace = host.namespace(&name)?;
    let ticket = admit(host, &namespace, &wish).await?;
    let key = Key::new(namespace.id, &wish.workflow_id);
    let done = answer(host, &key, &wish, ticket).await;
    done.map_err(|(why, _)| why)
}

pub(crate) async fn poll(
    host: &Host,
    request: PollWorkflowExecutionUpdateRequest,
) -> Result<PollWorkflowExecutionUpdateResponse, Status> {
    let asked = request
        .update_ref
        .ok_or_else(|| Status::invalid_argument("UpdateRef is not set on request."))?;
    let until = stage(request.wait_policy);
    let namespace = host.namespace(&request.namespace)?;
    let (workflow_id, run_id) = execution(asked.workflow_execution)?;
    let update_id = asked.update_id;
    let key = Key::new(namespace.id, &workflow_id);
    let ticket = match host.find(&namespace, &workflow_id, &run_id).await? {
        Found::Live(mut slot) => {
            let live = slot.live.as_mut().ok_or_else(not_found)?;
            let run_id = live.run.run_id.clone();
            match live.hear_update(&update_id) {
                Some(heard) => Ticket { run_id, heard },
                None => return Err(host.refuse(slot, unknown(&update_id)).await),
            }
        }
        Found::Stored(head) => {
            let (run, history) = host.replay(&head).await?;
            let heard = settled(&run, &history, &update_id).ok_or_else(|| unknown(&update_id))?;
            let run_id = run.run_id;
            Ticket { run_id, heard }
        }
    };
    let fate = host.await_update(&key, ticket.heard, until).await?;
    let (stage, outcome) = reached(fate)?;
    Ok(PollWorkflowExecutionUpdateResponse {
        outcome,
        stage: stage as i32,
        update_ref: Some(reference(&workflow_id, ticket.run_id, &update_id)),
    })
}

fn unknown(update_id: &str) -> Status {
    Status::not_found(format!("update {update_id:?} not found"))
}

pub(super) fn wish(host: &Host, request: UpdateWorkflowExecutionRequest) -> Result<Wish, Status> {
    let (workflow_id, run_id) = execution(request.workflow_execution)?;
    let mut update = request.request.unwrap_or_default();
    let Some(Meta { update_id, .. }) = &mut update.meta else {
        return Err(Status::invalid_argument(
            "Update meta is not set on request.",
        ));
    };
    if update_id.len() > limits::ID_BYTES {
        return Err(Status::invalid_argument("UpdateId length exceeds limit."));
    }
    if update_id.is_empty() {
        *update_id = host.fresh_id()?;
    }
    let update_id = update_id.clone();
    let Some(input) = &update.input else {
        return Err(Status::invalid_argument(
            "Update input is not set on request.",
        ));
    };
    if input.name.is_empty() {
        return Err(Status::invalid_argument(
            "Update name is not set on request.",
        ));
    }
    let until = match stage(request.wait_policy) {
        Stage::Unspecified => Stage::Completed,
        Stage::Admitted => {
            return Err(status::denied(
                "UpdateWorkflowExecution issued asynchronously and waiting on update admitted is \
                 not supported.",
            ));
        }
        given => given,
    };
    Ok(Wish {
        workflow_id,
        run_id,
        first_run_id: request.first_execution_run_id,
        update_id,
        request: update,
        until,
    })
}

fn stage(policy: Option<WaitPolicy>) -> Stage {
    policy.map_or(Stage::Unspecified, |policy| policy.lifecycle_stage())
}

async fn admit(host: &Host, namespace: &Namespace, wish: &Wish) -> Result<Ticket, Status> {
    let key = Key::new(namespace.id, &wish.workflow_id);
    let found = host
        .find(namespace, &wish.workflow_id, &wish.run_id)
        .await?;
    match found {
        Found::Live(mut slot) => match admit_to(host, &key, &mut slot, wish) {
            Ok(ticket) => Ok(ticket),
            Err(refused) => Err(host.refuse(slot, refused).await),
        },
        Found::Stored(head) => {
            let (run, history) = host.replay(&head).await?;
            admit_update::is_meant(&run, &wish.first_run_id)?;
            let heard = settled(&run, &history, &wish.update_id).ok_or(Refusal::Closed)?;
            let run_id = run.run_id;
            Ok(Ticket { run_id, heard })
        }
    }
}

/// Admits an update to the run in memory, or finds it there.
pub(super) fn admit_to(
    host: &Host,
    key: &Key,
    slot: &mut Slot,
    wish: &Wish,
) -> Result<Ticket, Status> {
    let live = slot.live.as_mut().ok_or_else(not_found)?;
    let cmd = AdmitUpdate {
        id: wish.update_id.clone(),
        request: wish.request.clone(),
        first_run_id: wish.first_run_id.clone(),
    };
    let outcome = admit_update::apply(&mut live.run, cmd, host.now())?;
    host.take(key, slot, outcome);
    ticket(slot, &wish.update_id)?.ok_or_else(not_found)
}

/// An ear on an update that the run in memory knows.
pub(super) fn ticket(slot: &mut Slot, update_id: &str) -> Result<Option<Ticket>, Status> {
    let live = slot.live.as_mut().ok_or_else(not_found)?;
    let run_id = live.run.run_id.clone();
    let heard = live.hear_update(update_id);
    Ok(heard.map(|heard| Ticket { run_id, heard }))
}

/// Waits as long as the wish says. With an error, whether it is the end of the run.
pub(super) async fn answer(
    host: &Host,
    key: &Key,
    wish: &Wish,
    ticket: Ticket,
) -> Result<UpdateWorkflowExecutionResponse, (Status, bool)> {
    let awaited = host.await_update(key, ticket.heard, wish.until).await;
    let fate = awaited.map_err(|stopped| (stopped, false))?;
    let closed = fate == Some(Fate::Aborted(Aborted::Closed));
    let (stage, outcome) = reached(fate).map_err(|why| (why, closed))?;
    Ok(UpdateWorkflowExecutionResponse {
        update_ref: Some(reference(&wish.workflow_id, ticket.run_id, &wish.update_id)),
        outcome,
        stage: stage as i32,
        ..UpdateWorkflowExecutionResponse::default()
    })
}

fn reached(fate: Option<Fate>) -> Result<(Stage, Option<Outcome>), Status> {
    match fate {
        None => Ok((Stage::Admitted, None)),
        Some(Fate::Accepted) => Ok((Stage::Accepted, None)),
        Some(Fate::Completed(outcome)) => Ok((Stage::Completed, Some(*outcome))),
        Some(Fate::Aborted(why)) => Err(status::update_aborted(why)),
    }
}

fn reference(workflow_id: &str, run_id: String, update_id: &str) -> UpdateRef {
    UpdateRef {
        workflow_execution: Some(WorkflowExecution {
            workflow_id: workflow_id.to_owned(),
            run_id,
        }),
        update_id: update_id.to_owned(),
    }
}
