//! Opening a store: one owner, no newer version, no damage unnoticed.

use ambient::SystemClock;
use engine::{Config, Engine, OpenError};
use temporalio_client::tonic::Code;
use temporalio_common::protos::temporal::api::common::v1::WorkflowType;
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    StartWorkflowExecutionRequest, StartWorkflowExecutionResponse,
};

use crate::stage::{Stage, call, code, describe};

fn config(path: std::path::PathBuf) -> Config {
    Config {
        path,
        clock: SystemClock::shared(),
        namespaces: Vec::new(),
    }
}

#[tokio::test]
async fn a_second_engine_on_the_same_store_is_refused() {
    let stage = Stage::new().await;
    let second = Engine::open(config(stage.path())).await;
    assert!(matches!(second, Err(OpenError::Locked(_))));
}

/// Another program that holds the database for itself makes every commit fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_stops_the_engine_and_a_restart_recovers() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    let start = |id: &str| StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: id.to_owned(),
        workflow_type: Some(WorkflowType {
            name: "flow".to_owned(),
        }),
        task_queue: Some(TaskQueue {
            name: "q".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let begin = async |id: &str| -> Result<StartWorkflowExecutionResponse, _> {
        call(&door, "StartWorkflowExecution", &start(id)).await
    };
    begin("kept").await.unwrap();
    let intruder = rusqlite::Connection::open(stage.path()).unwrap();
    intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(code(begin("lost").await), Code::Unavailable);
    let reason = stage.engine.fatal().await.to_string();
    assert!(reason.contains("locked"), "{reason}");
    assert_eq!(code(begin("later").await), Code::Unavailable);
    intruder.execute_batch("ROLLBACK").unwrap();

    let stage = stage.restarted().await;
    let door = stage.engine.door();
    assert!(describe(&door, "kept").await.is_ok());
    assert_eq!(code(describe(&door, "lost").await), Code::NotFound);
}

#[tokio::test]
async fn a_newer_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.db");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 1_000).unwrap();
    drop(db);
    let opened = Engine::open(config(path)).await;
    assert!(matches!(opened, Err(OpenError::Newer { found: 1_000, .. })));
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.db");
    std::fs::write(&path, "shopping list: bread, butter, eggs".repeat(200)).unwrap();
    let opened = Engine::open(config(path)).await;
    assert!(matches!(opened, Err(OpenError::Corrupt { .. })));
}

#[tokio::test]
async fn a_directory_that_does_not_exist_is_an_error() {
    let opened = Engine::open(config("/nonexistent/engine.db".into())).await;
    assert!(matches!(opened, Err(OpenError::Io(_))));
}
