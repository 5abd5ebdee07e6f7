//! What a clock on a wall shows, and when it shows it.

use jiff::tz::TimeZone;

use super::{BadSpec, days};

#[derive(Clone, Debug)]
pub(super) struct Zone(TimeZone);

/// What the clock on the wall shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Local {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    /// Sunday is 0.
    pub(super) weekday: i64,
}

impl Zone {
    pub(super) fn named(name: &str) -> Result<Self, BadSpec> {
        match name {
            "" | "UTC" => Ok(Self(TimeZone::UTC)),
            name => TimeZone::get(name)
                .map(Self)
                .map_err(|_| BadSpec(format!("unknown time zone {name}"))),
        }
    }

    /// A zone that came with the spec, in the format of zone files.
    pub(super) fn read(name: &str, data: &[u8]) -> Result<Self, BadSpec> {
        TimeZone::tzif(name, data)
            .map(Self)
            .map_err(|_| BadSpec("malformed time zone information".to_owned()))
    }

    pub(super) fn local(&self, unix: i64) -> Local {
        let shown = unix.saturating_add(self.offset(unix));
        let (number, second) = (
            shown.div_euclid(days::SECONDS),
            shown.rem_euclid(days::SECONDS),
        );
        let (year, month, day) = days::civil(number);
        Local {
            year,
            month,
            day,
            hour: second / 3_600,
            minute: second / 60 % 60,
            second: second % 60,
            weekday: days::weekday(number),
        }
    }

    /// When the clock shows this. What it shows twice is meant the first time, or east of Greenwich
    /// the second; what it never shows is off by what the clock was moved by, and the caller
    /// looks at [`Zone::local`] to know.
    pub(super) fn unix(&self, [year, month, day, hour, minute, second]: [i64; 6]) -> i64 {
        let shown =
            days::number(year, month, day) * days::SECONDS + hour * 3_600 + minute * 60 + second;
        // The offset at the moment that would be meant in Greenwich is nearly always the right
        // one; where the clock changes in between, the offset there is.
        match self.offset(shown) {
            0 => shown,
            near => shown - self.offset(shown - near),
        }
    }

    fn offset(&self, unix: i64) -> i64 {
        // Beyond what the zone knows, its last rule stands.
        let unix = unix.clamp(EARLIEST, LATEST);
        match jiff::Timestamp::from_second(unix) {
            Ok(at) => i64::from(self.0.to_offset(at).seconds()),
            Err(_) => 0,
        }
    }
}

/// Years 0 and 9000, where the library still counts.
const EARLIEST: i64 = -62_167_219_200;
const LATEST: i64 = 221_845_392_000;
