//! A disk that is full, broken or read-only while the engine runs: what it answers, what still
//! works, and what is there afterwards.

use std::sync::Arc;
use std::time::Duration;

use ambient::ManualClock;
use tonic::Code;

use super::Attached;
use super::disk::{Disk, Fault, FileBytes};
use super::image::Platter;
use super::judge;
use super::work::{
    NAMESPACE, decide, describe, end, history, once, play, signal, start, take_activity,
};
use crate::{Config, Engine, OpenError};

struct Bench {
    on: Attached,
    clock: ManualClock,
    engine: Engine,
}

impl Bench {
    /// An engine with one workflow in it.
    async fn new() -> Self {
        let on = Attached::new(Disk::new(FileBytes::new()));
        let clock = ManualClock::at(judge::noon());
        let engine = open(&on, &clock).await.unwrap();
        start(&engine.door(), "kept", 10).await.unwrap();
        Self { on, clock, engine }
    }

    async fn code_of_start(&self, workflow_id: &str) -> Option<Code> {
        let started = start(&self.engine.door(), workflow_id, 10).await;
        started.err().map(|error| error.code())
    }

    async fn is_there(&self, workflow_id: &str) -> bool {
        describe(&self.engine.door(), workflow_id).await.is_ok()
    }

    /// The machine is repaired, and another process starts on what is left.
    async fn restarted_on(self, files: FileBytes) -> Self {
        self.engine.close().await;
        let on = Attached::new(Disk::new(files));
        let engine = open(&on, &self.clock).await.unwrap();
        let clock = self.clock;
        Self { on, clock, engine }
    }
}

