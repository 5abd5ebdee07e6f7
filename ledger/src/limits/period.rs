//! Periods of a limit: a day, a month or a year of the calendar, in UTC.

use std::fmt;

use ambient::Timestamp;

/// How often an allowance begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Every {
    Day,
    Month,
    Year,
}

/// One day, month or year: `2026-11-21`, `2026-11` or `2026`. The text is stored with the account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(String);

impl Every {
    /// The period that an instant belongs to.
    pub fn at(self, instant: Timestamp) -> Period {
        let text = instant.to_string();
        let date = text.split_once('T').map_or(text.as_str(), |(date, _)| date);
        let parts = match self {
            Self::Day => 3,
            Self::Month => 2,
            Self::Year => 1,
        };
        // A year before Christ would begin with a sign; none is ever asked for.
        let parts: Vec<_> = date.split('-').take(parts).collect();
        Period(parts.join("-"))
    }
}

impl Period {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_belongs_to_one_of_each() {
        for (instant, expected) in [
            ("2024-02-29T23:59:59.999999Z", "2024-02-29 2024-02 2024"),
            ("2024-03-01T00:00:00Z", "2024-03-01 2024-03 2024"),
            ("1999-12-31T12:00:00Z", "1999-12-31 1999-12 1999"),
        ] {
            let instant = Timestamp::parse_rfc3339(instant).unwrap();
            let periods = [Every::Day, Every::Month, Every::Year].map(|every| every.at(instant));
            let found: Vec<_> = periods.iter().map(Period::as_str).collect();
            assert_eq!(found.join(" "), expected);
        }
    }
}
