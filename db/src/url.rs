//! Where the data lives: a SQLite file or a PostgreSQL server. Printing one never shows a password.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::Dialect;

#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file; its directory must exist.
    Sqlite(PathBuf),
    /// The whole URL, password included.
    Postgres(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a database address: write sqlite://PATH or postgres://USER@HOST/DATABASE")]
pub struct InvalidUrl;

impl DatabaseUrl {
    pub const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidUrl)?;
        match scheme {
            _ if rest.is_empty() => Err(InvalidUrl),
            // Data in memory only would lose every acknowledged transfer.
            "sqlite" if rest == ":memory:" => Err(InvalidUrl),
            "sqlite" => Ok(Self::Sqlite(PathBuf::from(rest))),
            "postgres" | "postgresql" => Ok(Self::Postgres(text.to_owned())),
            _ => Err(InvalidUrl),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url) => f.write_str(&without_password(url)),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Keeps the user and the place. What follows a `?` may hold a password too, so it goes as well.
fn without_password(url: &str) -> String {
    let url = url.split('?').next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else {
        return String::new();
    };
    let authority = &rest[..rest.find('/').unwrap_or(rest.len())];
    // A password may contain '@': the last one ends it.
    let Some(end) = authority.rfind('@') else {
        return url.to_owned();
    };
    let user = authority[..end].split(':').next().unwrap_or_default();
    let shown = if authority[..end].contains(':') {
        format!("{user}:…")
    } else {
        user.to_owned()
    };
    format!("{scheme}://{shown}{}", &rest[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_kinds_and_refuses_the_rest() {
        assert_eq!(
            "sqlite:///var/remit.db".parse(),
            Ok(DatabaseUrl::Sqlite("/var/remit.db".into()))
        );
        assert!(matches!(
            "postgresql://host/db".parse(),
            Ok(DatabaseUrl::Postgres(_))
        ));
        for text in [
            "",
            "remit.db",
            "sqlite:",
            "sqlite://",
            "sqlite://:memory:",
            "mysql://host/db",
            "postgres://",
        ] {
            assert_eq!(text.parse::<DatabaseUrl>(), Err(InvalidUrl), "{text}");
        }
    }

    #[test]
    fn never_shows_a_password() {
        for (url, shown) in [
            ("postgres://host/db", "postgres://host/db"),
            ("postgres://ann@host:5432/db", "postgres://ann@host:5432/db"),
            ("postgres://ann:s3cret@host/db", "postgres://ann:…@host/db"),
            ("postgres://ann:s3@cret@host/db", "postgres://ann:…@host/db"),
            ("postgres://host/db?password=s3cret", "postgres://host/db"),
        ] {
            let url: DatabaseUrl = url.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
        }
    }
}
