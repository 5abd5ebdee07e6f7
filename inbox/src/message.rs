//! A stored message, and what can become of it.

use std::fmt;
use std::str::FromStr;

use domain::rail::{RailId, Word};
use domain::{MessageId, StepKey, Tenant, Timestamp};

/// What a bank said, as we keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub id: MessageId,
    pub rail: RailId,
    pub origin: Origin,
    /// The bank's own id of a notice; of a line, its place on the statement.
    pub bank_id: String,
    pub received_at: Timestamp,
    /// Which step of ours it names, whether we know that step or not.
    pub key: Option<StepKey>,
    /// Whose step that is; none until it is known.
    pub tenant: Option<Tenant>,
    /// None: it only names what to ask about.
    pub word: Option<Word>,
    pub state: State,
    /// Why it stands where it does, where that needs words.
    pub reason: Option<String>,
    /// When the transfer's run was told of it.
    pub told_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Notice,
    Statement,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It may end a doubt, and the transfer's run has not used it yet.
    Waiting,
    /// It ended a doubt, or had the bank asked.
    Used,
    /// It says what is known anyway.
    Known,
    /// It contradicts what was ordered or what is known. A person looks; it never counts.
    Quarantined,
    /// No step of ours is known by its reference.
    Unmatched,
    /// Money that came back: nobody has taken it up yet.
    Unclaimed,
    /// Somebody has.
    Claimed,
}

impl Origin {
    pub const ALL: [Self; 2] = [Self::Notice, Self::Statement];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Statement => "statement",
        }
    }
}

impl State {
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Used,
        Self::Known,
        Self::Quarantined,
        Self::Unmatched,
        Self::Unclaimed,
        Self::Claimed,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Used => "used",
            Self::Known => "known",
            Self::Quarantined => "quarantined",
            Self::Unmatched => "unmatched",
            Self::Unclaimed => "unclaimed",
            Self::Claimed => "claimed",
        }
    }

    /// Nobody has to read the bank's own words any more.
    pub(crate) const fn is_explained(self) -> bool {
        matches!(self, Self::Used | Self::Known | Self::Claimed)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a word about messages that this version knows")]
pub struct UnknownWord;

impl FromStr for Origin {
    type Err = UnknownWord;

    fn from_str(name: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|origin| origin.name() == name);
        found.ok_or(UnknownWord)
    }
}

impl FromStr for State {
    type Err = UnknownWord;

    fn from_str(name: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|state| state.name() == name);
        found.ok_or(UnknownWord)
    }
}
