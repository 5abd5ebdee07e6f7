//! What a test may need from the machine, and what happens when it is not there.

use std::collections::BTreeSet;
use std::env;
use std::fmt;

/// A program, or a right, that `cargo test` on a fresh machine does without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    Chromium,
    Localstripe,
    Postgres,
    SmallDisk,
    Strace,
    StripeMock,
    Temporal,
}

impl Need {
    pub const ALL: [Self; 7] = [
        Self::Chromium,
        Self::Localstripe,
        Self::Postgres,
        Self::SmallDisk,
        Self::Strace,
        Self::StripeMock,
        Self::Temporal,
    ];

    /// The word for it in `REMIT_TEST_REQUIRE`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Localstripe => "localstripe",
            Self::Postgres => "postgres",
            Self::SmallDisk => "small-disk",
            Self::Strace => "strace",
            Self::StripeMock => "stripe-mock",
            Self::Temporal => "temporal",
        }
    }
}

/// Why a test did not get what it needs.
#[derive(Clone, Debug)]
pub enum Missing {
    /// The machine does not have it: the test is skipped, unless it was required.
    Absent { need: Need, looked: String },
    /// It is there and does not work: the test fails.
    Broken { need: Need, why: String },
}

impl Missing {
    pub(crate) fn broken(need: Need, why: impl fmt::Display) -> Self {
        let why = why.to_string();
        Self::Broken { need, why }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent { need, looked } => write!(f, "no {} found ({looked})", need.word()),
            Self::Broken { need, why } => write!(f, "{} does not work: {why}", need.word()),
        }
    }
}

impl std::error::Error for Missing {}

/// Something a test can ask for in its parameters. A pair asks for both.
pub trait Needed: Sized + Send + 'static {
    /// Finds and starts it, or says why not. The first call of a process starts it.
    ///
    /// # Errors
    /// When the machine does not have it, or it does not work.
    fn ready() -> Result<Self, Missing>;
}

impl<A: Needed, B: Needed> Needed for (A, B) {
    fn ready() -> Result<Self, Missing> {
        Ok((A::ready()?, B::ready()?))
    }
}

/// The needs whose absence is a failure.
#[derive(Clone, Debug, Default)]
pub(crate) struct Required(BTreeSet<Need>);

impl Required {
    pub(crate) const VARIABLE: &str = "REMIT_TEST_REQUIRE";

    pub(crate) fn from_env() -> Result<Self, String> {
        env::var(Self::VARIABLE).map_or_else(|_| Ok(Self::default()), |list| Self::parse(&list))
    }

    fn parse(list: &str) -> Result<Self, String> {
        let words = list.split(',').map(str::trim).filter(|w| !w.is_empty());
        let needs = words.map(|word| {
            let need = Need::ALL.into_iter().find(|need| need.word() == word);
            need.ok_or_else(|| {
                let known = Need::ALL.map(Need::word).join(", ");
                format!("{} knows {known}, not `{word}`", Self::VARIABLE)
            })
        });
        needs.collect::<Result<_, _>>().map(Self)
    }

    /// Whether the test is skipped (`Ok`) or fails (`Err`), with the words to say so.
    pub(crate) fn judge(&self, missing: &Missing) -> Result<String, String> {
        match missing {
            Missing::Absent { need, .. } if !self.0.contains(need) => Ok(missing.to_string()),
            Missing::Absent { need, .. } => Err(format!(
                "{missing}, and {} requires {}",
                Self::VARIABLE,
                need.word()
            )),
            Missing::Broken { .. } => Err(missing.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn absent() -> Missing {
        let (need, looked) = (Need::Postgres, "on the PATH".into());
        Missing::Absent { need, looked }
    }

    #[test]
    fn what_is_not_required_is_skipped_with_the_reason() {
        let required = Required::parse("temporal, chromium").unwrap();
        let reason = required.judge(&absent()).unwrap();
        assert_eq!(reason, "no postgres found (on the PATH)");
    }

    #[test]
    fn what_is_required_fails_by_name() {
        let required = Required::parse("postgres").unwrap();
        let failure = required.judge(&absent()).unwrap_err();
        assert_eq!(
            failure,
            "no postgres found (on the PATH), and REMIT_TEST_REQUIRE requires postgres"
        );
    }

    #[test]
    fn what_is_there_and_broken_always_fails() {
        let broken = Missing::broken(Need::Chromium, "it crashed");
        let failure = Required::default().judge(&broken).unwrap_err();
        assert_eq!(failure, "chromium does not work: it crashed");
    }

    #[test]
    fn an_unknown_word_is_an_error_that_lists_the_known_ones() {
        let error = Required::parse("postgres,docker").unwrap_err();
        assert_eq!(
            error,
            "REMIT_TEST_REQUIRE knows chromium, localstripe, postgres, small-disk, strace, stripe-mock, temporal, not `docker`"
        );
    }
}
