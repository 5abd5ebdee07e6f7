//! The days on which banks work. A rail that runs around the clock has every day; a bank in euros
//! keeps those of TARGET: no weekends and six holidays, two of which move with Easter.

use crate::rail::RailId;
use crate::{Date, Weekday};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calendar {
    EveryDay,
    /// Of the Eurosystem's payment system.
    Target,
}

impl RailId {
    pub const fn calendar(self) -> Calendar {
        match self {
            Self::SandboxBank | Self::SandboxCards | Self::Stripe => Calendar::EveryDay,
            Self::Iso20022 => Calendar::Target,
        }
    }
}

impl Calendar {
    pub fn is_banking_day(self, date: Date) -> bool {
        match self {
            Self::EveryDay => true,
            Self::Target => {
                !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
                    && !is_target_holiday(date)
            }
        }
    }
}

/// The first day from this one on, itself included, that is a banking day on each of these rails.
pub fn next_banking_day(date: Date, rails: &[RailId]) -> Date {
    let works = |date: Date| {
        let mut rails = rails.iter();
        rails.all(|rail| rail.calendar().is_banking_day(date))
    };
    // No calendar has so long a break; were there one, the day itself is better than none.
    let days = (0..31).map(|wait| date.plus(wait));
    days.into_iter().find(|day| works(*day)).unwrap_or(date)
}

/// New Year's Day, Good Friday, Easter Monday, Labour Day, the first and the second day of Christmas.
fn is_target_holiday(date: Date) -> bool {
    let fixed = matches!(
        (date.month(), date.day()),
        (1, 1) | (5, 1) | (12, 25) | (12, 26)
    );
    let easter = easter_sunday(date.year());
    let moving = easter.is_some_and(|easter| date == easter.plus(-2) || date == easter.plus(1));
    fixed || moving
}

/// By Gauss's rule, as Meeus and others wrote it down for the Gregorian calendar: from the age of
/// the moon in that year to the Sunday after it is full in spring.
fn easter_sunday(year: i64) -> Option<Date> {
    let golden = year % 19;
    let (century, of_century) = (year / 100, year % 100);
    let moved = (century - century / 4 - (century - (century + 8) / 25 + 1) / 3 + 15) % 30;
    let moon = (19 * golden + moved) % 30;
    let to_sunday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - moon - of_century % 4) % 7;
    let late = (golden + 11 * moon + 22 * to_sunday) / 451;
    let days = moon + to_sunday - 7 * late + 114;
    Date::of(year, days / 31, days % 31 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn easter_as_the_church_published_it() {
        for easter in [
            "1818-03-22",
            "1943-04-25",
            "1961-04-02",
            "2000-04-23",
            "2008-03-23",
            "2016-03-27",
            "2024-03-31",
            "2025-04-20",
            "2026-04-05",
            "2027-03-28",
            "2038-04-25",
            "2049-04-18",
        ] {
            let easter = date(easter);
            assert_eq!(easter_sunday(easter.year()), Some(easter));
        }
    }

    #[test]
    fn the_holidays_of_2026() {
        let first = date("2026-01-01");
        let off: Vec<_> = (0..365)
            .map(|day| first.plus(day))
            .filter(|day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday))
            .filter(|day| !Calendar::Target.is_banking_day(*day))
            .map(|day| day.to_string())
            .collect();
        // The second day of Christmas is a Saturday then.
        assert_eq!(
            off,
            [
                "2026-01-01",
                "2026-04-03",
                "2026-04-06",
                "2026-05-01",
                "2026-12-25"
            ]
        );
    }

    #[test]
    fn both_rails_must_work() {
        let friday = date("2026-04-03");
        for (rails, day) in [
            (vec![], "2026-04-03"),
            (vec![RailId::SandboxBank], "2026-04-03"),
            (vec![RailId::Iso20022], "2026-04-07"),
            (vec![RailId::SandboxBank, RailId::Iso20022], "2026-04-07"),
        ] {
            assert_eq!(next_banking_day(friday, &rails), date(day), "{rails:?}");
        }
    }

    proptest! {
        #[test]
        fn the_next_banking_day_is_the_first_there_is(days in 0_i64..100_000) {
            let (day, rails) = (Date::of(1970, 1, 1).unwrap().plus(days), [RailId::Iso20022]);
            let next = next_banking_day(day, &rails);
            prop_assert!(Calendar::Target.is_banking_day(next));
            prop_assert_eq!(next_banking_day(next, &rails), next);
            // Easter, or Christmas beside a weekend: never more than four days off.
            let mut off = day;
            while off < next {
                prop_assert!(!Calendar::Target.is_banking_day(off));
                off = off.plus(1);
            }
            prop_assert!(next <= day.plus(4));
        }

        #[test]
        fn easter_is_a_sunday_in_spring(year in 1583_i64..4_000) {
            let easter = easter_sunday(year).unwrap();
            prop_assert_eq!(easter.weekday(), Weekday::Sunday);
            let (first, last) = (Date::of(year, 3, 22).unwrap(), Date::of(year, 4, 25).unwrap());
            prop_assert!((first..=last).contains(&easter), "{}", easter);
        }
    }
}