async fn open(on: &Attached, clock: &ManualClock) -> Result<Engine, OpenError> {
    Engine::open(judge::config(on, clock)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_new_work_answers_reads_and_goes_on_when_there_is_room() {
    let bench = Bench::new().await;
    start(&bench.engine.door(), "busy", 10).await.unwrap();
    decide(&bench.engine.door(), "busy", once()).await.unwrap();
    let before = bench.on.disk.files();
    // Both are accepted before the disk is found full: from then on the door lets nothing in.
    bench.on.disk.break_with(Some(Fault::Held));
    let submitted = bench.engine.host().writes.submitted();
    let door = bench.engine.door();
    let taking = tokio::spawn(async move { take_activity(&door, "busy").await });
    let door = bench.engine.door();
    let waiting = tokio::spawn(async move { start(&door, "accepted", 10).await });
    while bench.engine.host().writes.submitted() < submitted + 2 {
        tokio::task::yield_now().await;
    }
    bench.on.disk.break_with(Some(Fault::Full));
    // The first to come finds out; from then on the door says so.
    let refused = loop {
        let error = signal(&bench.engine.door(), "nobody").await.unwrap_err();
        match error.code() {
            Code::NotFound => tokio::task::yield_now().await,
            _ => break error,
        }
    };
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(
        bench.code_of_start("refused").await,
        Some(Code::ResourceExhausted)
    );
    assert!(refused.message().contains("free space"), "{refused}");
    let signalled = signal(&bench.engine.door(), "kept").await;
    assert_eq!(signalled.unwrap_err().code(), Code::ResourceExhausted);
    assert!(bench.is_there("kept").await);
    // Nothing of what waits is in the store, were the process to end here.
    let as_it_is = bench.on.disk.files();
    let verdict = judge::judge(as_it_is, &[], &judge::originals_of(before).await, false).await;
    verdict.unwrap();

    // Whoever waits too long is told; a worker is not, for it would lose its task.
    while !waiting.is_finished() {
        bench.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    let told = waiting.await.unwrap().unwrap_err();
    assert_eq!(told.code(), Code::Unavailable);
    assert!(told.message().contains("free space"), "{told}");
    assert!(!taking.is_finished());

    bench.on.disk.break_with(None);
    assert!(!taking.await.unwrap().unwrap().is_empty());
    assert_eq!(bench.code_of_start("later").await, None);
    let files = bench.on.disk.files();
    let bench = bench.restarted_on(files).await;
    for id in ["kept", "accepted", "later"] {
        assert!(bench.is_there(id).await, "{id}");
    }
    assert!(!bench.is_there("refused").await);
}

/// A sync or a write that fails, unlike one that finds no room, leaves nobody the wiser.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_or_write_stops_the_engine_at_once_and_a_restart_recovers() {
    for fault in [Fault::SyncFails, Fault::WriteFails, Fault::ReadOnly] {
        let bench = Bench::new().await;
        bench.on.disk.break_with(Some(fault));
        assert_eq!(bench.code_of_start("lost").await, Some(Code::Unavailable));
        let reason = bench.engine.fatal().await.to_string();
        assert!(reason.contains("start again"), "{fault:?}: {reason}");
        assert_eq!(bench.code_of_start("later").await, Some(Code::Unavailable));
        assert!(bench.is_there("kept").await, "{fault:?}");

        // What the failed sync should have written is gone with the power.
        let mut platter = Platter::default();
        for op in bench.on.disk.log() {
            platter.take(&op);
        }
        let bench = bench.restarted_on(platter.after_a_power_cut(0)).await;
        assert!(bench.is_there("kept").await, "{fault:?}");
        assert_eq!(bench.code_of_start("again").await, None);
    }
}

/// SQLite checkpoints by itself if it is let, and tells nobody when that fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_of_the_database_while_the_log_is_moved_stops_the_engine_too() {
    let bench = Bench::new().await;
    bench.on.disk.break_with(Some(Fault::DatabaseSyncFails));
    let (door, disk) = (bench.engine.door(), Arc::clone(&bench.on.disk));
    let load = tokio::spawn(async move { play(&door, &disk, 1, 1_000, 1).await });
    let reason = bench.engine.fatal().await.to_string();
    assert!(reason.contains("start again"), "{reason}");
    // Its workflows cannot go on; what they were promised before is judged elsewhere.
    let ended = load.await.unwrap().unwrap_err();
    assert_eq!(ended.code(), Code::Unavailable);
}

#[tokio::test]
async fn a_read_only_disk_is_said_so_at_the_start() {
    let on = Attached::new(Disk::new(FileBytes::new()));
    on.disk.break_with(Some(Fault::ReadOnly));
    let error = open(&on, &ManualClock::at(judge::noon()))
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::Io(_)), "{error:?}");
    assert!(error.to_string().contains("writable"), "{error}");
}

#[tokio::test]
async fn a_disk_that_is_full_at_the_start_is_said_so() {
    let on = Attached::new(Disk::new(FileBytes::new()));
    on.disk.break_with(Some(Fault::Full));
    let error = open(&on, &ManualClock::at(judge::noon()))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("room"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_run_is_said_to_be_so_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        path: dir.path().join("engine.db"),
        clock: Arc::new(ManualClock::at(judge::noon())),
        namespaces: vec![NAMESPACE.to_owned()],
    };
    let engine = Engine::open(config.clone()).await.unwrap();
    for id in ["damaged", "fine"] {
        start(&engine.door(), id, 10).await.unwrap();
    }
    engine.close().await;
    let db = rusqlite::Connection::open(&config.path).unwrap();
    let flipped = db.execute(
        "UPDATE records SET body = x'00' WHERE run =
             (SELECT run FROM runs WHERE workflow_id = 'damaged')",
        [],
    );
    assert_eq!(flipped.unwrap(), 1);
    drop(db);

    let engine = Engine::open(config).await.unwrap();
    decide(&engine.door(), "fine", end()).await.unwrap();
    let error = history(&engine.door(), "damaged").await.unwrap_err();
    assert_eq!(error.code(), Code::DataLoss, "{error}");
    engine.close().await;
}
