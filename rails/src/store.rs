//! The facts in the database, and who changed them why. Saying what is said already changes
//! nothing, so an operator may repeat any of it.

use std::fmt;
use std::time::Duration;

use ambient::Timestamp;
use db::{Db, DbError, Row, Tx, WriteError, params};
use domain::rail::RailId;

use crate::{Facts, Limits, Pause, Seen, State};

/// A process that wrote nothing for so long has ended, and its breaker with it.
const FORGOTTEN: Duration = Duration::from_secs(20);
pub const LONGEST_REASON: usize = 500;
const LONGEST_ACTOR: usize = 100;
/// Rows of a list for people.
const LONGEST_LIST: u32 = 100;

#[derive(Debug, thiserror::Error)]
pub enum RailError {
    #[error("the rails' facts cannot be read or written now; nothing was changed")]
    Store(#[from] DbError),
    #[error("too much is being written at the moment; nothing was changed")]
    Overloaded,
    #[error("what is stored is not known for certain; look, and say it again if need be")]
    Unknown(#[source] DbError),
}

/// Who says it, as a person would be named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a person is named in 1 to {LONGEST_ACTOR} characters on one line")]
pub struct InvalidActor;

impl Actor {
    pub fn new(name: &str) -> Result<Self, InvalidActor> {
        let name = name.trim();
        let fits = (1..=LONGEST_ACTOR).contains(&name.chars().count());
        let plain = !name.chars().any(char::is_control);
        (fits && plain)
            .then(|| Self(name.to_owned()))
            .ok_or(InvalidActor)
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One line of a rail's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub what: String,
    pub by: String,
    pub reason: String,
    pub at: Timestamp,
}

/// Clones share the database.
#[derive(Clone, Debug)]
pub struct Rails {
    db: Db,
}

#[derive(Clone, Copy, Debug)]
enum Wish {
    Pause,
    Resume,
    Limit(Limits),
}

impl Rails {
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// Nothing that moves money is sent any more, within a second, anywhere.
    pub async fn pause(&self, rail: RailId, by: &Actor, why: &str) -> Result<Facts, RailError> {
        self.change(rail, Wish::Pause, by, why).await
    }

    /// The rate begins low and doubles up to the whole.
    pub async fn resume(&self, rail: RailId, by: &Actor, why: &str) -> Result<Facts, RailError> {
        self.change(rail, Wish::Resume, by, why).await
    }

    /// None is what the contract allows.
    pub async fn limit(
        &self,
        rail: RailId,
        limits: Limits,
        by: &Actor,
        why: &str,
    ) -> Result<Facts, RailError> {
        self.change(rail, Wish::Limit(limits), by, why).await
    }

    /// Of every rail this version knows, also of those nobody has said anything about.
    pub async fn facts(&self, now: Timestamp) -> Result<Vec<Facts>, RailError> {
        let rows = self
            .db
            .fetch_all(&format!("{SELECT} ORDER BY rail"), Vec::new())
            .await?;
        let breakers = "SELECT rail, process, state, since FROM rail_breakers
            WHERE seen_at >= $1 ORDER BY rail, process";
        let seen = self
            .db
            .fetch_all(breakers, params![now.before(FORGOTTEN)])
            .await?;
        let mut all = RailId::ALL.map(Facts::unsaid);
        for facts in &mut all {
            if let Some(row) = rows.iter().find(named_as(facts.rail)) {
                *facts = read(row, facts.rail)?;
            }
            facts.breakers = seen
                .iter()
                .filter(named_as(facts.rail))
                .map(breaker)
                .collect::<Result<_, _>>()?;
        }
        Ok(all.into())
    }

    /// The newest first.
    pub async fn changes(&self, rail: RailId, limit: u32) -> Result<Vec<Change>, RailError> {
        let sql = "SELECT change, actor, reason, at FROM rail_changes WHERE rail = $1
            ORDER BY version DESC LIMIT $2";
        let params = params![rail.name(), limit.min(LONGEST_LIST)];
        let rows = self.db.fetch_all(sql, params).await?;
        let read = |row: &Row| {
            Ok(Change {
                what: row.text("change")?,
                by: row.text("actor")?,
                reason: row.text("reason")?,
                at: row.timestamp("at")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// What a process says of its breaker. One that is closed is not worth a row.
    pub(crate) async fn seen(
        &self,
        rail: RailId,
        process: &str,
        state: State,
        since: Timestamp,
    ) -> Result<(), RailError> {
        let process = process.to_owned();
        let write = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let forgotten = tx.now().before(FORGOTTEN);
                tx.execute(
                    "DELETE FROM rail_breakers
                     WHERE rail = $1 AND (process = $2 OR seen_at < $3)",
                    params![rail.name(), &process, forgotten],
                )
                .await?;
                if state == State::Closed {
                    return Ok(());
                }
                tx.execute(
                    "INSERT INTO rail_breakers (rail, process, state, since, seen_at)
                     VALUES ($1, $2, $3, $4, $5)",
                    params![rail.name(), &process, state.name(), since, tx.now()],
                )
                .await?;
                Ok::<_, DbError>(())
            })
        });
        write.await.map_err(failed)
    }

    async fn change(
        &self,
        rail: RailId,
        wish: Wish,
        by: &Actor,
        why: &str,
    ) -> Result<Facts, RailError> {
        let (by, why) = (by.to_string(), plain(why));
        let write = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                tx.execute(
                    "INSERT INTO rails (rail, version) VALUES ($1, 0) ON CONFLICT (rail) DO NOTHING",
                    params![rail.name()],
                )
                .await?;
                let lock = tx.dialect().for_update();
                let row = tx
                    .fetch_optional(&format!("{SELECT} WHERE rail = $1{lock}"), params![rail.name()])
                    .await?
                    .ok_or_else(|| DbError::column("rail", "the row just made", "none"))?;
                let before = read(&row, rail)?;
                let Some((after, what)) = wish.fulfilled(&before, &by, &why, tx.now()) else {
                    return Ok(before);
                };
                let version = row.int("version")? + 1;
                store(tx, &after, version).await?;
                tx.execute(
                    "INSERT INTO rail_changes (rail, version, change, actor, reason, at)
                     VALUES ($1, $2, $3, $4, $5, $6)",
                    params![rail.name(), version, what, by, why, tx.now()],
                )
                .await?;
                Ok::<_, DbError>(after)
            })
        });
        write.await.map_err(failed)
    }
}

