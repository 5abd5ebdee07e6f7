//! What can go wrong here, apart from authentication, which has an error of its own.

use ambient::EntropyError;
use db::{DbError, WriteError};
use vault::VaultError;

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("{field} {reason}; nothing was stored")]
    Invalid {
        field: &'static str,
        reason: &'static str,
    },
    #[error("there is no such {0} here")]
    NotFound(&'static str),
    /// The person was erased: what was sealed for them cannot be opened by anybody.
    #[error("the person was erased, and their data with them")]
    Erased,
    #[error("too much to write at the moment; nothing was stored")]
    Overloaded,
    #[error("the database no longer takes writes; nothing was stored")]
    Closed,
    #[error("the database did not confirm; it may have been stored")]
    Unknown(#[source] DbError),
    #[error("the database does not answer")]
    Database(#[from] DbError),
    #[error("what is sealed could not be opened, or not be sealed")]
    Vault(#[from] VaultError),
    #[error("no id could be made; nothing was stored")]
    Entropy(#[from] EntropyError),
    #[error("the ledger did not open or fill a wallet")]
    Ledger(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the stored {0} cannot be read by this version")]
    Unreadable(&'static str),
}

impl From<WriteError<Self>> for IdentityError {
    fn from(error: WriteError<Self>) -> Self {
        match error {
            WriteError::Refused(refused) => refused,
            WriteError::Overloaded => Self::Overloaded,
            WriteError::Unknown(source) => Self::Unknown(source),
            WriteError::Closed => Self::Closed,
        }
    }
}
