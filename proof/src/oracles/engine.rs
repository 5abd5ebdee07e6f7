//! O7: what the engine holds of the transfers. Every history is counted; a sample is read event by
//! event and replayed by the workflow's code.

use std::fmt;

use anyhow::{Context, Result};
use domain::TransferId;
use temporal::Client;
use temporalio_client::tonic::IntoRequest;
use temporalio_client::{NamespacedClient, WorkflowFetchHistoryOptions};
use temporalio_common::protos::temporal::api::workflowservice::v1::CountWorkflowExecutionsRequest;
use temporalio_sdk::workflow_replayer::{WorkflowReplayer, WorkflowReplayerOptions};
use workflows::Transfer;

use super::{Oracle, Seen};

/// The engine, as a client sees it.
#[derive(Clone)]
pub struct Histories(pub Client);

impl fmt::Debug for Histories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Histories").finish_non_exhaustive()
    }
}

/// What a history weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    pub events: usize,
    pub bytes: usize,
}

impl Histories {
    /// No workflow failed; those of final transfers are closed and no others; the sample replays.
    pub async fn check(&self, seen: &mut Seen, sample: &[TransferId]) -> Result<()> {
        let ends = ["completed", "refunded", "failed", "canceled"];
        let count = |status: &str| seen.by_status.get(status).copied().unwrap_or(0);
        let ended: i64 = ends.into_iter().map(count).sum();
        let all: i64 = seen.by_status.values().sum();
        for (status, expected) in [("Completed", ended), ("Running", all - ended)] {
            let found = self.count(status).await?;
            if found != expected {
                let says = format!("{found} workflows are {status}, {expected} should be");
                seen.say(Oracle::O7, "the engine", says);
            }
        }
        for transfer in sample {
            if let Err(error) = self.one(*transfer).await {
                seen.say(Oracle::O7, transfer, format!("{error:#}"));
            }
        }
        Ok(())
    }

    async fn count(&self, status: &str) -> Result<i64> {
        let request = CountWorkflowExecutionsRequest {
            namespace: self.0.namespace(),
            query: format!("ExecutionStatus = '{status}'"),
        };
        let mut service = self.0.connection().workflow_service();
        let counted = service.count_workflow_executions(request.into_request());
        Ok(counted.await?.into_inner().count)
    }

    /// Gapless from 1, and decided the same way again.
    pub async fn one(&self, transfer: TransferId) -> Result<Weight> {
        let id = workflows::workflow_id(transfer);
        let handle = self.0.get_workflow_handle::<Transfer>(id);
        let history = handle.fetch_history(WorkflowFetchHistoryOptions::default());
        let events = history.into_events().await?;
        for (place, event) in events.iter().enumerate() {
            let expected = i64::try_from(place + 1)?;
            anyhow::ensure!(event.event_id == expected, "event {expected} is not there");
        }
        let bytes = events.iter().map(prost::Message::encoded_len).sum();
        let again = handle.fetch_history(WorkflowFetchHistoryOptions::default());
        let options = WorkflowReplayerOptions::new().register_workflow::<Transfer>()?;
        let replayer = WorkflowReplayer::new(options.build())?;
        replayer
            .replay_workflow(again)
            .await
            .context("does not replay")?;
        Ok(Weight {
            events: events.len(),
            bytes,
        })
    }
}
