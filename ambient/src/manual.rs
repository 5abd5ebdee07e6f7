//! A clock that moves only when told: a month passes in the time of a function call.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;

use crate::{Clock, Timestamp};

/// Clones share the same hands.
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
}

impl ManualClock {
    pub fn at(start: Timestamp) -> Self {
        Self {
            now: watch::Sender::new(start),
        }
    }

    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now = now.after(by));
    }

    /// Also backwards: whoever reads a clock must survive that.
    pub fn set(&self, to: Timestamp) {
        self.now.send_replace(to);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    fn sleep_until(&self, deadline: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // The task keeps a sender of its own, so the wait cannot end because the clock was dropped.
        let clock = self.now.clone();
        Box::pin(async move {
            let mut hands = clock.subscribe();
            let _reached = hands.wait_for(|now| *now >= deadline).await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_month_passes_when_told() {
        let clock = ManualClock::at(Timestamp::from_seconds(1_000));
        let month = Duration::from_secs(30 * 86_400);
        let sleeper = tokio::spawn(clock.sleep_until(clock.now().after(month)));
        clock.advance(month - Duration::from_secs(1));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));
        sleeper.await.unwrap();
    }
}
