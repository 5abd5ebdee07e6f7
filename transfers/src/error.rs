//! What can go wrong, sorted by what a caller may do about it.

use std::fmt;

use ambient::EntropyError;
use db::{DbError, WriteError};
use domain::StepKey;
use domain::transfer::{Decline, NotNow, Status};
use identity::IdentityError;
use ledger::Refusal;
use vault::VaultError;

/// The machinery around a record failed; nothing is said about the transfer itself.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("too much to write at the moment; nothing was stored, try again")]
    Overloaded,
    #[error("the database no longer takes writes; nothing was stored, restart when it is repaired")]
    Closed,
    #[error("somebody else changed the row first; nothing was stored, try again")]
    Overtaken,
    #[error("the database did not confirm; it may have been stored, repeat the same call to learn")]
    Unknown(#[source] DbError),
    #[error("the database does not answer; nothing of this call was stored")]
    Database(#[from] DbError),
    #[error("who owns an account could not be found out; nothing was stored")]
    Identity(#[from] IdentityError),
    #[error("what is sealed could not be opened, or not be sealed; nothing was stored")]
    Vault(#[from] VaultError),
    #[error("no id could be made; nothing was stored")]
    Entropy(#[from] EntropyError),
    #[error("a stored text cannot be read by this version")]
    Unreadable(#[from] serde_json::Error),
}

/// A field of a request that cannot be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer into the request's body.
    pub pointer: String,
    /// For machines.
    pub code: &'static str,
    /// For people.
    pub detail: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pointer, self.detail)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// Never empty. Nothing was stored, and the key is still free.
    #[error("the transfer cannot be accepted: {}; nothing was stored", list(.0))]
    Invalid(Vec<FieldError>),
    #[error(
        "the idempotency key belongs to another transfer: {pointer} differs; nothing was stored"
    )]
    KeyReused { pointer: String },
    #[error("the transfer was not accepted")]
    Store(#[from] StoreError),
}

#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("there is no such transfer here")]
    NoSuchTransfer,
    #[error("out of turn; nothing was written")]
    NotNow(#[from] NotNow),
    #[error("what follows the transfer is out of turn; nothing was written")]
    LinkedNotNow(#[from] domain::linked::NotNow),
    #[error("the books refuse: {0}; nothing was written")]
    Refused(Decline),
    #[error(
        "{cause} was recorded before with another {field}; nothing was written, a person must look"
    )]
    Conflict { cause: &'static str, field: String },
    /// The entry itself is wrong: our fault, never the customer's. Nothing was written.
    #[error("the books cannot take this; nothing was written, a person must look")]
    Books(#[source] Refusal),
    #[error("nothing was recorded")]
    Store(#[from] StoreError),
}

#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    #[error("there is no such transfer or attempt here; nothing may be sent")]
    NoSuchAttempt,
    /// The transfer is not where this step belongs: a late caller, whose step is over.
    #[error("a transfer that is {status} sends nothing for {key}; nothing may be sent")]
    NotNow { status: Status, key: StepKey },
    /// One of its other rounds may have arrived, or follows this one: sending it could pay twice.
    #[error("{other} is not over or came after {key}; nothing may be sent")]
    OtherRound { key: StepKey, other: StepKey },
    #[error("the attempt could not be recorded; nothing may be sent")]
    Store(#[from] StoreError),
}

impl From<WriteError<Self>> for StoreError {
    fn from(error: WriteError<Self>) -> Self {
        match error {
            WriteError::Refused(refused) => refused,
            WriteError::Overloaded => Self::Overloaded,
            WriteError::Unknown(source) => Self::Unknown(source),
            WriteError::Closed => Self::Closed,
        }
    }
}

macro_rules! from_db {
    ($($name:ident),*) => {$(
        impl From<DbError> for $name {
            fn from(error: DbError) -> Self {
                Self::Store(error.into())
            }
        }

        impl From<EntropyError> for $name {
            fn from(error: EntropyError) -> Self {
                Self::Store(error.into())
            }
        }

        impl From<WriteError<Self>> for $name {
            fn from(error: WriteError<Self>) -> Self {
                match error {
                    WriteError::Refused(refused) => refused,
                    WriteError::Overloaded => StoreError::Overloaded.into(),
                    WriteError::Unknown(source) => StoreError::Unknown(source).into(),
                    WriteError::Closed => StoreError::Closed.into(),
                }
            }
        }
    )*};
}

from_db!(AcceptError, RecordError, AttemptError);

fn list(errors: &[FieldError]) -> String {
    let lines: Vec<_> = errors.iter().map(FieldError::to_string).collect();
    lines.join(", ")
}
