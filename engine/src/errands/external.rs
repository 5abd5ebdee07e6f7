//! Errands to any other workflow: a signal, a request to cancel.

use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_protos::temporal::api::enums::v1::{
    CancelExternalWorkflowExecutionFailedCause as CancelFailed,
    SignalExternalWorkflowExecutionFailedCause as SignalFailed,
};
use temporalio_protos::temporal::api::history::v1::{
    RequestCancelExternalWorkflowExecutionInitiatedEventAttributes as CancelInitiated,
    SignalExternalWorkflowExecutionInitiatedEventAttributes as SignalInitiated,
};
use tonic::{Code, Status};

use super::{Done, Source};
use crate::core::commands::answer_errand::Answer;
use crate::core::commands::cancel::{self, RequestCancel};
use crate::core::commands::signal::{self, Sender, Signal};
use crate::core::{Outcome, Refusal, Run};
use crate::runs::{Found, Host, Key, Namespace};

const IDENTITY: &str = "history-service";

/// Why nothing was delivered.
#[derive(Debug)]
enum Undelivered {
    NoNamespace,
    /// No such run, or none that the sender may mean, or a closed one.
    NotFound,
    Limit,
}

impl Host {
    pub(super) async fn signal_external(
        &self,
        source: &Source,
        id: i64,
        a: SignalInitiated,
    ) -> Result<Done, Status> {
        let target = a.workflow_execution.unwrap_or_default();
        let cmd = Signal {
            name: a.signal_name,
            input: a.input,
            identity: IDENTITY.to_owned(),
            header: a.header,
            request_id: source.request_id(id),
            ..Signal::default()
        };
        let (sender, now) = (sender(source, a.child_workflow_only), self.now());
        let namespace = self.namespaces.by_uuid(&a.namespace_id);
        let place = place(namespace.as_ref(), a.namespace);
        let came_of_it = self
            .deliver(source, namespace, &target, |run| {
                signal::send(run, cmd, Some(sender), now)
            })
            .await?;
        let came_of_it = came_of_it.map_err(|why| match why {
            Undelivered::NoNamespace => SignalFailed::NamespaceNotFound,
            Undelivered::NotFound => SignalFailed::ExternalWorkflowExecutionNotFound,
            Undelivered::Limit => SignalFailed::SignalCountLimitExceeded,
        });
        let answer = Answer::Signaled(id, came_of_it);
        Ok(Done { answer, place })
    }

    pub(super) async fn cancel_external(
        &self,
        source: &Source,
        id: i64,
        a: CancelInitiated,
    ) -> Result<Done, Status> {
        let target = a.workflow_execution.unwrap_or_default();
        let cmd = RequestCancel {
            reason: a.reason,
            identity: IDENTITY.to_owned(),
            request_id: source.request_id(id),
            ..RequestCancel::default()
        };
        let (sender, now) = (sender(source, a.child_workflow_only), self.now());
        let namespace = self.namespaces.by_uuid(&a.namespace_id);
        let place = place(namespace.as_ref(), a.namespace);
        let came_of_it = self
            .deliver(source, namespace, &target, |run| {
                cancel::ask(run, cmd, Some((sender, id)), now)
            })
            .await?;
        let came_of_it = came_of_it.map_err(|why| match why {
            Undelivered::NoNamespace => CancelFailed::NamespaceNotFound,
            Undelivered::NotFound | Undelivered::Limit => {
                CancelFailed::ExternalWorkflowExecutionNotFound
            }
        });
        let answer = Answer::CancelRequested(id, came_of_it);
        Ok(Done { answer, place })
    }

    /// Applies a command to the run that is meant. A run that is closed is asked too: it may have
    /// been reached before.
    async fn deliver(
        &self,
        source: &Source,
        namespace: Option<Namespace>,
        target: &WorkflowExecution,
        apply: impl FnOnce(&mut Run) -> Result<Outcome, Refusal>,
    ) -> Result<Result<(), Undelivered>, Status> {
        let Some(namespace) = namespace else {
            return Ok(Err(Undelivered::NoNamespace));
        };
        let workflow_id = target.workflow_id.as_str();
        // No workflow reaches itself this way, whichever of its runs is meant.
        if namespace.id == source.namespace.id && workflow_id == source.execution.workflow_id {
            return Ok(Err(Undelivered::NotFound));
        }
        let applied = match self.find(&namespace, workflow_id, &target.run_id).await {
            Ok(Found::Live(mut slot)) => {
                let Some(live) = slot.live.as_mut() else {
                    return Ok(Err(Undelivered::NotFound));
                };
                let applied = apply(&mut live.run);
                applied.map(|outcome| {
                    self.take(&Key::new(namespace.id, workflow_id), &mut slot, outcome);
                })
            }
            Ok(Found::Stored(head)) => {
                let (mut run, _) = self.replay(&head).await?;
                apply(&mut run).map(drop)
            }
            Err(error) if error.code() == Code::NotFound => return Ok(Err(Undelivered::NotFound)),
            Err(error) => return Err(error),
        };
        match applied {
            Ok(()) => Ok(Ok(())),
            // It is about to end, or not: that is known after its next task.
            Err(refusal @ Refusal::Closing) => Err(refusal.into()),
            Err(Refusal::Limit(_) | Refusal::Invalid(_)) => Ok(Err(Undelivered::Limit)),
            Err(_) => Ok(Err(Undelivered::NotFound)),
        }
    }
}

fn sender(source: &Source, child_only: bool) -> Sender {
    Sender {
        execution: source.execution.clone(),
        child_only,
    }
}

fn place(namespace: Option<&Namespace>, named: String) -> String {
    namespace.map_or(named, |namespace| namespace.name.clone())
}
