//! How fast a rail is taken into use again after it rested: low at first, then twice as much, and
//! so on up to the whole. Who was away an hour is not met by an hour's work at once.

use std::time::Duration;

use ambient::Timestamp;

/// The rate doubles so often on its way to the whole.
const DOUBLINGS: u32 = 4;

/// The rate once the rest has been over for `since`, where all is as before after `ramp`.
pub(crate) fn grown(whole: u32, ramp: Duration, since: Duration) -> u32 {
    if since >= ramp {
        return whole;
    }
    let step = ramp / (DOUBLINGS + 1);
    let doubled = (0..DOUBLINGS)
        .take_while(|done| since >= step * (done + 1))
        .count();
    let missing = DOUBLINGS.saturating_sub(u32::try_from(doubled).unwrap_or(DOUBLINGS));
    (whole >> missing).max(1)
}

/// When it grows next; none once it is whole.
pub(crate) fn next_step(
    ramp: Duration,
    rested_until: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    let step = ramp / (DOUBLINGS + 1);
    (1..=DOUBLINGS)
        .map(|number| rested_until.after(step * number))
        .find(|at| *at > now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_whole_and_never_stands_still() {
        let after = |seconds| grown(160, Duration::from_secs(50), Duration::from_secs(seconds));
        assert_eq!(
            [0, 9, 10, 20, 30, 40, 50, 900].map(after),
            [10, 10, 20, 40, 80, 160, 160, 160]
        );
        assert_eq!(grown(1, Duration::from_secs(50), Duration::ZERO), 1);
        assert_eq!(grown(7, Duration::ZERO, Duration::ZERO), 7);
    }
}
