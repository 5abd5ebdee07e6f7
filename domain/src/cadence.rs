//! How often a schedule repeats its transfer. What is an occurrence of it and what is none is
//! decided here alone; whoever wakes up at some time asks.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Date, Timestamp, Weekday};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "every", rename_all = "snake_case")]
pub enum Cadence {
    Day,
    Week {
        day: Weekday,
    },
    /// A month that has no such day has its occurrence on its last one.
    Month {
        day: u8,
    },
    /// Not of the calendar: for trying things out where no money is real.
    Seconds {
        seconds: u32,
    },
}

/// The latest day of a month that can be asked for.
pub const LAST_DAY: u8 = 31;
/// Nobody tries things out more slowly: an hour.
pub const MOST_SECONDS: u32 = 3_600;

/// The longest way to the next occurrence: from one 31st to the end of the next month.
const LONGEST_WAY: i64 = 62;

impl Cadence {
    /// Whether the calendar has any part in it.
    pub const fn is_for_trying_out(self) -> bool {
        matches!(self, Self::Seconds { .. })
    }

    fn is_on(self, date: Date) -> bool {
        match self {
            Self::Day => true,
            Self::Week { day } => date.weekday() == day,
            Self::Month { day } => {
                let wanted = i64::from(day);
                date.day() == wanted || (date.is_last_of_month() && date.day() < wanted)
            }
            Self::Seconds { .. } => false,
        }
    }

    /// Whether an occurrence begins at exactly this instant: of a calendar at the start of a day.
    pub fn falls_at(self, at: Timestamp) -> bool {
        match self {
            Self::Seconds { seconds } => at.as_micros().rem_euclid(in_micros(seconds.max(1))) == 0,
            _ => {
                let date = Date::at(at);
                date.start() == at && self.is_on(date)
            }
        }
    }

    /// The first occurrence behind an instant.
    pub fn next_after(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Seconds { seconds } => {
                let step = in_micros(seconds.max(1));
                let begun = at.as_micros().div_euclid(step).saturating_mul(step);
                Timestamp::from_micros(begun).after(Duration::from_secs(seconds.max(1).into()))
            }
            _ => {
                let today = Date::at(at);
                let days = (1..=LONGEST_WAY).map(|wait| today.plus(wait));
                let next = days.into_iter().find(|day| self.is_on(*day));
                next.unwrap_or(today.plus(LONGEST_WAY)).start()
            }
        }
    }
}

fn in_micros(seconds: u32) -> i64 {
    i64::from(seconds) * 1_000_000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn next(cadence: Cadence, after: &str, many: usize) -> Vec<String> {
        let mut at = after.parse::<Date>().unwrap().start();
        let mut days = Vec::new();
        for _ in 0..many {
            at = cadence.next_after(at);
            days.push(Date::at(at).to_string());
        }
        days
    }

    #[test]
    fn the_31st_is_the_last_day_of_a_shorter_month() {
        let last = Cadence::Month { day: 31 };
        assert_eq!(
            next(last, "2027-12-31", 4),
            ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]
        );
        let first = Cadence::Month { day: 1 };
        assert_eq!(next(first, "2026-01-31", 2), ["2026-02-01", "2026-03-01"]);
        let monday = Cadence::Week {
            day: Weekday::Monday,
        };
        assert_eq!(next(monday, "2026-11-21", 2), ["2026-11-23", "2026-11-30"]);
        assert_eq!(next(Cadence::Day, "2026-12-31", 1), ["2027-01-01"]);
    }

    /// It is stored, and written by clients.
    #[test]
    fn how_it_is_written() {
        for (cadence, text) in [
            (Cadence::Day, r#"{"every":"day"}"#),
            (
                Cadence::Week {
                    day: Weekday::Friday,
                },
                r#"{"every":"week","day":"friday"}"#,
            ),
            (Cadence::Month { day: 31 }, r#"{"every":"month","day":31}"#),
            (
                Cadence::Seconds { seconds: 2 },
                r#"{"every":"seconds","seconds":2}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&cadence).unwrap(), text);
            assert_eq!(serde_json::from_str::<Cadence>(text).unwrap(), cadence);
        }
    }

    fn any_cadence() -> impl Strategy<Value = Cadence> {
        prop_oneof![
            Just(Cadence::Day),
            (0_usize..7).prop_map(|day| Cadence::Week {
                day: Weekday::ALL[day]
            }),
            (1_u8..=LAST_DAY).prop_map(|day| Cadence::Month { day }),
            (1_u32..=MOST_SECONDS).prop_map(|seconds| Cadence::Seconds { seconds }),
        ]
    }

    proptest! {
        /// From any instant the next occurrence is one, lies ahead, and none lies before it.
        #[test]
        fn the_next_occurrence_is_the_first(cadence in any_cadence(), seconds in 0_i64..8_000_000_000) {
            let at = Timestamp::from_seconds(seconds);
            let next = cadence.next_after(at);
            prop_assert!(next > at && cadence.falls_at(next));
            let step = if cadence.is_for_trying_out() { 1 } else { 86_400 };
            let first = if cadence.is_for_trying_out() { at } else { Date::at(at).start() };
            let mut between = first.after(Duration::from_secs(step));
            while between < next {
                prop_assert!(!cadence.falls_at(between), "{between}");
                between = between.after(Duration::from_secs(step));
            }
        }

        /// Every month has exactly one occurrence of a monthly schedule.
        #[test]
        fn a_month_has_one(day in 1_u8..=LAST_DAY, months in 0_i64..12_000) {
            let first = Date::of(1 + months / 12, 1 + months % 12, 1).unwrap();
            let of_month = (0..31).map(|n| first.plus(n)).filter(|d| d.month() == first.month());
            let many = of_month.filter(|d| Cadence::Month { day }.falls_at(d.start())).count();
            prop_assert_eq!(many, 1);
        }
    }
}
