//! A clock that runs as the system's does, and jumps ahead when told: for tests of things that
//! take months, with things that take real milliseconds in between.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;

use crate::{Clock, SystemClock, Timestamp};

/// Clones share the same hands. It never goes back further than the system's clock does.
#[derive(Clone, Debug)]
pub struct JumpingClock {
    system: SystemClock,
    ahead: watch::Sender<Duration>,
}

impl Default for JumpingClock {
    fn default() -> Self {
        Self {
            system: SystemClock,
            ahead: watch::Sender::new(Duration::ZERO),
        }
    }
}

impl JumpingClock {
    /// Nothing happens when that moment has passed already.
    pub fn jump_to(&self, moment: Timestamp) {
        self.ahead.send_if_modified(|ahead| {
            let missing = moment.since(self.system.now().after(*ahead));
            *ahead += missing;
            !missing.is_zero()
        });
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        self.system.now().after(*self.ahead.borrow())
    }

    fn sleep_until(&self, deadline: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let clock = self.clone();
        Box::pin(async move {
            let mut jumps = clock.ahead.subscribe();
            loop {
                let ahead = *jumps.borrow_and_update();
                let at = deadline.before(ahead);
                tokio::select! {
                    () = clock.system.sleep_until(at) => return,
                    // The task keeps a sender of its own, so this is always a jump.
                    _jumped = jumps.changed() => {}
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_month_is_jumped_over_and_a_moment_passes_by_itself() {
        let clock = JumpingClock::default();
        let moment = clock.now().after(Duration::from_millis(5));
        clock.sleep_until(moment).await;
        assert!(clock.now() >= moment);

        let month = clock.now().after(Duration::from_secs(30 * 86_400));
        let sleeper = tokio::spawn(clock.sleep_until(month));
        tokio::task::yield_now().await;
        clock.jump_to(month.before(Duration::from_secs(60)));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.jump_to(month);
        sleeper.await.unwrap();
        clock.jump_to(moment);
        assert!(clock.now() >= month);
    }
}
