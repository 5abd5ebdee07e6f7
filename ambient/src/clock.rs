//! The one clock handle that engine, worker, adapters and sandbox share.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Timestamp;

/// Tells the time and waits for it. Besides the system's there are
/// [`crate::ManualClock`] and [`crate::JumpingClock`], for tests.
pub trait Clock: Send + Sync + fmt::Debug {
    fn now(&self) -> Timestamp;

    /// Resolves when this clock has reached `deadline`; at once when it already has.
    fn sleep_until(&self, deadline: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

pub type SharedClock = Arc<dyn Clock>;

/// The operating system's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    pub fn shared() -> SharedClock {
        Arc::new(Self)
    }
}

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // The one place that may ask.
    fn now(&self) -> Timestamp {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Timestamp::from_micros(0).after(since),
            // A machine whose clock stands before 1970 is still answered, not crashed.
            Err(error) => Timestamp::from_micros(0).before(error.duration()),
        }
    }

    fn sleep_until(&self, deadline: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let clock = *self;
        Box::pin(async move {
            // The wall clock can be set while we sleep, so long waits are taken in short looks.
            const LONGEST_LOOK: Duration = Duration::from_secs(60);
            loop {
                let left = deadline.since(clock.now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LONGEST_LOOK)).await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_deadline_in_the_past_is_over_at_once() {
        let clock = SystemClock;
        clock
            .sleep_until(clock.now().before(Duration::from_secs(1)))
            .await;
    }

    #[tokio::test]
    async fn waits_until_the_deadline() {
        let clock = SystemClock;
        let deadline = clock.now().after(Duration::from_millis(5));
        clock.sleep_until(deadline).await;
        assert!(clock.now() >= deadline);
    }
}
