//! Histories that were recorded once must be decided the same way for ever: a transfer that is
//! under way while the program is replaced goes on where it was.
//!
//! One file a case, `histories/<workflow>/<case>.v<N>.json`, as `examples/record.rs` prints it. A
//! file is never changed: code that cannot replay it breaks transfers of whoever upgrades. A new
//! case is a new file, found by itself.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use temporalio_client::WorkflowHistory;
use temporalio_sdk::workflow_replayer::{WorkflowReplayer, WorkflowReplayerOptions};
use workflows::Transfer;

fn recorded() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories/transfer");
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

async fn replayed(history: &str) -> Result<(), String> {
    let options = WorkflowReplayerOptions::new()
        .register_workflow::<Transfer>()
        .unwrap()
        .build();
    let history = WorkflowHistory::from_json(history.as_bytes()).unwrap();
    let replayer = WorkflowReplayer::new(options).unwrap();
    let said = replayer.replay_workflow(history).await;
    said.map_err(|error| error.to_string())
}

#[tokio::test]
async fn every_recorded_history_is_decided_the_same_way() {
    for file in recorded() {
        let history = std::fs::read_to_string(&file).unwrap();
        assert_eq!(replayed(&history).await, Ok(()), "{}", file.display());
    }
}

/// So that the test above can fail: another order of the steps is noticed.
#[tokio::test]
async fn a_history_of_other_decisions_is_noticed() {
    let file = recorded().remove(0);
    let history = std::fs::read_to_string(file).unwrap();
    let other = history.replace("bank.debit", "bank.inquire");
    assert_ne!(other, history);
    assert!(replayed(&other).await.is_err());
}
