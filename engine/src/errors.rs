//! What can go wrong with an engine as a whole, and what to do about it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::store::StoreError;
use crate::store::lock::LockError;
use crate::store::sqlite::{Newer, SqliteOpenError};

#[derive(Debug, Error)]
pub enum OpenError {
    #[error(
        "{} is in use by another process; stop that one, or use another data directory. Nothing was changed",
        .0.display()
    )]
    Locked(PathBuf),
    #[error(
        "the engine's store has version {found}, this program knows versions up to {supported}; use a program at least as new as the store. Nothing was changed"
    )]
    Newer { found: i64, supported: i64 },
    #[error("{} is damaged; restore it from a backup", .path.display())]
    Corrupt {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the engine has as many namespaces as it accepts; ask for fewer")]
    TooManyNamespaces,
    #[error("this program was built with an SQLite that may lose data; build it with a newer one")]
    UnsafeSqlite,
    #[error(
        "the engine's store cannot be opened; check that its directory exists and is writable, and that its disk has room"
    )]
    Io(#[source] std::io::Error),
}

impl OpenError {
    pub(crate) fn of_lock(error: LockError, path: &Path) -> Self {
        match error {
            LockError::Taken => Self::Locked(path.to_owned()),
            LockError::Io(source) => Self::Io(source),
        }
    }

    pub(crate) fn of_store(error: SqliteOpenError, path: &Path) -> Self {
        match error {
            SqliteOpenError::Newer(Newer { found, supported }) => Self::Newer { found, supported },
            SqliteOpenError::UnsafeSqlite { .. } => Self::UnsafeSqlite,
            SqliteOpenError::Store(StoreError::Sqlite(source)) if !is_damage(&source) => {
                Self::Io(std::io::Error::other(source))
            }
            SqliteOpenError::Store(source) => Self::Corrupt {
                path: path.to_owned(),
                source: Box::new(source),
            },
        }
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(
        error.sqlite_error_code(),
        Some(DatabaseCorrupt | NotADatabase)
    )
}

/// A client could not be made. Without a network between, only a wrong namespace is likely.
#[cfg(feature = "client")]
#[derive(Debug, Error)]
pub enum ConnectError {
    #[error("the engine's own address cannot be read")]
    Address,
    #[error("the SDK's client could not be connected to the engine")]
    Sdk(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[derive(Debug, Error)]
pub enum ServeError {
    #[error(
        "{address} can be reached from other machines, and the engine does not listen there without {lacks}; give it a certificate and keys, or listen on 127.0.0.1"
    )]
    Unprotected {
        address: SocketAddr,
        lacks: &'static str,
    },
    #[error(
        "the certificate, its key or the clients' authorities cannot be used; give PEM files that belong together"
    )]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the listener has no address")]
    Address(#[source] std::io::Error),
    #[error("the engine's TCP door failed; in-process calls go on")]
    Transport(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The store failed: nothing more is accepted.
#[derive(Debug, Error)]
#[error(
    "the engine's store failed ({0}). Everything acknowledged is on disk, nothing else was promised; free space or repair the disk, then start again"
)]
pub struct FatalError(pub(crate) String);
