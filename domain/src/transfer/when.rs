//! When a transfer is to be carried out, as its client says it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::banking_day::next_banking_day;
use crate::rail::RailId;
use crate::{Date, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Exactly then, whether banks work or not: an instant is meant as it is written.
    At(Timestamp),
    /// On this day, or on the next banking day of the rails it takes.
    On(Date),
}

/// Further ahead nobody knows whose accounts these will be: two years.
pub const FURTHEST: Duration = Duration::from_secs(731 * 86_400);

/// Why a time cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotThen {
    #[error("is in the past")]
    Past,
    #[error("is more than two years ahead")]
    TooFar,
}

impl When {
    /// The instant, for a transfer by these rails. Today is not past, however late it is.
    pub fn begins(self, rails: &[RailId], now: Timestamp) -> Result<Timestamp, NotThen> {
        let past = match self {
            Self::At(at) => at < now,
            Self::On(date) => date < Date::at(now),
        };
        let at = self.instant(rails);
        match past {
            true => Err(NotThen::Past),
            false if at > now.after(FURTHEST) => Err(NotThen::TooFar),
            false => Ok(at),
        }
    }

    /// The instant, past or not.
    pub fn instant(self, rails: &[RailId]) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::On(date) => next_banking_day(date, rails).start(),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => at.fmt(f),
            Self::On(date) => date.fmt(f),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a day (2026-12-01) nor an instant in UTC (2026-12-01T09:30:00Z)")]
pub struct InvalidWhen;

impl FromStr for When {
    type Err = InvalidWhen;

    fn from_str(text: &str) -> Result<Self, InvalidWhen> {
        let date = text.parse().map(Self::On).ok();
        date.or_else(|| Timestamp::parse_rfc3339(text).map(Self::At))
            .ok_or(InvalidWhen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_waits_for_the_banks_and_an_instant_does_not() {
        let now = Timestamp::parse_rfc3339("2026-04-03T10:00:00Z").unwrap();
        let begins = |text: &str, rail: RailId| {
            let when: When = text.parse().unwrap();
            when.begins(&[rail], now).map(|at| at.to_string())
        };
        let (bank, sandbox) = (RailId::Iso20022, RailId::SandboxBank);
        for (text, rail, at) in [
            ("2026-04-03", bank, Ok("2026-04-07T00:00:00.000000Z")),
            ("2026-04-03", sandbox, Ok("2026-04-03T00:00:00.000000Z")),
            (
                "2026-04-04T08:00:00Z",
                bank,
                Ok("2026-04-04T08:00:00.000000Z"),
            ),
            ("2026-04-02", bank, Err(NotThen::Past)),
            ("2026-04-03T09:59:59Z", bank, Err(NotThen::Past)),
            ("2029-01-01", bank, Err(NotThen::TooFar)),
        ] {
            assert_eq!(begins(text, rail), at.map(str::to_owned), "{text}");
        }
        for text in ["", "tomorrow", "2026-02-30", "2026-04-04T08:00:00+02:00"] {
            assert_eq!(text.parse::<When>(), Err(InvalidWhen), "{text}");
        }
    }
}
