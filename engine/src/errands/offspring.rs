//! Errands between a parent and its children: the start of a child, the report of its end, and
//! what the parent's end means for it.

use temporalio_protos::temporal::api::enums::v1::{
    ParentClosePolicy, StartChildWorkflowExecutionFailedCause as Cause,
};
use temporalio_protos::temporal::api::history::v1::{
    HistoryEvent, StartChildWorkflowExecutionInitiatedEventAttributes as ChildInitiated,
};
use temporalio_protos::temporal::api::sdk::v1::UserMetadata;
use temporalio_protos::temporal::api::workflowservice::v1::StartWorkflowExecutionRequest;
use tonic::{Code, Status};

use super::{Done, Source};
use crate::core::commands::answer_errand::Answer;
use crate::core::commands::cancel::{self, RequestCancel};
use crate::core::commands::end_child::{self, EndChild};
use crate::core::commands::signal::Sender;
use crate::core::commands::terminate::{self, Terminate};
use crate::core::family::{Child, Family, Parent};
use crate::core::{Outcome, Refusal, Run, priority};
use crate::frontend::start::{self, Decision};
use crate::runs::{Host, Key};

const IDENTITY: &str = "history-service";

impl Host {
    pub(super) async fn start_child(
        &self,
        source: &Source,
        id: i64,
        a: ChildInitiated,
        metadata: Option<UserMetadata>,
    ) -> Result<Done, Status> {
        let done = |answer| Done {
            answer,
            place: String::new(),
        };
        let Some(namespace) = self.namespaces.by_uuid(&a.namespace_id) else {
            return Ok(done(Answer::ChildNotStarted(id, Cause::NamespaceNotFound)));
        };
        let key = Key::new(namespace.id, &a.workflow_id);
        let request_id = source.request_id(id);
        let request = request(source, a, metadata, request_id.clone());
        let (mut slot, started) = self.lock_for_start(&key, &request_id).await?;
        if let Some(run_id) = started {
            return Ok(done(Answer::ChildStarted(id, run_id)));
        }
        let answer = match start::decide(&slot, &request) {
            Ok(Decision::New) => {
                let ties = ties(source, id);
                let (run_id, _) = start::begin_as(self, &key, &mut slot, request, None, &ties)?;
                Answer::ChildStarted(id, run_id)
            }
            Ok(Decision::Same(run_id)) => Answer::ChildStarted(id, run_id),
            Ok(Decision::Existing(_) | Decision::Attached(_)) => {
                Answer::ChildNotStarted(id, Cause::WorkflowAlreadyExists)
            }
            Err(taken) if taken.code() == Code::AlreadyExists => {
                Answer::ChildNotStarted(id, Cause::WorkflowAlreadyExists)
            }
            Err(other) => return Err(other),
        };
        Ok(done(answer))
    }

    /// Tells the parent how a child ended. A parent that is gone does not want to know.
    pub(super) async fn report(
        &self,
        source: &Source,
        parent: &Parent,
        end: Box<HistoryEvent>,
    ) -> Result<Done, Status> {
        let done = Done {
            answer: Answer::Reported,
            place: String::new(),
        };
        let Some(namespace) = self.namespaces.by_uuid(&parent.namespace_id) else {
            return Ok(done);
        };
        let key = Key::new(namespace.id, &parent.execution.workflow_id);
        let mut slot = self.lock(&key).await?;
        let Some(live) = slot.live.as_mut() else {
            return Ok(done);
        };
        if live.run.run_id == parent.execution.run_id {
            let cmd = EndChild {
                initiated_id: parent.initiated_id,
                execution: source.execution.clone(),
                first_run_id: source.first_run_id.clone(),
                end,
            };
            let outcome = end_child::apply(&mut live.run, cmd, self.now());
            self.take(&key, &mut slot, outcome);
        }
        Ok(done)
    }

    /// A child of a run that closed is ended, or asked to end, or left alone, as the parent said
    /// when it asked for it. One that is gone, or is somebody else by now, is left alone.
    pub(super) async fn part(
        &self,
        source: &Source,
        id: i64,
        child: &Child,
    ) -> Result<Done, Status> {
        let done = Done {
            answer: Answer::Parted(id),
            place: String::new(),
        };
        let Some(namespace) = self.namespaces.by_uuid(&child.namespace_id) else {
            return Ok(done);
        };
        let key = Key::new(namespace.id, &child.workflow_id);
        let mut slot = self.lock(&key).await?;
        let Some(live) = slot.live.as_mut() else {
            return Ok(done);
        };
        let is_known = child.run_id.is_empty() || child.run_id == live.run.first_run_id;
        if !is_known || !live.run.family.is_child_of(&source.execution) {
            return Ok(done);
        }
        if let Ok(outcome) = end_by_policy(&mut live.run, child.policy, source, self.now()) {
            self.take(&key, &mut slot, outcome);
        }
        Ok(done)
    }
}

fn end_by_policy(
    run: &mut Run,
    policy: ParentClosePolicy,
    source: &Source,
    now: ambient::Timestamp,
) -> Result<Outcome, Refusal> {
    match policy {
        ParentClosePolicy::RequestCancel => {
            let cmd = RequestCancel {
                identity: IDENTITY.to_owned(),
                ..RequestCancel::default()
            };
            let sender = Sender {
                execution: source.execution.clone(),
                child_only: true,
            };
            cancel::ask(run, cmd, Some((sender, 0)), now)
        }
        ParentClosePolicy::Terminate | ParentClosePolicy::Unspecified => {
            let cmd = Terminate {
                reason: "by parent close policy".to_owned(),
                identity: IDENTITY.to_owned(),
                ..Terminate::default()
            };
            terminate::apply(run, cmd, now)
        }
        ParentClosePolicy::Abandon => Err(Refusal::NotTheParent),
    }
}

fn ties(source: &Source, initiated_id: i64) -> Family {
    let parent = Parent {
        namespace: source.namespace.name.clone(),
        namespace_id: source.namespace.uuid.clone(),
        execution: source.execution.clone(),
        initiated_id,
    };
    Family::of(parent, source.root.clone())
}

fn request(
    source: &Source,
    a: ChildInitiated,
    user_metadata: Option<UserMetadata>,
    request_id: String,
) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        namespace: a.namespace,
        workflow_id: a.workflow_id,
        workflow_type: a.workflow_type,
        task_queue: a.task_queue,
        input: a.input,
        workflow_execution_timeout: a.workflow_execution_timeout,
        workflow_run_timeout: a.workflow_run_timeout,
        workflow_task_timeout: a.workflow_task_timeout,
        request_id,
        workflow_id_reuse_policy: a.workflow_id_reuse_policy,
        retry_policy: a.retry_policy,
        cron_schedule: a.cron_schedule,
        memo: a.memo,
        search_attributes: a.search_attributes,
        header: a.header,
        user_metadata,
        priority: priority::merged(source.priority.as_ref(), a.priority.as_ref()),
        ..StartWorkflowExecutionRequest::default()
    }
}
