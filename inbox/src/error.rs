//! The machinery around a message failed; nothing is said about any money.

use ambient::EntropyError;
use db::{DbError, WriteError};
use transfers::{AttemptError, StoreError};
use vault::VaultError;

#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    #[error("too much to write at the moment; nothing was stored, say it again")]
    Overloaded,
    #[error("the database did not confirm; it may have been stored, say it again")]
    Unknown(#[source] DbError),
    #[error("the database does not answer; nothing of this call was stored")]
    Database(#[from] DbError),
    #[error("what is known of a step could not be read")]
    Transfers(#[from] StoreError),
    #[error("what is known of a step could not be written")]
    Attempts(#[source] Box<AttemptError>),
    #[error("a message's words could not be sealed or opened")]
    Vault(#[from] VaultError),
    #[error("no id could be made; nothing was stored")]
    Entropy(#[from] EntropyError),
}

impl From<AttemptError> for InboxError {
    fn from(error: AttemptError) -> Self {
        Self::Attempts(Box::new(error))
    }
}

impl From<WriteError<Self>> for InboxError {
    fn from(error: WriteError<Self>) -> Self {
        match error {
            WriteError::Overloaded => Self::Overloaded,
            WriteError::Unknown(error) => Self::Unknown(error),
            WriteError::Refused(error) => error,
            WriteError::Closed => Self::Database(DbError::Unavailable(None)),
        }
    }
}
