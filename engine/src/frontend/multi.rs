//! ExecuteMultiOperation: a start and an update as one operation. Either the workflow is there and
//! takes the update, or it is started with it, under one lock: there is never the one without the
//! other.

use ambient::Timestamp;
use prost::Message;
use temporalio_protos::google::rpc::Status as RpcStatus;
use temporalio_protos::temporal::api::common::v1::{Link, link};
use temporalio_protos::temporal::api::enums::v1::{
    EventType, WorkflowExecutionStatus, WorkflowIdConflictPolicy as Conflict,
};
use temporalio_protos::temporal::api::workflowservice::v1::{
    ExecuteMultiOperationRequest, ExecuteMultiOperationResponse, StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse, UpdateWorkflowExecutionRequest,
    UpdateWorkflowExecutionResponse, execute_multi_operation_request::operation::Operation,
    execute_multi_operation_response as response,
};
use tonic::{Code, Status};

use super::start::{self, Decision};
use super::status;
use super::update::{self, Ticket, Wish};
use crate::core::updates::Standing;
use crate::runs::{Guard, Host, Key, Namespace, settled};

pub(crate) async fn handle(
    host: &Host,
    request: ExecuteMultiOperationRequest,
) -> Result<ExecuteMultiOperationResponse, Status> {
    host.admit()?;
    let namespace = host.namespace(&request.namespace)?;
    let both = both(host, &namespace, request)?;
    let failure = match both.perform(host, &namespace).await {
        Ok(done) => return Ok(done),
        Err(failure) => failure,
    };
    if !failure.of_closing {
        return Err(failure.into());
    }
    // The run that was there ended over it: that the update may start a new one is what the caller
    // asked for. Once: a workflow that ends at once again would be started for ever.
    match both.perform(host, &namespace).await {
        Ok(done) => Ok(done),
        Err(mut again) => {
            if again.of_closing {
                let why = again.update.as_ref().map_or("", Status::message).to_owned();
                again.update = Some(Status::aborted(why));
            }
            Err(again.into())
        }
    }
}

/// Two operations that are well formed, each by itself and together.
struct Both {
    start: StartWorkflowExecutionRequest,
    wish: Wish,
}

fn both(
    host: &Host,
    namespace: &Namespace,
    request: ExecuteMultiOperationRequest,
) -> Result<Both, Status> {
    let mut operations = request.operations.into_iter().map(|one| one.operation);
    let (
        Some(Some(Operation::StartWorkflow(start))),
        Some(Some(Operation::UpdateWorkflow(update))),
        None,
    ) = (operations.next(), operations.next(), operations.next())
    else {
        return Err(Status::invalid_argument(
            "Operations have to be exactly [Start, Update].",
        ));
    };
    let start = StartWorkflowExecutionRequest {
        namespace: namespace.name.clone(),
        ..start
    };
    let failure = match (startable(&start, host.now()), admissible(host, update)) {
        (Ok(()), Ok(wish)) if wish.workflow_id == start.workflow_id => {
            return Ok(Both { start, wish });
        }
        (Ok(()), Ok(_)) => Failure::of_update(Status::invalid_argument(
            "WorkflowId is not consistent with previous operation(s).",
        )),
        (start, update) => Failure {
            start: Some(start.err().unwrap_or_else(aborted)),
            update: Some(update.err().unwrap_or_else(aborted)),
            of_closing: false,
        },
    };
    Err(failure.into())
}

fn startable(start: &StartWorkflowExecutionRequest, now: Timestamp) -> Result<(), Status> {
    start::validate(start, now)?;
    let wrong = |why: &str| Err(Status::invalid_argument(why));
    if !start.cron_schedule.is_empty() {
        return wrong("CronSchedule is not allowed.");
    }
    if start.request_eager_execution {
        return wrong("RequestEagerExecution is not supported.");
    }
    let delay = crate::core::time::positive(start.workflow_start_delay.as_ref());
    if delay.is_some() {
        return wrong("WorkflowStartDelay is not supported.");
    }
    Ok(())
}

fn admissible(host: &Host, update: UpdateWorkflowExecutionRequest) -> Result<Wish, Status> {
    let wish = update::wish(host, update)?;
    if !wish.first_run_id.is_empty() {
        return Err(Status::invalid_argument(
            "FirstExecutionRunId is not allowed.",
        ));
    }
    if !wish.run_id.is_empty() {
        return Err(Status::invalid_argument("RunId is not allowed."));
    }
    Ok(wish)
}

/// What became of the start before the update is waited for.
struct Begun {
    ticket: Ticket,
    started: bool,
    status: WorkflowExecutionStatus,
    /// To the start of the run that took the update now.
    link: Option<Link>,
}

impl Both {
    async fn perform(
        &self,
        host: &Host,
        namespace: &Namespace,
    ) -> Result<ExecuteMultiOperationResponse, Failure> {
        let key = Key::new(namespace.id, &self.start.workflow_id);
        let mut slot = host.lock(&key).await.map_err(Failure::of_start)?;
        let begun = match self.begin(host, namespace, &key, &mut slot).await {
            Ok(begun) => begun,
            // What it speaks of must be on disk first.
            Err(failure) => {
                let position = slot.position;
                drop(slot);
                let safe = host.durable(position).await;
                return Err(safe.err().map_or(failure, Failure::of_start));
            }
        };
        drop(slot);
        let run_id = begun.ticket.run_id.clone();
        let done = update::answer(host, &key, &self.wish, begun.ticket).await;
        match done {
            Ok(update) => {
                let start = StartWorkflowExecutionResponse {
                    run_id,
                    started: begun.started,
                    status: begun.status as i32,
                    link: begun.link,
                    ..StartWorkflowExecutionResponse::default()
                };
                Ok(respond(start, update))
            }
            Err((why, closed)) => Err(Failure {
                start: (!begun.started).then(aborted),
                update: Some(why),
                of_closing: !begun.started && closed,
            }),
        }
    }