impl Wish {
    /// None where it is so already.
    fn fulfilled(
        self,
        before: &Facts,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Option<(Facts, String)> {
        let mut after = before.clone();
        let what = match self {
            Self::Pause => {
                after.paused = before.paused.clone().or_else(|| {
                    Some(Pause {
                        since: now,
                        by: by.to_owned(),
                        reason: why.to_owned(),
                    })
                });
                "paused".to_owned()
            }
            Self::Resume => {
                if after.paused.take().is_some() {
                    after.resumed_at = Some(now);
                }
                "resumed".to_owned()
            }
            Self::Limit(limits) => {
                after.limits = limits;
                said(limits)
            }
        };
        (after != *before).then_some((after, what))
    }
}

fn said(limits: Limits) -> String {
    let bound = |value: Option<u32>, unit: &str| match value {
        Some(value) => format!("{value} {unit}"),
        None => format!("what the contract allows {unit}"),
    };
    format!(
        "limited to {} and {}",
        bound(limits.per_second, "a second"),
        bound(limits.concurrent, "at the same time")
    )
}

async fn store(tx: &mut Tx, facts: &Facts, version: i64) -> Result<(), DbError> {
    let paused = facts.paused.as_ref();
    tx.execute(
        "UPDATE rails SET paused_since = $2, paused_by = $3, paused_reason = $4, resumed_at = $5,
             per_second = $6, concurrent = $7, version = $8
         WHERE rail = $1",
        params![
            facts.rail.name(),
            paused.map(|pause| pause.since),
            paused.map(|pause| pause.by.as_str()),
            paused.map(|pause| pause.reason.as_str()),
            facts.resumed_at,
            facts.limits.per_second.map(i64::from),
            facts.limits.concurrent.map(i64::from),
            version
        ],
    )
    .await?;
    Ok(())
}

const SELECT: &str = "SELECT rail, paused_since, paused_by, paused_reason, resumed_at, per_second,
        concurrent, version FROM rails";

fn read(row: &Row, rail: RailId) -> Result<Facts, DbError> {
    let limit = |column: &str| -> Result<Option<u32>, DbError> {
        let number = row.opt_int(column)?;
        let fits = number.map(u32::try_from).transpose();
        fits.map_err(|_| DbError::column(column, "a limit", "a number out of range"))
    };
    let paused = match row.opt_timestamp("paused_since")? {
        Some(since) => Some(Pause {
            since,
            by: row.text("paused_by")?,
            reason: row.text("paused_reason")?,
        }),
        None => None,
    };
    Ok(Facts {
        rail,
        paused,
        resumed_at: row.opt_timestamp("resumed_at")?,
        limits: Limits {
            per_second: limit("per_second")?,
            concurrent: limit("concurrent")?,
        },
        breakers: Vec::new(),
    })
}

fn named_as(rail: RailId) -> impl Fn(&&Row) -> bool {
    move |row| row.text("rail").is_ok_and(|named| named == rail.name())
}

fn breaker(row: &Row) -> Result<Seen, DbError> {
    Ok(Seen {
        process: row.text("process")?,
        state: row.parse("state")?,
        since: row.timestamp("since")?,
    })
}

fn plain(text: &str) -> String {
    let fit = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().take(LONGEST_REASON).map(fit).collect()
}

fn failed(error: WriteError<DbError>) -> RailError {
    match error {
        WriteError::Overloaded => RailError::Overloaded,
        WriteError::Unknown(error) => RailError::Unknown(error),
        WriteError::Refused(error) => RailError::Store(error),
        WriteError::Closed => RailError::Store(DbError::Unavailable(None)),
    }
}
