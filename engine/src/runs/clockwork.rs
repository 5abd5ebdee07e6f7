//! The task that lets time act on runs: what the timer service rings, it ticks.

use std::sync::Arc;
use std::time::Duration;

use ambient::Timestamp;
use futures_util::StreamExt;
use futures_util::stream;

use super::Host;
use crate::core::commands::tick;
use crate::store::{Due, StoreError};

/// Runs read back and ticked at the same time.
const AT_ONCE: usize = 64;
const RINGS_AT_ONCE: usize = 1_024;
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Host {
    /// Sets an alarm for every open run that needs one. Reads no history.
    pub(crate) fn set_alarms_of_open_runs(&self) -> Result<(), StoreError> {
        let now = self.now();
        self.reader.agendas(&mut |row, due| {
            let at = match due {
                Due::AtOnce => now,
                Due::At(at) => Timestamp::from_micros(at),
            };
            self.timers.set(row, Some(at));
        })
    }

    pub(crate) async fn run_clockwork(self: Arc<Self>) {
        loop {
            let due = tokio::select! {
                () = self.closing.cancelled() => return,
                due = self.timers.ring(RINGS_AT_ONCE) => due,
            };
            // A schedule waits for the disk, which no run is to wait for.
            let (schedules, due): (Vec<i64>, Vec<i64>) = due.into_iter().partition(|row| *row < 0);
            for row in schedules {
                let hand = self.stillness.hand();
                let waking = Arc::clone(&self).wake_schedule(-row, hand);
                tokio::spawn(waking);
            }
            stream::iter(due)
                .for_each_concurrent(AT_ONCE, |row| self.tick(row))
                .await;
            self.timers.rung();
            self.stillness.stir();
        }
    }

    async fn tick(&self, row: i64) {
        if self.admit().is_err() {
            // What is due would only pile up before a disk that takes nothing.
            self.timers.set(row, Some(self.now().after(LOOK_AGAIN)));
            return;
        }
        let (key, mut slot) = match self.lock_row(row).await {
            Ok(Some(found)) => found,
            // Closed, or replaced by another run: it may still have something to do elsewhere.
            Ok(None) => return self.errands.push(row),
            Err(error) => {
                // An engine that stops says so once, and not for each run that is due.
                if error.code() != tonic::Code::Unavailable {
                    tracing::error!(row, %error, "a run that is due cannot be read");
                }
                // A damaged run stays so; anything else may pass.
                if error.code() != tonic::Code::DataLoss {
                    self.timers.set(row, Some(self.now().after(LOOK_AGAIN)));
                }
                return;
            }
        };
        let now = self.now();
        let Ok(next) = self.next_run() else {
            self.timers.set(row, Some(now.after(LOOK_AGAIN)));
            return;
        };
        let Some(live) = slot.live.as_mut() else {
            return;
        };
        let outcome = tick::apply(&mut live.run, &next, now);
        let failing = live.run.task.as_ref().is_some_and(|task| task.attempt >= 3);
        if failing {
            self.refuse_riding(live);
        }
        // Nobody is answered here: whoever sees the effects waits for the disk itself.
        let _position = self.take(&key, &mut slot, outcome);
    }
}
