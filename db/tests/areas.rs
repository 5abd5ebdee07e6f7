//! What an area holds back, and who sees it; what jobs say beforehand; and SQLite's log, moved beside
//! the writer.
#![allow(clippy::unwrap_used)]

mod both;

use std::collections::BTreeSet;
use std::process::ExitCode;

use ambient::Timestamp;
use anyhow::{Context, Result, ensure};
use both::{BOUND, Gate, Store, each, numbers, with_table};
use db::{
    Area, Db, DbError, Declared, Dialect, Row, Statement, Step, Tx, Value, Whose, WriteError,
    params,
};
use futures_util::future::{join_all, poll_immediate};
use testkit::{eventually, trial};

fn main() -> ExitCode {
    let mut trials = Vec::new();
    trials.extend(each("a_statement_sees_what_is_held_back", seen));
    trials.extend(each("what_many_need_is_fetched_together", together));
    trials.push(trial("sqlite::the_log_is_moved_beside_the_writer", moved));
    testkit::main(trials)
}

/// Numbers that are added in memory, and which of those asked for are in the table.
#[derive(Debug, Default)]
struct Numbers {
    added: Vec<i64>,
    kept: usize,
    written: usize,
    wanted: BTreeSet<i64>,
    asked: Vec<i64>,
    known: BTreeSet<i64>,
    questions: usize,
}

impl Numbers {
    fn need(&mut self, number: i64) {
        if !self.known.contains(&number) {
            self.wanted.insert(number);
        }
    }

    fn steps(&mut self, until: usize) -> Vec<Step> {
        let some = self.added[self.written..until].iter().map(|number| {
            Step::One(Statement {
                sql: "INSERT INTO numbers (n) VALUES ($1)".into(),
                params: params![*number],
                rows: Some(1),
            })
        });
        let steps = some.collect();
        self.written = until;
        steps
    }
}

impl Area for Numbers {
    fn begin(&mut self, _now: Timestamp, _dialect: Dialect) {
        *self = Self::default();
    }

    fn wants(&mut self) -> Result<Option<Statement>, DbError> {
        self.asked = std::mem::take(&mut self.wanted).into_iter().collect();
        Ok((!self.asked.is_empty()).then(|| Statement {
            sql: "SELECT n FROM numbers".into(),
            params: Vec::<Value>::new(),
            rows: None,
        }))
    }

    fn learn(&mut self, _rows: &[Row]) -> Result<(), DbError> {
        self.questions += 1;
        self.known.extend(std::mem::take(&mut self.asked));
        Ok(())
    }

    fn keep(&mut self) {
        self.kept = self.added.len();
    }

    fn undo(&mut self) {
        self.added.truncate(self.kept);
        self.written = self.written.min(self.kept);
    }

    fn overdue(&mut self, whose: Whose) -> Result<Vec<Step>, DbError> {
        let until = match whose {
            Whose::Kept => self.kept,
            Whose::All => self.added.len(),
        };
        Ok(self.steps(until.max(self.written)))
    }

    fn flush(&mut self) -> Result<Vec<Step>, DbError> {
        Ok(self.steps(self.added.len()))
    }
}

/// Adds numbers in memory, looks at the table if it is to, and wants to be kept or not.
async fn job(db: &Db, add: &[i64], looks: bool, wanted: bool) -> Result<Vec<i64>, Vec<i64>> {
    let add = add.to_vec();
    let said = db.write(move |tx: &mut Tx| {
        Box::pin(async move {
            tx.area::<Numbers>().added.extend(add);
            let mut there = Vec::new();
            if looks {
                let sql = "SELECT n FROM numbers ORDER BY n";
                for row in tx.fetch_all(sql, params![]).await? {
                    there.push(row.int("n")?);
                }
            }
            if wanted {
                Ok(there)
            } else {
                Err(Said::No(there))
            }
        })
    });
    match said.await {
        Ok(there) => Ok(there),
        Err(WriteError::Refused(Said::No(there))) => Err(there),
        Err(error) => panic!("{error:?}"),
    }
}

