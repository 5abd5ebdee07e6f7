//! Group commit: one thread takes everything that waits, commits once, syncs once, then releases
//! the acknowledgements. The window is the previous sync, so a lone write waits for nothing; after
//! a commit that a crowd waited for it is a little longer, as the crowd comes back with its next.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::{Change, Committer, StoreError};
use crate::limits;

/// How soon a full disk is tried again.
const LOOK_FOR_ROOM: Duration = Duration::from_millis(250);

/// So many who waited for one commit are a crowd.
const CROWD: usize = 16;
/// What a crowd is given to come back, together. It has the processors to itself meanwhile, which
/// is what it is short of: a commit of twice as much costs little more.
const COMING_BACK: Duration = Duration::from_millis(1);

/// The position of a write in the order of all writes of this boot.
pub(crate) type Position = u64;

#[derive(Debug)]
pub(crate) struct WriteQueue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    durable: AtomicU64,
    full: watch::Sender<bool>,
    failed: watch::Sender<Option<String>>,
    ended: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Waiting {
    changes: Vec<Change>,
    weight: usize,
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
    /// The disk has no room at all. What waits is written once it has.
    DiskFull,
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
            full: watch::Sender::new(false),
            failed: watch::Sender::new(None),
            ended: watch::Sender::new(false),
        });
        let of_thread = Arc::clone(&queue);
        thread::Builder::new()
            .name("engine-writer".to_owned())
            .spawn(move || {
                let run = AssertUnwindSafe(|| of_thread.run(committer));
                if let Err(panic) = panic::catch_unwind(run) {
                    of_thread.stop(format!("its writer panicked: {}", message(panic.as_ref())));
                }
                drop(keep);
                of_thread.ended.send_replace(true);
            })?;
        Ok(queue)
    }

    /// Takes a write. Order of calls is order on disk.
    pub(crate) fn submit(&self, changes: impl IntoIterator<Item = Change>) -> Position {
        let mut waiting = self.lock();
        for change in changes {
            // Nobody takes from a queue that stopped.
            if !waiting.stopped {
                waiting.weight += change.weight();
                waiting.changes.push(change);
            }
        }
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

    /// The position of the last write.
    #[cfg(test)]
    pub(crate) fn submitted(&self) -> Position {
        self.lock().last
    }

    /// Whether another request may be accepted.
    pub(crate) fn room(&self) -> Room {
        let waiting = self.lock();
        if waiting.stopped {
            Room::Stopped
        } else if *self.full.borrow() {
            Room::DiskFull
        } else if waiting.changes.len() >= limits::WAITING_WRITES
            || waiting.weight >= limits::WAITING_WRITE_BYTES
        {
            Room::Full
        } else {
            Room::Free
        }
    }

    /// Resolves when a commit found no room on the disk. It is tried again until it does.
    pub(crate) async fn disk_is_full(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let mut full = self.full.subscribe();
        let _full = full.wait_for(|full| *full).await;
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
            if let Err(error) = self.commit(&mut committer, &changes) {
                self.fail(&error);
                return;
            }
            self.durable.store(last, Ordering::Release);
            let released = self.release(last);
            match committer.tidy() {
                Ok(()) => {}
                Err(error @ StoreError::Full(_)) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "the log cannot be moved into the database");
                }
                Err(error) => {
                    self.fail(&error);
                    return;
                }
            }
            if released >= CROWD {
                // The thread is the writer's own, and nobody waits for it but this crowd.
                #[allow(clippy::disallowed_methods)]
                thread::sleep(COMING_BACK);
            }
        }
    }

    /// A full disk is waited for: the commit was undone whole, so it may be tried again.
    fn commit(&self, committer: &mut impl Committer, changes: &[Change]) -> Result<(), StoreError> {
        loop {
            let committed = committer.commit(changes);
            let is_full = matches!(committed, Err(StoreError::Full(_)));
            let waiting = self.lock();
            // Only a change is told: whoever waits for a commit listens here too.
            let changed = self
                .full
                .send_if_modified(|full| std::mem::replace(full, is_full) != is_full);
            let was_full = is_full != changed;
            match committed {
                Err(error @ StoreError::Full(_)) if !waiting.closing => {
                    if !was_full {
                        let error: &dyn std::error::Error = &error;
                        tracing::error!(
                            error,
                            "the disk is full: nothing is written until it has room"
                        );
                    }
                    // Also woken by a new write, and to close.
                    drop(self.wake.wait_timeout(waiting, LOOK_FOR_ROOM));
                }
                Ok(()) => {
                    if was_full {
                        tracing::info!("the disk has room again");
                    }
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn take(&self) -> Option<(Vec<Change>, Position)> {
        let mut waiting = self.lock();
        loop {
            if self.durable.load(Ordering::Acquire) < waiting.last {
                waiting.weight = 0;
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

    /// Answers how many waited.
    fn release(&self, last: Position) -> usize {
        let due: Vec<_> = {
            let mut waiting = self.lock();
            waiting
                .acks
                .extract_if(.., |(position, _)| *position <= last)
                .collect()
        };
        let many = due.len();
        for (_, ack) in due {
            // Whoever waited may have gone away.
            let _gone = ack.send(());
        }
        many
    }

    /// A failed commit or sync is never retried: nobody knows what reached the disk.
    fn fail(&self, error: &StoreError) {
        tracing::error!(error = error as &dyn std::error::Error, "store failed");
        self.stop(chain(error));
    }

    fn stop(&self, reason: String) {
        let mut waiting = self.lock();
        waiting.stopped = true;
        waiting.changes = Vec::new();
        waiting.acks.clear();
        drop(waiting);
        self.failed.send_replace(Some(reason));
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
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
mod tests;
