//! Tells a transfer's run that a bank said something by itself: the id of the stored message, and
//! nothing else.

use std::time::Duration;

use domain::{MessageId, TransferId};
use temporalio_client::errors::WorkflowInteractionError;
use temporalio_client::{Client, WorkflowSignalOptions};
use workflows::{HeardOf, Transfer};

#[derive(Debug, thiserror::Error)]
pub enum HeraldError {
    #[error("the workflow engine did not take the news; it is stored and will be told again")]
    NotTaken(#[source] Box<WorkflowInteractionError>),
    #[error(
        "the workflow engine did not answer in time; the news is stored and will be told again"
    )]
    TimedOut,
}

/// Clones share the connection.
#[derive(Clone)]
pub struct Herald {
    client: Client,
}

impl std::fmt::Debug for Herald {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Herald").finish_non_exhaustive()
    }
}

const PATIENCE: Duration = Duration::from_secs(5);

impl Herald {
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// False where no run is there to be told. The request's id is the message's, so an engine that
    /// heard it before keeps it once.
    pub async fn tell(
        &self,
        transfer: TransferId,
        message: MessageId,
    ) -> Result<bool, HeraldError> {
        let run = self
            .client
            .get_workflow_handle::<Transfer>(workflows::workflow_id(transfer));
        let options = WorkflowSignalOptions::builder()
            .request_id(message.to_string())
            .build();
        let told = run.signal(Transfer::heard, HeardOf { message }, options);
        match tokio::time::timeout(PATIENCE, told).await {
            Ok(Ok(())) => Ok(true),
            Ok(Err(WorkflowInteractionError::NotFound(_))) => Ok(false),
            Ok(Err(error)) => Err(HeraldError::NotTaken(Box::new(error))),
            Err(_) => Err(HeraldError::TimedOut),
        }
    }
}
