//! Starts a transfer's workflow. Starting twice is success: one transfer, one workflow.

use std::time::Duration;

use domain::TransferId;
use domain::linked::{Link, LinkedId};
use domain::transfer::Order;
use temporalio_client::errors::{WorkflowInteractionError, WorkflowStartError};
use temporalio_client::tonic::Code;
use temporalio_client::{
    Client, WorkflowCancelOptions, WorkflowIdReusePolicy, WorkflowSignalOptions,
    WorkflowStartOptions,
};
use workflows::{Linked, Transfer};

use crate::TRANSFERS;
use crate::connect::{self, ConnectError};

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "the workflow engine did not take the transfer; it is stored and will be started by itself"
    )]
    NotTaken(#[source] Box<WorkflowStartError>),
    #[error(
        "the workflow engine did not answer in time; the transfer is stored and will be started by itself"
    )]
    TimedOut,
}

/// Nothing depends on it.
#[derive(Debug, thiserror::Error)]
pub enum TellError {
    #[error("the run was not told; it finds out by itself")]
    NotTold(#[source] Box<WorkflowInteractionError>),
    #[error("the workflow engine did not answer in time; the run finds out by itself")]
    TimedOut,
}

/// Clones share the connection.
#[derive(Clone)]
pub struct Starter {
    client: Client,
}

impl std::fmt::Debug for Starter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Starter").finish_non_exhaustive()
    }
}

const PATIENCE: Duration = Duration::from_secs(5);

impl Starter {
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    pub async fn start(&self, order: &Order) -> Result<(), StartError> {
        // Also when it is closed: a transfer that ended must never begin again.
        self.start_as(order, WorkflowIdReusePolicy::RejectDuplicate)
            .await
    }

    /// Once more, where a run was ended from outside and the transfer is not final: what was done
    /// is found in the records and not done twice. A run that is under way stays the only one.
    pub async fn start_again(&self, order: &Order) -> Result<(), StartError> {
        self.start_as(order, WorkflowIdReusePolicy::AllowDuplicate)
            .await
    }

    async fn start_as(
        &self,
        order: &Order,
        reuse: WorkflowIdReusePolicy,
    ) -> Result<(), StartError> {
        match self.attempt(order, reuse, true).await {
            // A cluster that does not know the marks (yet) runs the transfer without them.
            Err(StartError::NotTaken(error)) if is_about_marks(&error) => {
                self.attempt(order, reuse, false).await
            }
            said => said,
        }
    }

    async fn attempt(
        &self,
        order: &Order,
        reuse: WorkflowIdReusePolicy,
        marked: bool,
    ) -> Result<(), StartError> {
        let mut options =
            WorkflowStartOptions::new(TRANSFERS, workflows::workflow_id(order.transfer))
                .id_reuse_policy(reuse)
                // The client sends this one text past the codec, so no amount and no id may stand
                // in it.
                .static_summary(workflows::marks::route(order))
                .build();
        options.search_attributes = marked.then(|| workflows::marks::of(order));
        let start = self.client.start_workflow(Transfer::run, *order, options);
        match tokio::time::timeout(PATIENCE, start).await {
            Ok(Ok(_) | Err(WorkflowStartError::AlreadyStarted { .. })) => Ok(()),
            Ok(Err(error)) => Err(StartError::NotTaken(Box::new(error))),
            Err(_) => Err(StartError::TimedOut),
        }
    }
}

impl Starter {
    /// Tells a run that its transfer was called off. One that is not there needs no telling.
    pub async fn call_off(&self, transfer: TransferId) -> Result<(), TellError> {
        let run = self
            .client
            .get_workflow_handle::<Transfer>(workflows::workflow_id(transfer));
        let told = run.cancel(WorkflowCancelOptions::default());
        match tokio::time::timeout(PATIENCE, told).await {
            Ok(Ok(()) | Err(WorkflowInteractionError::NotFound(_))) => Ok(()),
            Ok(Err(error)) => Err(TellError::NotTold(Box::new(error))),
            Err(_) => Err(TellError::TimedOut),
        }
    }

    /// Starts the workflow of what follows a transfer, which takes its marks from the transfer.
    pub async fn start_linked(&self, link: &Link) -> Result<(), StartError> {
        match self.linked_attempt(link, true).await {
            Err(StartError::NotTaken(error)) if is_about_marks(&error) => {
                self.linked_attempt(link, false).await
            }
            said => said,
        }
    }

    async fn linked_attempt(&self, link: &Link, marked: bool) -> Result<(), StartError> {
        let mut options =
            WorkflowStartOptions::new(TRANSFERS, workflows::linked_workflow_id(link.id))
                .id_reuse_policy(WorkflowIdReusePolicy::RejectDuplicate)
                .static_summary(format!(
                    "{} of {}",
                    link.id.kind(),
                    workflows::marks::route(&link.order)
                ))
                .build();
        options.search_attributes = marked.then(|| workflows::marks::of(&link.order));
        let start = self.client.start_workflow(Linked::run, *link, options);
        match tokio::time::timeout(PATIENCE, start).await {
            Ok(Ok(_) | Err(WorkflowStartError::AlreadyStarted { .. })) => Ok(()),
            Ok(Err(error)) => Err(StartError::NotTaken(Box::new(error))),
            Err(_) => Err(StartError::TimedOut),
        }
    }

    /// Tells a run that a message about it is stored. True when it was told; a run that is over has
    /// nothing to hear.
    pub async fn heard(&self, id: LinkedId) -> bool {
        let run = self
            .client
            .get_workflow_handle::<Linked>(workflows::linked_workflow_id(id));
        let told = run.signal(Linked::heard, (), WorkflowSignalOptions::default());
        matches!(tokio::time::timeout(PATIENCE, told).await, Ok(Ok(())))
    }

    /// Whether a workflow could be started now.
    pub async fn ready(&self) -> Result<(), ConnectError> {
        connect::namespace_is_there(&self.client).await
    }
}

fn is_about_marks(error: &WorkflowStartError) -> bool {
    match error {
        WorkflowStartError::Rpc(status) => {
            status.code() == Code::InvalidArgument
                && status.message().to_lowercase().contains("search attribute")
        }
        _ => false,
    }
}
