//! Before a new program is rolled out: are the transfers that are under way decided by it as they
//! were decided so far? Every open workflow's history is run through this program's workflows.
//! Nothing is written, neither to the engine nor anywhere else.

use futures::StreamExt;
use temporal::Client;
use temporalio_client::errors::ClientError;
use temporalio_client::{
    NamespacedClient, WorkflowFetchHistoryOptions, WorkflowHistory, WorkflowListOptions,
};
use temporalio_common::data_converters::DataConverter;
use temporalio_sdk::workflow_replayer::{
    WorkflowReplayError, WorkflowReplayer, WorkflowReplayerOptions,
};
use workflows::Transfer;

use crate::WorkerError;

/// A run that this program would decide otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub workflow: String,
    pub why: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Runs that were decided again.
    pub replayed: usize,
    /// Nothing was decided in them yet, or they ended while they were looked at.
    pub undecided: usize,
    pub broken: Vec<Broken>,
    /// There are more, which were not looked at.
    pub more: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("the open workflows cannot be listed; nothing was replayed")]
    List(#[from] ClientError),
    #[error("a history cannot be replayed here")]
    Replay(#[from] WorkflowReplayError),
    #[error(transparent)]
    Setup(#[from] WorkerError),
}

/// Looks at so many open transfers at most, one history in memory at a time.
pub async fn replay_open(client: &Client, most: usize) -> Result<Replayed, ReplayError> {
    let query = "WorkflowType = 'transfer' AND ExecutionStatus = 'Running'";
    let page = WorkflowListOptions::builder().limit(most + 1).build();
    let mut found = client.list_workflows(query, page);
    let replayer = replayer(client.data_converter().clone())?;
    let mut seen = Replayed::default();
    let mut looked_at = 0;
    while let Some(run) = found.next().await {
        let run = run?;
        if looked_at == most {
            seen.more = true;
            break;
        }
        looked_at += 1;
        let workflow = run.id().to_owned();
        let history = client
            .get_workflow_handle::<Transfer>(&workflow)
            .fetch_history(WorkflowFetchHistoryOptions::default());
        judge(&replayer, workflow, history, &mut seen).await?;
    }
    Ok(seen)
}

/// Replays one history and notes what came of it.
async fn judge(
    replayer: &WorkflowReplayer,
    workflow: String,
    history: WorkflowHistory,
    seen: &mut Replayed,
) -> Result<(), ReplayError> {
    let Ok(events) = history.into_events().await else {
        // Gone since it was listed: it has nothing left to decide.
        seen.undecided += 1;
        return Ok(());
    };
    let decided = events.iter().any(|event| {
        event.event_type()
            == temporalio_common::protos::temporal::api::enums::v1::EventType::WorkflowTaskCompleted
    });
    if !decided {
        seen.undecided += 1;
        return Ok(());
    }
    let history = temporalio_common::protos::temporal::api::history::v1::History { events };
    match replayer.replay_workflow(history.into()).await {
        Ok(()) => seen.replayed += 1,
        Err(WorkflowReplayError::Replay(failure)) => seen.broken.push(Broken {
            workflow,
            why: failure.to_string(),
        }),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn replayer(converter: DataConverter) -> Result<WorkflowReplayer, ReplayError> {
    let mut options = WorkflowReplayerOptions::new()
        .register_workflow::<Transfer>()
        .map_err(|error| WorkerError::Setup(error.into()))?
        .build();
    options.data_converter = converter;
    Ok(WorkflowReplayer::new(options)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(case: &str) -> String {
        let dir = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../workflows/tests/histories/transfer"
        );
        std::fs::read_to_string(format!("{dir}/{case}.v1.json")).unwrap()
    }

    async fn judged(text: &str) -> Replayed {
        let replayer = replayer(DataConverter::default()).unwrap();
        let history = WorkflowHistory::from_json(text.as_bytes()).unwrap();
        let mut seen = Replayed::default();
        judge(&replayer, "transfer/tr_1".to_owned(), history, &mut seen)
            .await
            .unwrap();
        seen
    }

    #[tokio::test]
    async fn what_would_be_decided_otherwise_is_named() {
        let same = recorded("bank_to_bank");
        let seen = judged(&same).await;
        assert_eq!((seen.replayed, seen.broken.len()), (1, 0), "{seen:?}");
        // As a program would have left it that inquired before it debited.
        let other = same.replace("bank.debit", "bank.inquire");
        let seen = judged(&other).await;
        assert_eq!((seen.replayed, seen.broken.len()), (0, 1), "{seen:?}");
        assert_eq!(seen.broken[0].workflow, "transfer/tr_1");
        assert!(seen.broken[0].why.contains("nondeterministic"), "{seen:?}");
    }
}
