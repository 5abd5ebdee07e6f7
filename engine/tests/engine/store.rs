//! Opening a store: one owner, no newer version, no damage unnoticed.

use ambient::SystemClock;
use engine::{Config, Engine, OpenError};

use crate::stage::Stage;

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
