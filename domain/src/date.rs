//! A day of the calendar, in UTC: what a person means by "on the first of March".

use std::fmt;
use std::str::FromStr;

use ambient::civil::{civil_from_days, days_from_civil, days_in_month};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Timestamp;

const SECONDS_PER_DAY: i64 = 86_400;

/// Days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Monday => "monday",
            Self::Tuesday => "tuesday",
            Self::Wednesday => "wednesday",
            Self::Thursday => "thursday",
            Self::Friday => "friday",
            Self::Saturday => "saturday",
            Self::Sunday => "sunday",
        }
    }
}

impl fmt::Display for Weekday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a day of the week")]
pub struct UnknownWeekday;

impl FromStr for Weekday {
    type Err = UnknownWeekday;

    fn from_str(name: &str) -> Result<Self, UnknownWeekday> {
        let found = Self::ALL.into_iter().find(|day| day.name() == name);
        found.ok_or(UnknownWeekday)
    }
}

impl Date {
    /// None where the calendar has no such day.
    pub fn of(year: i64, month: i64, day: i64) -> Option<Self> {
        let there = (1..=9_999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day);
        there.then(|| Self(days_from_civil(year, month, day)))
    }

    /// The day of an instant.
    pub const fn at(at: Timestamp) -> Self {
        Self(at.as_micros().div_euclid(SECONDS_PER_DAY * 1_000_000))
    }

    /// Its first instant.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_seconds(self.0.saturating_mul(SECONDS_PER_DAY))
    }

    /// So many days later, or earlier.
    #[must_use]
    pub const fn plus(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }

    pub const fn year(self) -> i64 {
        civil_from_days(self.0).0
    }

    pub const fn month(self) -> i64 {
        civil_from_days(self.0).1
    }

    /// Of its month, from 1.
    pub const fn day(self) -> i64 {
        civil_from_days(self.0).2
    }

    pub const fn is_last_of_month(self) -> bool {
        let (year, month, day) = civil_from_days(self.0);
        day == days_in_month(year, month)
    }

    pub const fn weekday(self) -> Weekday {
        // The epoch was a Thursday.
        match (self.0 + 3).rem_euclid(7) {
            0 => Weekday::Monday,
            1 => Weekday::Tuesday,
            2 => Weekday::Wednesday,
            3 => Weekday::Thursday,
            4 => Weekday::Friday,
            5 => Weekday::Saturday,
            _ => Weekday::Sunday,
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a day of the calendar, written YYYY-MM-DD")]
pub struct InvalidDate;

impl FromStr for Date {
    type Err = InvalidDate;

    fn from_str(text: &str) -> Result<Self, InvalidDate> {
        let number = |part: Option<&str>, length: usize| {
            part.filter(|p| p.len() == length && p.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|p| p.parse::<i64>().ok())
        };
        let mut parts = text.split('-');
        let year = number(parts.next(), 4).ok_or(InvalidDate)?;
        let month = number(parts.next(), 2).ok_or(InvalidDate)?;
        let day = number(parts.next(), 2).ok_or(InvalidDate)?;
        let date = Self::of(year, month, day).filter(|_| parts.next().is_none());
        date.ok_or(InvalidDate)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_of_the_week_that_everybody_can_look_up() {
        for (text, weekday) in [
            ("1970-01-01", Weekday::Thursday),
            ("2000-02-29", Weekday::Tuesday),
            ("2026-11-21", Weekday::Saturday),
        ] {
            let date: Date = text.parse().unwrap();
            assert_eq!((date.weekday(), date.to_string()), (weekday, text.into()));
        }
    }

    #[test]
    fn refuses_what_no_calendar_has() {
        for text in [
            "",
            "2026-02-29",
            "2026-13-01",
            "2026-1-1",
            "2026-01-01-01",
            "+026-01-01",
            "0000-01-01",
        ] {
            assert_eq!(text.parse::<Date>(), Err(InvalidDate), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_date_is_read_back_and_holds_its_instants(days in -100_000_i64..2_000_000, micros in 0_i64..86_400_000_000) {
            let date = Date(days);
            prop_assert_eq!(date.to_string().parse(), Ok(date));
            let within = Timestamp::from_micros(date.start().as_micros() + micros);
            prop_assert_eq!(Date::at(within), date);
        }
    }
}