    async fn begin(
        &self,
        host: &Host,
        namespace: &Namespace,
        key: &Key,
        slot: &mut Guard,
    ) -> Result<Begun, Failure> {
        if let Some(begun) = self.find(host, key, slot).await? {
            return Ok(begun);
        }
        let decision = start::decide(slot, &self.start).map_err(Failure::of_start)?;
        if !matches!(decision, Decision::New) {
            return Err(Failure::of_start(Status::unavailable(
                "Workflow was not started: StartDeduped",
            )));
        }
        start::begin(host, key, slot, self.start.clone(), None).map_err(Failure::of_start)?;
        // Nothing can refuse the first update of a run that was just born.
        let ticket = update::admit_to(host, key, slot, &self.wish).map_err(Failure::of_update)?;
        Ok(Begun {
            link: Some(link(
                &namespace.name,
                &self.start.workflow_id,
                &ticket.run_id,
            )),
            ticket,
            started: true,
            status: WorkflowExecutionStatus::Running,
        })
    }

    /// A run that is there and takes the update, or took it before.
    async fn find(
        &self,
        host: &Host,
        key: &Key,
        slot: &mut Guard,
    ) -> Result<Option<Begun>, Failure> {
        let id = &self.wish.update_id;
        if let Some(head) = slot.closed.as_ref().filter(|_| slot.live.is_none()) {
            let (run, history) = host.replay(head).await.map_err(Failure::of_start)?;
            let completed = matches!(run.updates.standing(id), Some(Standing::Completed { .. }));
            let heard = settled(&run, &history, id).filter(|_| completed);
            return Ok(heard.map(|heard| Begun {
                status: run.status,
                started: false,
                link: None,
                ticket: Ticket {
                    run_id: run.run_id,
                    heard,
                },
            }));
        }
        let Some(live) = slot.live.as_mut() else {
            return Ok(None);
        };
        let status = live.run.status;
        let begun = |ticket, link| Begun {
            ticket,
            started: false,
            status,
            link,
        };
        let standing = live.run.updates.standing(id);
        if matches!(standing, Some(Standing::Completed { .. })) {
            let ticket = update::ticket(slot, id).map_err(Failure::of_update)?;
            return Ok(ticket.map(|ticket| begun(ticket, None)));
        }
        if !live.run.is_open() {
            return Ok(None);
        }
        let same =
            !self.start.request_id.is_empty() && live.run.started_by == self.start.request_id;
        let fits = self.start.workflow_id_conflict_policy() == Conflict::UseExisting;
        if !same && !fits && standing.is_none() {
            return Ok(None);
        }
        let ticket = update::admit_to(host, key, slot, &self.wish).map_err(Failure::of_update)?;
        let link = link("", &self.start.workflow_id, &ticket.run_id);
        Ok(Some(begun(ticket, Some(link))))
    }
}

fn respond(
    start: StartWorkflowExecutionResponse,
    update: UpdateWorkflowExecutionResponse,
) -> ExecuteMultiOperationResponse {
    use response::response::Response;
    let one = |response| response::Response {
        response: Some(response),
    };
    ExecuteMultiOperationResponse {
        responses: vec![
            one(Response::StartWorkflow(start)),
            one(Response::UpdateWorkflow(update)),
        ],
    }
}

fn link(namespace: &str, workflow_id: &str, run_id: &str) -> Link {
    use link::workflow_event::{EventReference, Reference};
    Link {
        variant: Some(link::Variant::WorkflowEvent(link::WorkflowEvent {
            namespace: namespace.to_owned(),
            workflow_id: workflow_id.to_owned(),
            run_id: run_id.to_owned(),
            reference: Some(Reference::EventRef(EventReference {
                event_id: 1,
                event_type: EventType::WorkflowExecutionStarted as i32,
            })),
        })),
    }
}

/// How each of the two ended, when they did not both succeed. `None` is a success.
struct Failure {
    start: Option<Status>,
    update: Option<Status>,
    /// A run that was there ended before it decided on the update.
    of_closing: bool,
}

impl Failure {
    fn of_start(why: Status) -> Self {
        Self {
            start: Some(why),
            update: Some(aborted()),
            of_closing: false,
        }
    }

    fn of_update(why: Status) -> Self {
        Self {
            start: Some(aborted()),
            update: Some(why),
            of_closing: false,
        }
    }
}

fn aborted() -> Status {
    status::operation_aborted("Operation was aborted.")
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let parts = [failure.start, failure.update].map(|part| {
            let part = status::detailed(part?);
            let details = RpcStatus::decode(part.details())
                .unwrap_or_default()
                .details;
            Some((part.code(), part.message().to_owned(), details))
        });
        // The failure of the two that is one of its own, not that of the other.
        let told = parts.iter().flatten().map(|(code, _, details)| {
            let bystander = details
                .iter()
                .any(|any| any.type_url.ends_with("ExecutionAborted"));
            (!bystander).then_some(*code)
        });
        let code = told.flatten().next().unwrap_or(Code::Aborted);
        status::multi_operation(code, parts)
    }
}
