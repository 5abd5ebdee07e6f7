//! A rate: so many a second, a little saved up, and the next one's time known in advance. No clock.

use std::time::Duration;

use ambient::Timestamp;

/// Hands out instants. Whoever takes one waits for it, so the order of asking is the order of
/// going, and nobody has to be woken.
#[derive(Debug)]
pub(crate) struct Bucket {
    next: Timestamp,
}

/// A pause of a tenth of a second may be made good at once, not more.
const SAVED: Duration = Duration::from_millis(100);

impl Bucket {
    pub(crate) const fn new() -> Self {
        Self {
            next: Timestamp::from_micros(i64::MIN),
        }
    }

    /// The instant at which the next one may go, if that is not after `latest`. Nothing is taken
    /// otherwise.
    pub(crate) fn take(
        &mut self,
        now: Timestamp,
        per_second: u32,
        latest: Timestamp,
    ) -> Option<Timestamp> {
        let turn = self.next.max(now.before(SAVED));
        if turn > latest {
            return None;
        }
        self.next = turn.after(Duration::from_secs(1) / per_second.max(1));
        Some(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_than_its_rate_and_the_little_that_was_saved() {
        let start = Timestamp::from_seconds(1_000);
        let mut bucket = Bucket::new();
        let far = start.after(Duration::from_secs(60));
        let turns: Vec<_> = (0..250)
            .filter_map(|_| bucket.take(start, 100, far))
            .collect();
        let within = |seconds| {
            let end = start.after(Duration::from_secs(seconds));
            turns.iter().filter(|turn| **turn < end).count()
        };
        assert_eq!([within(1), within(2), within(3)], [110, 210, 250]);
    }

    #[test]
    fn who_would_wait_too_long_takes_nobodys_place() {
        let start = Timestamp::from_seconds(1_000);
        let mut bucket = Bucket::new();
        assert!(bucket.take(start, 1, start).is_some());
        assert_eq!(bucket.take(start, 1, start), None);
        let second = start.after(Duration::from_secs(1));
        assert!(bucket.take(second, 1, second).is_some());
    }
}
