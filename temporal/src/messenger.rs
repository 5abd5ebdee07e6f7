//! What a person tells a transfer's workflow: the id of an action, and nothing else.

use std::time::Duration;

use domain::{ActionId, ActionKind, LinkedId, TransferId};
use temporalio_client::errors::{WorkflowQueryError, WorkflowUpdateError};
use temporalio_client::{Client, WorkflowExecuteUpdateOptions, WorkflowQueryOptions};
use temporalio_common::protos::temporal::api::failure::v1::failure::FailureInfo;
use workflows::{Message, Said, Standing, Transfer};

#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The workflow's own words; nothing happened.
    #[error("{why}")]
    Refused { code: String, why: String },
    #[error("no workflow runs for this transfer")]
    NoRun,
    #[error("the workflow did not answer in time; look again before you repeat it")]
    TimedOut,
    #[error("the workflow engine did not take the message")]
    Engine(#[source] Box<WorkflowUpdateError>),
    #[error("the workflow cannot be asked")]
    Query(#[source] Box<WorkflowQueryError>),
}

/// Clones share the connection.
#[derive(Clone)]
pub struct Messenger {
    client: Client,
}

impl std::fmt::Debug for Messenger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messenger").finish_non_exhaustive()
    }
}

const PATIENCE: Duration = Duration::from_secs(30);

impl Messenger {
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The update's id is the action's: sent again, it is answered again and not taken twice.
    pub async fn send(
        &self,
        transfer: TransferId,
        linked: Option<LinkedId>,
        kind: ActionKind,
        action: ActionId,
    ) -> Result<Said, SendError> {
        let run = self
            .client
            .get_workflow_handle::<Transfer>(recipient(transfer, linked));
        let options = || {
            WorkflowExecuteUpdateOptions::builder()
                .update_id(action.to_string())
                .build()
        };
        let message = Message { action };
        macro_rules! told {
            ($update:ident) => {
                tokio::time::timeout(
                    PATIENCE,
                    run.execute_update(Transfer::$update, message, options()),
                )
                .await
            };
        }
        let said = match kind {
            ActionKind::RetryNow => told!(retry_now),
            ActionKind::RetryElsewhere => told!(retry_elsewhere),
            ActionKind::ResolveDoubt => told!(resolve_doubt),
            ActionKind::Refund => told!(refund),
            ActionKind::Cancel => told!(cancel),
            ActionKind::Hold => told!(hold),
            ActionKind::Release => told!(release),
            ActionKind::Note => told!(note),
            ActionKind::Approve => told!(approve),
            ActionKind::Deny => told!(deny),
        };
        match said {
            Ok(Ok(said)) => Ok(said),
            Ok(Err(error)) => Err(refused(error)),
            Err(_) => Err(SendError::TimedOut),
        }
    }

    /// Where it stands, in the workflow's own words.
    pub async fn standing(
        &self,
        transfer: TransferId,
        linked: Option<LinkedId>,
    ) -> Result<Standing, SendError> {
        let run = self
            .client
            .get_workflow_handle::<Transfer>(recipient(transfer, linked));
        let asked = run.query(Transfer::standing, (), WorkflowQueryOptions::default());
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(standing)) => Ok(standing),
            Ok(Err(WorkflowQueryError::NotFound(_))) => Err(SendError::NoRun),
            Ok(Err(error)) => Err(SendError::Query(Box::new(error))),
            Err(_) => Err(SendError::TimedOut),
        }
    }
}

/// What follows a transfer takes the same messages as the transfer, by the same names.
fn recipient(transfer: TransferId, linked: Option<LinkedId>) -> String {
    match linked {
        Some(linked) => workflows::linked_workflow_id(linked),
        None => workflows::workflow_id(transfer),
    }
}

fn refused(error: WorkflowUpdateError) -> SendError {
    match error {
        WorkflowUpdateError::NotFound(_) => SendError::NoRun,
        WorkflowUpdateError::Failed(failure) => {
            // The word for machines is the type of what lies below.
            let below = failure.cause.and_then(|below| below.failure_info);
            let code = match below {
                Some(FailureInfo::ApplicationFailureInfo(info)) => info.r#type,
                _ => String::new(),
            };
            SendError::Refused {
                code,
                why: failure.message,
            }
        }
        error => SendError::Engine(Box::new(error)),
    }
}
