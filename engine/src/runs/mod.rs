//! The shell around the core: runs in memory, their locks, and the way from a command to disk,
//! queues and timers.
//!
//! The unit of locking and loading is the workflow id, so starting anew over a closed run needs
//! no second lock. A lock is held while a command is applied and its record is queued, never
//! while the disk is awaited: order in the queue is order on disk, and whoever must not speak
//! before the disk has, awaits [`Host::durable`].

mod beats;
mod change;
mod clockwork;
mod head;
mod history;
mod load;
mod namespaces;
mod queries;
mod shelf;
mod source;
mod stillness;
mod stored;
mod take;
mod updates;
mod warnings;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ambient::{Mint, SharedClock, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use beats::Beats;
pub(crate) use history::{History, Page};
pub(crate) use load::{Found, not_found};
pub(crate) use namespaces::{Namespace, Namespaces, NotCreated};
pub(crate) use queries::{Answer, Queries, Question};
pub(crate) use shelf::{Key, Shelf};
pub(crate) use stillness::{Guard, Hand, Sleeper, Stillness};
pub(crate) use stored::{Place, Stretch};
pub(crate) use take::away_from;
use updates::Hearers;
pub(crate) use updates::{Heard, settled};

use crate::core::{NextRun, Run};
use crate::errands::Queue;
use crate::limits;
use crate::matching::Matching;
use crate::schedules::desk::Desk;
use crate::store::writer::{Position, Room, WriteQueue};
use crate::store::{Change, Head, Reader};
use crate::timers::Timers;
use crate::token::Tokens;
use crate::workers::Workers;

#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) clock: SharedClock,
    pub(crate) mint: Mint,
    pub(crate) epoch: u64,
    pub(crate) tokens: Tokens,
    pub(crate) namespaces: Namespaces,
    pub(crate) matching: Matching,
    pub(crate) timers: Timers,
    pub(crate) queries: Queries,
    pub(crate) workers: Workers,
    pub(crate) errands: Queue,
    pub(crate) reader: Arc<dyn Reader>,
    pub(crate) writes: Arc<WriteQueue>,
    pub(crate) shelf: Shelf,
    pub(crate) desk: Desk,
    pub(crate) last_row: AtomicI64,
    pub(crate) stillness: Arc<Stillness>,
    /// Long polls answer empty from now on, and timers rest.
    pub(crate) closing: CancellationToken,
    pub(crate) durability: String,
}

/// What is in memory of one workflow id.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    pub(crate) loaded: bool,
    pub(crate) live: Option<Box<Live>>,
    /// Runs that closed, and lost their place, while their end is still to be told to others.
    #[allow(clippy::vec_box)] // What was `live` moves here as it is.
    pub(crate) leaving: Vec<Box<Live>>,
    /// The newest run, when it is closed and only its row was read.
    pub(crate) closed: Option<Box<Head>>,
    /// The last write of any run of this workflow id.
    pub(crate) position: Position,
    /// Changes kept back to become one atomic write with what follows.
    pub(crate) held: Vec<Change>,
    /// What the shelf counts it as.
    pub(crate) weight: usize,
    /// Looked at since the shelf last wanted room.
    pub(crate) used: bool,
    /// Whoever had it panicked, perhaps between two halves of a change.
    pub(crate) broken: bool,
}

/// A run in memory, open or closed a moment ago.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) row: i64,
    pub(crate) run: Run,
    pub(crate) records: i64,
    pub(crate) beats: Beats,
    pub(crate) history: History,
    /// Queries that ride on the next workflow task.
    pub(crate) riding: Vec<u64>,
    /// Those who wait for updates.
    pub(crate) hearers: Hearers,
    /// Rings when something happens to it.
    pub(crate) news: Arc<News>,
    /// Memo and search attributes as the store keeps them: most records change neither.
    pub(crate) attributes: Option<head::Attributes>,
}

/// Two bells, because nearly everybody who waits waits for the end alone.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// History has grown.
    pub(crate) growth: Notify,
    /// The run has closed.
    pub(crate) end: Notify,
}

impl Host {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn next_row(&self) -> i64 {
        self.last_row.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A fresh id in the usual spelling of a UUID.
    pub(crate) fn fresh_id(&self) -> Result<String, Status> {
        let id = self
            .mint
            .next()
            .map_err(|error| Status::unavailable(error.to_string()))?;
        Ok(spelled(id))
    }

    pub(crate) fn next_run(&self) -> Result<NextRun, Status> {
        Ok(NextRun {
            run_id: self.fresh_id()?,
            request_id: self.fresh_id()?,
        })
    }

    /// Resolves when everything up to this write is on disk. Nothing is answered before.
    pub(crate) async fn durable(&self, position: Position) -> Result<(), Status> {
        tokio::select! {
            biased;
            done = self.durable_at_last(position) => done,
            () = self.disk_stays_full() => Err(Status::unavailable(
                "the engine's disk is full; free space on it and retry. The request was accepted, and takes effect if there is room before the engine stops",
            )),
        }
    }

    /// As [`Host::durable`], for as long as it takes: a task must not be lost to its worker while
    /// its start waits for a disk that is full.
    pub(crate) async fn durable_at_last(&self, position: Position) -> Result<(), Status> {
        self.writes.durable(position).await.map_err(|_| stopped())
    }

    async fn disk_stays_full(&self) {
        loop {
            self.writes.disk_is_full().await;
            let patience = self.now().after(limits::FULL_DISK);
            self.clock.sleep_until(patience).await;
            if self.writes.room() == Room::DiskFull {
                return;
            }
        }
    }

    /// A refusal speaks of what is there, so it too waits until that is on disk: else a crash
    /// could leave its reader with neither.
    pub(crate) async fn refuse(&self, slot: Guard, why: impl Into<Status>) -> Status {
        let position = slot.position;
        drop(slot);
        match self.durable(position).await {
            Ok(()) => why.into(),
            Err(stopped) => stopped,
        }
    }

    /// Refuses new work while the disk is far behind, or gone.
    pub(crate) fn admit(&self) -> Result<(), Status> {
        match self.writes.room() {
            Room::Free => Ok(()),
            Room::Full => Err(Status::resource_exhausted(
                "the engine has more writes waiting for its disk than it accepts; retry later",
            )),
            Room::DiskFull => Err(Status::resource_exhausted(
                "the engine's disk is full; free space on it and retry. Nothing is lost and nothing needs a restart: what was accepted before is written as soon as there is room",
            )),
            Room::Stopped => Err(stopped()),
        }
    }
}

fn spelled(id: u128) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in id.to_be_bytes().into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 0xF] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
    text
}

pub(crate) fn closing() -> Status {
    Status::unavailable("the engine is shutting down; retry")
}

pub(crate) fn stopped() -> Status {
    Status::unavailable(
        "the engine stopped because its store failed; what was acknowledged is safe, retry after a restart",
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_id_is_spelled_as_a_uuid() {
        let id = 0x0199_2f3a_00ff_7abc_8def_0123_4567_89ab;
        assert_eq!(super::spelled(id), "01992f3a-00ff-7abc-8def-0123456789ab");
    }
}
