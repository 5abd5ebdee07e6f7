//! What can go wrong, sorted by what a caller may do about it.

use ambient::EntropyError;
use db::{DbError, WriteError};
use domain::Actor;
use serde::{Deserialize, Serialize};

/// The machinery failed; nothing is said about the action itself.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("too much to write at the moment; nothing was stored, try again")]
    Overloaded,
    #[error("the database no longer takes writes; nothing was stored, restart when it is repaired")]
    Closed,
    #[error("the database did not confirm; it may have been stored, look before you repeat it")]
    Unknown(#[source] DbError),
    #[error("the database does not answer; nothing of this call was stored")]
    Database(#[from] DbError),
    #[error("no id could be made; nothing was stored")]
    Entropy(#[from] EntropyError),
    #[error("a stored action cannot be read by this version")]
    Unreadable(#[from] serde_json::Error),
}

/// Why a second person's decision is not taken.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    #[error("there is no such action here; nothing was decided")]
    NoSuchAction,
    #[error("{0} made the action and cannot decide about it; somebody else must")]
    SamePerson(Actor),
    #[error("the action needs no second person; nothing was decided")]
    NotNeeded,
    #[error("the action was {0} before; nothing was decided")]
    Decided(&'static str),
    #[error("nothing is known to be decided")]
    Store(#[from] StoreError),
}

/// Why nothing may be done in an action's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum NotApproved {
    #[error("no such action was ever made for this transfer")]
    Unknown,
    #[error("a second person has not agreed to it yet")]
    Waiting,
    #[error("a second person did not agree to it")]
    Denied,
    #[error("it was used before")]
    Used,
}

impl<E: Into<StoreError>> From<WriteError<E>> for StoreError {
    fn from(error: WriteError<E>) -> Self {
        match error {
            WriteError::Refused(refused) => refused.into(),
            WriteError::Overloaded => Self::Overloaded,
            WriteError::Unknown(source) => Self::Unknown(source),
            WriteError::Closed => Self::Closed,
        }
    }
}

impl From<DbError> for DecideError {
    fn from(error: DbError) -> Self {
        Self::Store(error.into())
    }
}

impl From<WriteError<Self>> for DecideError {
    fn from(error: WriteError<Self>) -> Self {
        match error {
            WriteError::Refused(refused) => refused,
            WriteError::Overloaded => StoreError::Overloaded.into(),
            WriteError::Unknown(source) => StoreError::Unknown(source).into(),
            WriteError::Closed => StoreError::Closed.into(),
        }
    }
}
