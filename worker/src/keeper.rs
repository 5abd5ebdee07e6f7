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
    };
    while !stop.is_cancelled() {
        if let Err(error) = keeper.round().await {
            tracing::warn!(%error, "schedules and batches were not seen to; trying again");
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
}

impl Keeper {
    async fn round(&mut self) -> Result<(), Failure> {
        for changed in self.transfers.schedules_to_tell(PAGE).await? {
            if self.tell(&changed).await? {
                self.transfers.told(&changed.schedule).await?;
            }
        }
        self.walk().await?;
        self.batches().await
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
        for _ in 0..PAGES {
            let page = self.transfers.active_schedules(self.behind, PAGE).await?;
            for active in &page {
                if !self.plans.knows(active.schedule.id).await? {
                    self.tell(active).await?;
                }
            }
            self.behind = page.last().map(|last| last.schedule.id);
            if page.len() < PAGE as usize {
                (self.behind, self.asked) = (None, Some(now));
                break;
            }
        }
        Ok(())
    }

    async fn batches(&mut self) -> Result<(), Failure> {
        let now = self.clock.now();
        let mut open = BTreeMap::new();
        let mut behind = None;
        for _ in 0..PAGES {
            let page = self.transfers.open_batches(behind, PAGE).await?;
            for batch in &page {
                let begun = self.begun.get(&batch.id).copied();
                let begun = match begun.filter(|begun| now < begun.after(AGAIN)) {
                    Some(begun) => begun,
                    None => {
                        self.plans.start_batch(batch.tenant, batch.id).await?;
                        now
                    }
                };
                open.insert(batch.id, begun);
            }
            behind = page.last().map(|last| last.id);
            if page.len() < PAGE as usize {
                break;
            }
        }
        self.begun = open;
        Ok(())
    }
}