#[derive(Debug)]
enum Said {
    No(Vec<i64>),
    Failed(#[allow(dead_code)] DbError),
}

impl From<DbError> for Said {
    fn from(error: DbError) -> Self {
        Self::Failed(error)
    }
}

/// Five jobs of one transaction: each finds what those before it added and were kept with, and what
/// it added itself; what a job wrote by its look is gone with it.
async fn seen(store: Store) -> Result<()> {
    let db = with_table(&store, Store::options()).await?;
    let gate = Gate::hold(&db).await?;
    let before = db.commits();
    let mut jobs = [
        Box::pin(job(&db, &[1], false, true)),
        Box::pin(job(&db, &[2], true, false)),
        Box::pin(job(&db, &[3], false, false)),
        Box::pin(job(&db, &[4, 5], true, true)),
        Box::pin(job(&db, &[6], false, true)),
    ];
    for job in &mut jobs {
        ensure!(poll_immediate(job).await.is_none());
    }
    gate.open().await?;
    let said = join_all(jobs).await;
    let expected = [
        Ok(vec![]),
        Err(vec![1, 2]),
        Err(vec![]),
        Ok(vec![1, 4, 5]),
        Ok(vec![]),
    ];
    ensure!(said == expected, "{said:?}");
    ensure!(
        db.commits() == before + 2,
        "{} commits",
        db.commits() - before
    );
    ensure!(numbers(&db).await? == [1, 4, 5, 6]);
    Ok(())
}

/// Ten jobs that each know their second need only once they know their first: two questions.
async fn together(store: Store) -> Result<()> {
    let db = with_table(&store, Store::options()).await?;
    let gate = Gate::hold(&db).await?;
    let mut jobs: Vec<_> = (0..10)
        .map(|number| {
            let declare = move |tx: &mut Tx| {
                let numbers = tx.area::<Numbers>();
                numbers.need(number);
                if !numbers.known.contains(&number) {
                    return Declared::More;
                }
                numbers.need(number + 100);
                Declared::All
            };
            Box::pin(db.write_declared(declare, move |tx: &mut Tx| {
                Box::pin(async move {
                    tx.area::<Numbers>().need(number + 100);
                    tx.settle().await?;
                    Ok::<_, DbError>(tx.area::<Numbers>().questions)
                })
            }))
        })
        .collect();
    for job in &mut jobs {
        ensure!(poll_immediate(job).await.is_none());
    }
    gate.open().await?;
    for said in join_all(jobs).await {
        ensure!(said? == 2);
    }
    Ok(())
}

/// The writer would do so itself only once the log is 256 MiB long.
async fn moved() -> Result<()> {
    const ROWS: i64 = 1_000;
    let store = Store::sqlite()?;
    let db = with_table(&store, Store::options()).await?;
    let file = store
        .dir
        .as_ref()
        .context("no directory")?
        .path()
        .join("remit.db");
    let size = || std::fs::metadata(&file).map(|file| file.len());
    let before = size()?;
    for number in 0..ROWS {
        let note = "x".repeat(4_000);
        let write = db.write(move |tx| {
            Box::pin(async move {
                let sql = "INSERT INTO numbers (n, note) VALUES ($1, $2)";
                tx.execute(sql, params![number, note]).await
            })
        });
        write.await.map_err(|error: WriteError<DbError>| error)?;
    }
    eventually(BOUND, async || {
        let grown = size().ok()? - before;
        (grown > 100 * 4_096).then_some(())
    })
    .await
    .context("nothing was moved")?;
    // Both the log and the database are whole to whoever comes next.
    ensure!(numbers(&db).await?.len() == usize::try_from(ROWS)?);
    db.close().await;
    let again = store.open().await?;
    ensure!(numbers(&again).await?.len() == usize::try_from(ROWS)?);
    Ok(())
}
