//! An instant: microseconds since the Unix epoch, UTC. Zones and calendars live elsewhere.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::civil::{civil_from_days, days_from_civil, days_in_month};

/// Microseconds since 1970-01-01T00:00:00Z. The same integer in memory, in both databases and in
/// histories, so nothing is ever lost in a conversion.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    pub const fn as_micros(self) -> i64 {
        self.0
    }

    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Saturates at the end of time instead of wrapping into the past.
    pub fn after(self, wait: Duration) -> Self {
        let micros = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }

    pub fn before(self, wait: Duration) -> Self {
        let micros = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros))
    }

    /// How long after `earlier` this is; zero when it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Seconds and nanoseconds, as protobuf wants them.
    pub fn split(self) -> (i64, i32) {
        let nanos = self.0.rem_euclid(MICROS_PER_SECOND) * 1_000;
        (
            self.0.div_euclid(MICROS_PER_SECOND),
            i32::try_from(nanos).unwrap_or(0),
        )
    }

    pub fn from_split(seconds: i64, nanos: i32) -> Self {
        Self(
            seconds
                .saturating_mul(MICROS_PER_SECOND)
                .saturating_add(i64::from(nanos) / 1_000),
        )
    }

    /// Reads what `Display` writes: `YYYY-MM-DDTHH:MM:SS[.fraction]Z`, UTC only.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let text = text.strip_suffix(['Z', 'z'])?;
        let (date, time) = text.split_once(['T', 't'])?;
        let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
        let [year, month, day] = three(date, '-')?;
        let [hour, minute, second] = three(whole, ':')?;
        let in_range = (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second);
        if !in_range || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let padded = format!("{fraction:0<6}");
        let micros: i64 = padded.get(..6)?.parse().ok()?;
        let seconds = days_from_civil(year, month, day) * SECONDS_PER_DAY
            + hour * 3_600
            + minute * 60
            + second;
        Some(Self(seconds * MICROS_PER_SECOND + micros))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with exactly the precision stored.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.div_euclid(MICROS_PER_SECOND);
        let micros = self.0.rem_euclid(MICROS_PER_SECOND);
        let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
        let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
        )
    }
}

fn three(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| {
        (!part.is_empty() && part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<i64>().ok())
            .flatten()
    });
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn writes_known_instants() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_709_208_000_000_001, "2024-02-29T12:00:00.000001Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (4_102_444_799_000_000, "2099-12-31T23:59:59.000000Z"),
        ] {
            assert_eq!(Timestamp::from_micros(micros).to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_no_instant() {
        for text in [
            "",
            "2024-02-30T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00+01:00",
            "2024-01-01T00:00:00.Z5Z",
            "2024-1-1-1T00:00:00Z",
            "-2024-01-01T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000) {
            let at = Timestamp::from_micros(micros);
            prop_assert_eq!(Timestamp::parse_rfc3339(&at.to_string()), Some(at));
        }

        #[test]
        fn text_order_is_time_order(a in 0_i64..253_402_300_800_000_000, b in 0_i64..253_402_300_800_000_000) {
            let (a, b) = (Timestamp::from_micros(a), Timestamp::from_micros(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn split_is_lossless(micros in any::<i64>()) {
            let at = Timestamp::from_micros(micros);
            let (seconds, nanos) = at.split();
            prop_assert_eq!(Timestamp::from_split(seconds, nanos), at);
        }
    }
}
