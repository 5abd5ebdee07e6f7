//! The few places where the two databases differ. Everything else is one SQL text.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// Ends a SELECT whose rows the same transaction is about to change. SQLite needs no row
    /// locks: its one write transaction holds the whole database.
    pub const fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// Like [`Self::for_update`], for rows that must only stay as they are until the commit.
    pub const fn for_share(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR SHARE",
        }
    }

    /// Like [`Self::for_update`], passing over rows that another process has locked.
    pub const fn for_update_of_free(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Whether what stands before it is among the texts of a [`Value::List`](crate::Value::List).
    /// One statement for lists of any length, so it is prepared once.
    pub fn one_of(self, parameter: &str) -> String {
        match self {
            Self::Sqlite => format!("IN (SELECT value FROM json_each({parameter}))"),
            Self::Postgres => format!("= ANY({parameter}::text[])"),
        }
    }

    /// The texts of a [`Value::List`](crate::Value::List) as rows to select from, in the column `value`.
    pub fn each_of(self, parameter: &str, name: &str) -> String {
        match self {
            Self::Sqlite => format!("json_each({parameter}) AS {name}"),
            Self::Postgres => format!("unnest({parameter}::text[]) AS {name}(value)"),
        }
    }

    /// Opens the one physical transaction of a batch. On SQLite the write lock is taken at once:
    /// a transaction that reads first and wants to write later can be refused half-way.
    pub(crate) const fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            // Whatever the server's default is: jobs lock the rows they decide on, and must see
            // what was committed while they waited for a lock.
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }

    /// Opens a transaction that sees one state of the database from beginning to end.
    pub(crate) const fn begin_snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}
