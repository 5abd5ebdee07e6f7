//! Keeps the workflow engine to what stands in the records: tells it of schedules that changed or
//! that it lost, and has the workflow of every open batch run. It decides nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use ambient::{SharedClock, Timestamp};
use domain::{BatchId, ScheduleId};
use temporal::{Plans, Wakes};
use tokio_util::sync::CancellationToken;
use transfers::Transfers;
use transfers::schedule::{ScheduleState, ToTell};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const ROUND: Duration = Duration::from_secs(1);
/// How often a batch that is open is seen to, and every schedule is asked for.
const AGAIN: Duration = Duration::from_secs(30);
/// What fell so long ago should have become a transfer: the engine's call was lost on the way.
const GRACE: Duration = Duration::from_secs(60);
/// After so many that fail one after the other it is the engine, not they.
const MOST_FAILURES: u32 = 5;
const PAGE: u32 = 100;
/// The pages of a round: 1,000 schedules a second are asked for, and 1,000 open batches are seen.
const PAGES: u32 = 10;

/// Runs until `stop` is cancelled.
pub async fn keep(transfers: Transfers, plans: Plans, clock: SharedClock, stop: CancellationToken) {
    let mut keeper = Keeper {
        transfers,
        plans,
        clock,
        begun: BTreeMap::new(),
        behind: None,
        asked: None,
        batch_behind: None,
    };
    while !stop.is_cancelled() {
        // Each by itself: what fails in one is nothing to the others.
        for seen_to in [
            keeper.changes().await,
            keeper.walk().await,
            keeper.batches().await,
        ] {
            if let Err(error) = seen_to {
                tracing::warn!(%error, "schedules or batches were not seen to; trying again");
            }
        }
        let next = keeper.clock.sleep_until(keeper.clock.now().after(ROUND));
        tokio::select! {
            () = next => {}
            () = stop.cancelled() => {}
        }
    }
}

struct Keeper {
    transfers: Transfers,
    plans: Plans,
    clock: SharedClock,
    /// When each open batch was started last.
    begun: BTreeMap<BatchId, Timestamp>,
    /// Where the walk over all schedules goes on, and when one ended.
    behind: Option<ScheduleId>,
    asked: Option<Timestamp>,
    /// Where the walk over all open batches goes on.
    batch_behind: Option<BatchId>,
}

/// Failures of single ones hold up nobody behind them, until there are too many in a row.
#[derive(Debug, Default)]
struct Patience(u32);

impl Patience {
    fn bears<T>(
        &mut self,
        with: impl std::fmt::Display,
        done: Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        match done {
            Ok(done) => {
                self.0 = 0;
                Ok(Some(done))
            }
            Err(error) if self.0 < MOST_FAILURES => {
                self.0 += 1;
                tracing::warn!(%error, "{with} was not seen to; trying again");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl Keeper {
    async fn changes(&self) -> Result<(), Failure> {
        let mut patience = Patience::default();
        for changed in self.transfers.schedules_to_tell(PAGE).await? {
            let told = patience.bears(changed.schedule.id, self.tell(&changed).await)?;
            if told == Some(true) {
                self.transfers.told(&changed.schedule).await?;
            }
        }
        Ok(())
    }

    /// False where it has to be seen to once more.
    async fn tell(&self, it: &ToTell) -> Result<bool, Failure> {
        let schedule = &it.schedule;
        let paused = match schedule.state {
            ScheduleState::Active => false,
            ScheduleState::Paused => true,
            // What was taken and not brought to its end still needs a run.
            ScheduleState::Ended if it.missed_from.is_some() => false,
            ScheduleState::Ended | ScheduleState::Canceled => {
                self.plans.forget(schedule.id).await?;
                return Ok(true);
            }
        };
        let wakes = Wakes {
            tenant: schedule.tenant,
            schedule: schedule.id,
            cadence: schedule.cadence,
            starts_at: schedule.starts_at,
            ends_at: schedule.ends_at,
            paused,
            missed: it.missed_from.map(|from| (from, self.clock.now())),
        };
        self.plans.tell(&wakes).await?;
        Ok(schedule.state != ScheduleState::Ended)
    }

    /// The engine's store may have been lost, and schedules with it.
    async fn walk(&mut self) -> Result<(), Failure> {
        let now = self.clock.now();
        if self.asked.is_some_and(|asked| now < asked.after(AGAIN)) {
            return Ok(());
        }
        let mut patience = Patience::default();
        for _ in 0..PAGES {
            let page = self.transfers.active_schedules(self.behind, PAGE).await?;
            for active in &page {
                patience.bears(active.schedule.id, self.look_after(active, now).await)?;
            }
            self.behind = page.last().map(|last| last.schedule.id);
            if page.len() < PAGE as usize {
                (self.behind, self.asked) = (None, Some(now));
                break;
            }
        }
        Ok(())
    }

    async fn look_after(&self, active: &ToTell, now: Timestamp) -> Result<(), Failure> {
        let lost = active
            .missed_from
            .is_some_and(|from| from.after(GRACE) <= now);
        if lost || !self.plans.knows(active.schedule.id).await? {
            self.tell(active).await?;
        }
        Ok(())
    }

    async fn batches(&mut self) -> Result<(), Failure> {
        let now = self.clock.now();
        self.begun.retain(|_, begun| now < begun.after(AGAIN));
        let mut patience = Patience::default();
        for _ in 0..PAGES {
            let page = self.transfers.open_batches(self.batch_behind, PAGE).await?;
            for batch in &page {
                if self.begun.contains_key(&batch.id) {
                    continue;
                }
                let started = self.plans.start_batch(batch.tenant, batch.id).await;
                let started = patience.bears(batch.id, started.map_err(Failure::from))?;
                if started.is_some() {
                    self.begun.insert(batch.id, now);
                }
            }
            self.batch_behind = page.last().map(|last| last.id);
            if page.len() < PAGE as usize {
                self.batch_behind = None;
                break;
            }
        }
        Ok(())
    }
}
