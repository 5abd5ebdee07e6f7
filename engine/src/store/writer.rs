//! Group commit: one thread takes everything that waits, commits once, syncs once, then releases
//! the acknowledgements. The window is the previous sync, so a lone write waits for nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::{oneshot, watch};

use super::{Change, Committer};
use crate::limits;

/// The position of a write in the order of all writes of this boot.
pub(crate) type Position = u64;

#[derive(Debug)]
pub(crate) struct WriteQueue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    durable: AtomicU64,
    failed: watch::Sender<Option<String>>,
    ended: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Waiting {
    changes: Vec<Change>,
    last: Position,
    acks: Vec<(Position, oneshot::Sender<()>)>,
    closing: bool,
    stopped: bool,
}

/// The store failed: what was promised is on disk, what was not acknowledged may be lost.
#[derive(Debug)]
pub(crate) struct Stopped;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Free,
    /// The disk is far behind.
    Full,
    Stopped,
}

impl WriteQueue {
    /// `keep` is dropped with the thread, after the last commit: the lock on the store.
    pub(crate) fn start(
        committer: impl Committer,
        keep: impl Send + 'static,
    ) -> std::io::Result<Arc<Self>> {
        let queue = Arc::new(Self {
            waiting: Mutex::default(),
            wake: Condvar::new(),
            durable: AtomicU64::new(0),
            failed: watch::Sender::new(None),
            ended: watch::Sender::new(false),
        });
        let of_thread = Arc::clone(&queue);
        thread::Builder::new()
            .name("engine-writer".to_owned())
            .spawn(move || {
                of_thread.run(committer);
                drop(keep);
                of_thread.ended.send_replace(true);
            })?;
        Ok(queue)
    }

    /// Takes a write. Order of calls is order on disk.
    pub(crate) fn submit(&self, changes: impl IntoIterator<Item = Change>) -> Position {
        let mut waiting = self.lock();
        waiting.changes.extend(changes);
        waiting.last += 1;
        let position = waiting.last;
        drop(waiting);
        self.wake.notify_one();
        position
    }

    /// Resolves when everything up to this write is on disk.
    pub(crate) async fn durable(&self, position: Position) -> Result<(), Stopped> {
        if self.is_durable(position) {
            return Ok(());
        }
        let ack = {
            let mut waiting = self.lock();
            if self.is_durable(position) {
                return Ok(());
            }
            if waiting.stopped {
                return Err(Stopped);
            }
            let (send, receive) = oneshot::channel();
            waiting.acks.push((position, send));
            receive
        };
        ack.await.map_err(|_| Stopped)
    }

    pub(crate) fn is_durable(&self, position: Position) -> bool {
        self.durable.load(Ordering::Acquire) >= position
    }

    /// Whether another request may be accepted.
    pub(crate) fn room(&self) -> Room {
        let waiting = self.lock();
        if waiting.stopped {
            Room::Stopped
        } else if waiting.changes.len() >= limits::WAITING_WRITES {
            Room::Full
        } else {
            Room::Free
        }
    }

    /// Resolves with the reason when the store has failed.
    pub(crate) async fn failure(&self) -> String {
        let mut failed = self.failed.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let reason = match failed.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone(),
            Err(_) => None,
        };
        match reason {
            Some(reason) => reason,
            None => std::future::pending().await,
        }
    }

    /// Writes what waits and ends the thread. Later writes are never acknowledged.
    pub(crate) async fn close(&self) {
        self.stop_when_idle();
        let mut ended = self.ended.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ended = ended.wait_for(|ended| *ended).await;
    }

    /// Ends the thread once everything that waits is written.
    pub(crate) fn stop_when_idle(&self) {
        self.lock().closing = true;
        self.wake.notify_one();
    }

    fn run(&self, mut committer: impl Committer) {
        while let Some((changes, last)) = self.take() {
            if let Err(error) = committer.commit(&changes) {
                self.stop(&error);
                return;
            }
            self.durable.store(last, Ordering::Release);
            self.release(last);
        }
    }

    fn take(&self) -> Option<(Vec<Change>, Position)> {
        let mut waiting = self.lock();
        loop {
            if self.durable.load(Ordering::Acquire) < waiting.last {
                return Some((std::mem::take(&mut waiting.changes), waiting.last));
            }
            if waiting.closing {
                waiting.stopped = true;
                return None;
            }
            waiting = self
                .wake
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn release(&self, last: Position) {
        let due: Vec<_> = {
            let mut waiting = self.lock();
            waiting
                .acks
                .extract_if(.., |(position, _)| *position <= last)
                .collect()
        };
        for (_, ack) in due {
            // Whoever waited may have gone away.
            let _gone = ack.send(());
        }
    }

    /// A failed commit or sync is never retried: nobody knows what reached the disk.
    fn stop(&self, error: &super::StoreError) {
        tracing::error!(error = error as &dyn std::error::Error, "store failed");
        let mut waiting = self.lock();
        waiting.stopped = true;
        waiting.acks.clear();
        drop(waiting);
        self.failed.send_replace(Some(chain(error)));
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::store::{NamespaceRow, StoreError};

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
}
