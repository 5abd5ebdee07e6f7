//! What can go wrong with storage, sorted by what a caller may conclude from it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use sqlx::error::ErrorKind;

/// The kinds of rules that the schema itself keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    Unique,
    ForeignKey,
    NotNull,
    Check,
}

/// A statement failed. Inside a write this always undoes the whole job, never a part of it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DbError {
    #[error(
        "the database refused a row that would break its rule {rule}; the statement changed nothing"
    )]
    Constraint {
        kind: Violation,
        rule: String,
        source: Arc<sqlx::Error>,
    },
    #[error(
        "another transaction was in the way; nothing was changed, the same call may be repeated"
    )]
    /// Without a source: the rows were changed by another process after they had been read.
    Conflict(#[source] Option<Arc<sqlx::Error>>),
    #[error(
        "the database does not answer; nothing of this call is kept, try again when it is back"
    )]
    Unavailable(#[source] Option<Arc<sqlx::Error>>),
    #[error(
        "the database refused a statement; nothing of this call is kept, the program or the schema is at fault"
    )]
    Statement(#[source] Arc<sqlx::Error>),
    #[error("a statement names {wanted} parameters and was given {given}; nothing was executed")]
    Parameters { wanted: usize, given: usize },
    #[error(
        "column {column} holds {found} where {wanted} was expected; the row is damaged or the program and the schema do not fit together"
    )]
    Column {
        column: String,
        wanted: &'static str,
        found: &'static str,
    },
    #[error("a job of the writer panicked; nothing of it is kept, the log says where")]
    Panicked,
}

impl DbError {
    /// For rooms that read a column into a type of their own and find that it does not fit.
    pub fn column(column: &str, wanted: &'static str, found: &'static str) -> Self {
        Self::Column {
            column: column.to_owned(),
            wanted,
            found,
        }
    }

    /// Whether the whole transaction is lost, so that even the jobs before this one must run again.
    pub(crate) const fn ends_the_transaction(&self) -> bool {
        matches!(self, Self::Conflict(_) | Self::Unavailable(_))
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(refusal) = &error else {
            return match error {
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed => Self::Unavailable(Some(Arc::new(error))),
                other => Self::Statement(Arc::new(other)),
            };
        };
        let kind = match refusal.kind() {
            ErrorKind::UniqueViolation => Some(Violation::Unique),
            ErrorKind::ForeignKeyViolation => Some(Violation::ForeignKey),
            ErrorKind::NotNullViolation => Some(Violation::NotNull),
            ErrorKind::CheckViolation => Some(Violation::Check),
            _ => None,
        };
        // SQLite has no names for its rules: its message names the columns instead.
        let rule = refusal
            .constraint()
            .unwrap_or_else(|| refusal.message())
            .to_owned();
        let class = Class::of(refusal.code().as_deref().unwrap_or_default());
        let source = Arc::new(error);
        match (kind, class) {
            (Some(kind), _) => Self::Constraint { kind, rule, source },
            (None, Class::Conflict) => Self::Conflict(Some(source)),
            (None, Class::Unavailable) => Self::Unavailable(Some(source)),
            (None, Class::Other) => Self::Statement(source),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Conflict,
    Unavailable,
    Other,
}

impl Class {
    /// SQLSTATEs have five characters, SQLite's extended result codes are decimal numbers with the
    /// primary code in their lowest byte.
    fn of(code: &str) -> Self {
        if code.len() == 5 {
            return match code {
                // Serialization failure, deadlock, a lock that did not come in time.
                "40001" | "40P01" | "55P03" => Self::Conflict,
                // The server is going down, is coming up, has no room, or cut a statement short.
                "57P01" | "57P02" | "57P03" | "57014" => Self::Unavailable,
                _ if code.starts_with("08") || code.starts_with("53") => Self::Unavailable,
                _ => Self::Other,
            };
        }
        match code.parse::<u32>().map(|code| code & 0xFF) {
            // Busy, locked.
            Ok(5 | 6) => Self::Conflict,
            // Out of memory, input or output failed, disk full, file cannot be opened.
            Ok(7 | 10 | 13 | 14) => Self::Unavailable,
            _ => Self::Other,
        }
    }
}

/// What became of a write.
#[derive(Debug)]
pub enum WriteError<E> {
    /// The job said no. It was rolled back, alone.
    Refused(E),
    /// The queue is full. Nothing was executed.
    Overloaded,
    /// The commit was answered with an error, or never: the write may or may not have happened.
    Unknown(DbError),
    /// The writer has stopped. Nothing was executed.
    Closed,
}

impl<E> fmt::Display for WriteError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused(_) => "the write was refused; nothing was changed",
            Self::Overloaded => "too many writes are waiting; nothing was changed, try again later",
            Self::Unknown(_) => {
                "the commit was not confirmed; the write may have happened, repeat it with the same key to find out"
            }
            Self::Closed => {
                "the writer has stopped; nothing was changed, the program must be started again"
            }
        })
    }
}

impl<E: std::error::Error + 'static> std::error::Error for WriteError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(why) => Some(why),
            Self::Unknown(why) => Some(why),
            Self::Overloaded | Self::Closed => None,
        }
    }
}

/// Why a database could not be opened. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the directory {} does not exist; create it or choose another place", .0.display())]
    NoDirectory(PathBuf),
    #[error("this program carries SQLite {found}, which can lose writes; it needs at least 3.51.3")]
    SqliteTooOld { found: String },
    #[error(
        "the database was written by a newer version (schema {found}, this program knows {supported}); use the newer program"
    )]
    Newer { found: u32, supported: u32 },
    /// Only for whoever looks without writing: everybody else migrates.
    #[error(
        "the database has the schema of an older version ({found}, this program needs {needed}); start this program on it once, which migrates it"
    )]
    Older { found: u32, needed: u32 },
    #[error(
        "migration {version} ({name}) was changed after it had been applied; restore the original text"
    )]
    Changed { version: u32, name: String },
    #[error("migration {version} ({name}) failed and was rolled back")]
    Migration {
        version: u32,
        name: String,
        source: DbError,
    },
    #[error("the database at {url} cannot be opened")]
    Unreachable { url: String, source: DbError },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_are_sorted_by_what_follows_from_them() {
        for (code, class) in [
            ("40001", Class::Conflict),
            ("40P01", Class::Conflict),
            ("5", Class::Conflict),
            ("517", Class::Conflict),
            ("08006", Class::Unavailable),
            ("53300", Class::Unavailable),
            ("57P01", Class::Unavailable),
            ("1034", Class::Unavailable),
            ("13", Class::Unavailable),
            ("42601", Class::Other),
            ("1", Class::Other),
            ("", Class::Other),
        ] {
            assert_eq!(Class::of(code), class, "{code}");
        }
    }
}
