//! The writer against a committer that waits for its gate.

use std::sync::mpsc;

use super::*;
use crate::store::NamespaceRow;

struct Gate {
    batches: mpsc::Sender<usize>,
    go: mpsc::Receiver<Result<(), StoreError>>,
}

impl Committer for Gate {
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.batches.send(changes.len()).unwrap();
        self.go.recv().unwrap()
    }
}

fn change(id: i64) -> Change {
    Change::Namespace(NamespaceRow {
        id,
        uuid: String::new(),
        name: String::new(),
        description: String::new(),
        owner: String::new(),
        retention_seconds: 0,
    })
}

#[tokio::test]
async fn what_waits_during_a_sync_is_committed_together() {
    let (batches, seen) = mpsc::channel();
    let (go, gate) = mpsc::channel();
    let queue = WriteQueue::start(Gate { batches, go: gate }, ()).unwrap();
    let first = queue.submit([change(1)]);
    assert_eq!(seen.recv().unwrap(), 1);
    queue.submit([change(2)]);
    let third = queue.submit([change(3), change(4)]);
    assert!(!queue.is_durable(first));
    go.send(Ok(())).unwrap();
    queue.durable(first).await.unwrap();
    assert_eq!(seen.recv().unwrap(), 3);
    go.send(Ok(())).unwrap();
    queue.durable(third).await.unwrap();
}

#[tokio::test]
async fn a_failed_sync_acknowledges_nothing_and_is_not_retried() {
    let (batches, seen) = mpsc::channel();
    let (go, gate) = mpsc::channel();
    let queue = WriteQueue::start(Gate { batches, go: gate }, ()).unwrap();
    let write = queue.submit([change(1)]);
    go.send(Err(StoreError::Corrupt("no space".to_owned())))
        .unwrap();
    assert!(queue.durable(write).await.is_err());
    assert_eq!(queue.failure().await, "the store is damaged: no space");
    assert_eq!(queue.room(), Room::Stopped);
    assert_eq!(seen.iter().count(), 1);
}

#[tokio::test]
async fn a_full_disk_is_waited_for_and_costs_nothing() {
    let (batches, seen) = mpsc::channel();
    let (go, gate) = mpsc::channel();
    let queue = WriteQueue::start(Gate { batches, go: gate }, ()).unwrap();
    let full = || Err(StoreError::Full(rusqlite::Error::InvalidQuery));
    let write = queue.submit([change(1), change(2)]);
    for _ in 0..2 {
        assert_eq!(seen.recv().unwrap(), 2);
        go.send(full()).unwrap();
    }
    assert_eq!(seen.recv().unwrap(), 2);
    assert_eq!(queue.room(), Room::DiskFull);
    assert!(!queue.is_durable(write));
    go.send(Ok(())).unwrap();
    queue.durable(write).await.unwrap();
    assert_eq!(queue.room(), Room::Free);
    // Whoever closes does not wait for room.
    let last = queue.submit([change(3)]);
    assert_eq!(seen.recv().unwrap(), 1);
    queue.stop_when_idle();
    go.send(full()).unwrap();
    queue.close().await;
    assert!(queue.durable(last).await.is_err());
}

#[tokio::test]
async fn a_writer_that_panics_is_a_store_that_failed() {
    let (batches, seen) = mpsc::channel();
    let (go, gate) = mpsc::channel();
    let queue = WriteQueue::start(Gate { batches, go: gate }, ()).unwrap();
    // The gate panics when nobody can open it any more.
    drop(go);
    let write = queue.submit([change(1)]);
    assert_eq!(seen.recv().unwrap(), 1);
    assert!(queue.durable(write).await.is_err());
    assert!(queue.failure().await.starts_with("its writer panicked"));
    assert_eq!(queue.room(), Room::Stopped);
}

#[tokio::test]
async fn a_commit_that_finds_room_as_before_wakes_nobody_who_listens_for_a_full_disk() {
    let (batches, seen) = mpsc::channel();
    let (go, gate) = mpsc::channel();
    let queue = WriteQueue::start(Gate { batches, go: gate }, ()).unwrap();
    let listener = queue.full.subscribe();
    let write = queue.submit([change(1)]);
    assert_eq!(seen.recv().unwrap(), 1);
    go.send(Ok(())).unwrap();
    queue.durable(write).await.unwrap();
    assert!(!listener.has_changed().unwrap());
}
