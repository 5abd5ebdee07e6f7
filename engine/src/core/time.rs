//! Conversions between the core's instants and the protocol's.

use std::time::Duration;

use ambient::Timestamp;
use prost_types::{Duration as ProtoDuration, Timestamp as ProtoTimestamp};

/// No timeout is longer than this; anything above (or nonsensical) is cut to it.
pub(crate) const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

pub(crate) fn to_proto(at: Timestamp) -> ProtoTimestamp {
    let (seconds, nanos) = at.split();
    ProtoTimestamp { seconds, nanos }
}

pub(crate) fn from_proto(at: Option<&ProtoTimestamp>) -> Timestamp {
    at.map_or(Timestamp::from_micros(0), |at| {
        Timestamp::from_split(at.seconds, at.nanos)
    })
}

/// A positive duration, or nothing: the protocol writes "no timeout" as absent and as zero.
pub(crate) fn positive(wait: Option<&ProtoDuration>) -> Option<Duration> {
    let wait = wait?;
    let seconds = u64::try_from(wait.seconds).ok()?;
    let nanos = u32::try_from(wait.nanos).ok()?.min(999_999_999);
    let wait = Duration::new(seconds, nanos).min(LONGEST);
    (!wait.is_zero()).then_some(wait)
}

pub(crate) fn duration(wait: Duration) -> ProtoDuration {
    ProtoDuration {
        seconds: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(wait.subsec_nanos()).unwrap_or(0),
    }
}

/// The protocol's habit: an absent timeout is written as zero.
pub(crate) fn or_zero(wait: Option<Duration>) -> Option<ProtoDuration> {
    Some(duration(wait.unwrap_or_default()))
}

pub(crate) fn is_negative(wait: &ProtoDuration) -> bool {
    wait.seconds < 0 || wait.nanos < 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_waits_are_cut_and_negative_ones_are_absent() {
        let absurd = ProtoDuration {
            seconds: i64::MAX,
            nanos: i32::MAX,
        };
        assert_eq!(positive(Some(&absurd)), Some(LONGEST));
        let negative = ProtoDuration {
            seconds: -1,
            nanos: 0,
        };
        assert_eq!(positive(Some(&negative)), None);
        assert_eq!(positive(None), None);
    }
}
