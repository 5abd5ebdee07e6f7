//! The writer's promises, on both databases: alone where it must be, together where it
//! can be, bounded, and on disk before it answers.
#![allow(clippy::unwrap_used)]

mod both;

use std::process::ExitCode;
use std::sync::Arc;

use ambient::{ManualClock, Timestamp};
use anyhow::{Result, ensure};
use both::{BOUND, Gate, Store, each, insert, numbers, tx_execute, with_table};
use db::{DbError, Dialect, Options, WriteError, params};
use futures_util::future::{join, join_all, poll_immediate};
use testkit::eventually;

fn main() -> ExitCode {
    let mut trials = Vec::new();
    trials.extend(each("values_come_back_as_they_went_in", values));
    trials.extend(each(
        "commits_are_on_disk_before_they_are_answered",
        durable,
    ));
    trials.extend(each("what_waits_together_commits_together", grouped));
    trials.extend(each("a_refused_job_is_rolled_back_alone", refused_alone));
    trials.extend(each("an_overlooked_error_undoes_its_job", overlooked));
    trials.extend(each("a_panic_does_not_stop_the_writer", panics));
    trials.extend(each(
        "a_caller_that_goes_away_takes_nothing_back",
        dropped_caller,
    ));
    trials.extend(each("a_full_queue_executes_nothing", overloaded));
    trials.extend(each("time_never_goes_back", time));
    trials.extend(each("closing_writes_what_waits", closing));
    trials.extend(each("readers_cannot_write", readers));
    trials.extend(each("a_snapshot_does_not_move", snapshot));
    testkit::main(trials)
}

async fn values(store: Store) -> Result<()> {
    let db = store.open().await?;
    db.write(|tx| {
        Box::pin(tx_execute(
            tx,
            "CREATE TABLE things (i BIGINT, t TEXT, b BIGINT)",
        ))
    })
    .await?;
    // The same statement with a value and without one: a NULL fits a column of any type.
    for (i, t) in [
        (None, None),
        (Some(i64::MIN), Some("ß ' \" \\ 漢")),
        (None, Some("")),
    ] {
        db.write(move |tx| {
            Box::pin(async move {
                let row = tx
                    .fetch_optional(
                        "INSERT INTO things (i, t, b) VALUES ($1, $2, $3) RETURNING i, t, b = 1 AS b",
                        params![i, t, true],
                    )
                    .await?
                    .ok_or(DbError::Panicked)?;
                assert_eq!(row.opt_int("i")?, i);
                assert_eq!(row.opt_text("t")?.as_deref(), t);
                assert!(row.bool("b")?);
                Ok::<_, DbError>(())
            })
        })
        .await?;
    }
    let missing = db
        .fetch_all("SELECT $1 AS a, $2 AS b", params![1_i64])
        .await;
    ensure!(
        matches!(
            missing,
            Err(DbError::Parameters {
                wanted: 2,
                given: 1
            })
        ),
        "{missing:?}"
    );
    Ok(())
}

async fn durable(store: Store) -> Result<()> {
    let db = store.open().await?;
    let settings: &[(&str, &str)] = match db.dialect() {
        Dialect::Sqlite => &[
            (
                "SELECT CAST(synchronous AS TEXT) AS found FROM pragma_synchronous",
                "2",
            ),
            (
                "SELECT journal_mode AS found FROM pragma_journal_mode",
                "wal",
            ),
            (
                "SELECT CAST(foreign_keys AS TEXT) AS found FROM pragma_foreign_keys",
                "1",
            ),
        ],
        Dialect::Postgres => &[(
            "SELECT current_setting('synchronous_commit') AS found",
            "on",
        )],
    };
    for (question, wanted) in settings {
        let found = db
            .write(move |tx| {
                Box::pin(async move {
                    let row = tx.fetch_optional(question, params![]).await?;
                    row.map_or(Ok(String::new()), |row| row.text("found"))
                })
            })
            .await
            .map_err(|error: WriteError<DbError>| error)?;
        ensure!(found == *wanted, "{question}: {found}");
    }
    Ok(())
}

async fn grouped(store: Store) -> Result<()> {
    let db = with_table(&store, Store::options()).await?;
    let gate = Gate::hold(&db).await?;
    let before = db.commits();
    let mut waiting = Box::pin(join_all((0..100).map(|n| insert(&db, n))));
    ensure!(
        poll_immediate(&mut waiting).await.is_none(),
        "answered before the commit"
    );
    gate.open().await?;
    for answer in waiting.await {
        answer?;
    }
    // One for the gate, one for the hundred behind it.
    ensure!(
        db.commits() - before == 2,
        "{} commits",
        db.commits() - before
    );
    ensure!(numbers(&db).await?.len() == 100);
    Ok(())
}

async fn refused_alone(store: Store) -> Result<()> {
    let db = with_table(&store, Store::options()).await?;
    let gate = Gate::hold(&db).await?;
    let says_no = db.write(|tx| {
        Box::pin(async move {
            tx_execute(tx, "INSERT INTO numbers (n) VALUES (2)").await?;
            Err::<(), _>(No)
        })
    });
    let both =
        Box::pin(async { tokio::join!(insert(&db, 1), says_no, insert(&db, 1), insert(&db, 3)) });
    let answers = join(both, gate.open()).await;
    let ((first, refused, again, last), gate) = answers;
    gate?;
    ensure!(first.is_ok() && last.is_ok());
    ensure!(
        matches!(refused, Err(WriteError::Refused(No))),
        "{refused:?}"
    );
    ensure!(
        matches!(
            again,
            Err(WriteError::Refused(DbError::Constraint {
                kind: db::Violation::Unique,
                ..
            }))
        ),
        "{again:?}"
    );
    ensure!(numbers(&db).await? == [1, 3]);
    Ok(())
}

#[derive(Debug)]
struct No;

impl From<DbError> for No {
    fn from(_: DbError) -> Self {
        Self
    }
}

async fn overlooked(store: Store) -> Result<()> {
    let db = with_table(&store, Store::options()).await?;
    insert(&db, 1).await?;
    let answer: Result<(), WriteError<DbError>> = db
        .write(|tx| {
            Box::pin(async move {
                tx_execute(tx, "INSERT INTO numbers (n) VALUES (2)").await?;
                let overlooked = tx_execute(tx, "INSERT INTO numbers (n) VALUES (1)").await;
                assert!(overlooked.is_err());
                Ok(())
            })
        })
        .await;
    ensure!(
        matches!(answer, Err(WriteError::Refused(DbError::Constraint { .. }))),
        "{answer:?}"
    );
    ensure!(numbers(&db).await? == [1]);
    Ok(())
}

async fn panics(store: Store) -> Result<()> {
    let db = with_table(&store, Store::options()).await?;
    let answer: Result<(), WriteError<DbError>> = db
        .write(|tx| {
            Box::pin(async move {
                tx_execute(tx, "INSERT INTO numbers (n) VALUES (1)").await?;
                panic!("a job with a fault")
            })
        })
        .await;
    ensure!(
        matches!(answer, Err(WriteError::Refused(DbError::Panicked))),
        "{answer:?}"
    );
    insert(&db, 2).await?;
    ensure!(numbers(&db).await? == [2]);
    Ok(())
}

async fn dropped_caller(store: Store) -> Result<()> {
    let db = with_table(&store, Store::options()).await?;
    let gate = Gate::hold(&db).await?;
    ensure!(poll_immediate(Box::pin(insert(&db, 1))).await.is_none());
    gate.open().await?;
    eventually(BOUND, async || {
        numbers(&db).await.ok().filter(|found| *found == [1])
    })
    .await?;
    // And the writer's transaction is not left open by it.
    insert(&db, 2).await?;
    Ok(())
}

async fn overloaded(store: Store) -> Result<()> {
    let mut options = Store::options();
    options.queue = 2;
    let db = with_table(&store, options).await?;
    let gate = Gate::hold(&db).await?;
    let mut waiting = Box::pin(join(insert(&db, 1), insert(&db, 2)));
    ensure!(poll_immediate(&mut waiting).await.is_none());
    let answer = insert(&db, 3).await;
    ensure!(matches!(answer, Err(WriteError::Overloaded)), "{answer:?}");
    gate.open().await?;
    let (first, second) = waiting.await;
    ensure!(first.is_ok() && second.is_ok());
    ensure!(numbers(&db).await? == [1, 2]);
    Ok(())
}

async fn time(store: Store) -> Result<()> {
    let clock = ManualClock::at(Timestamp::from_seconds(1_000));
    let db = store
        .open_with(Options::new(Arc::new(clock.clone())))
        .await?;
    let now = async || {
        db.write(|tx| Box::pin(async move { Ok::<_, DbError>(tx.now()) }))
            .await
    };
    ensure!(now().await? == Timestamp::from_seconds(1_000));
    clock.set(Timestamp::from_seconds(1));
    ensure!(now().await? == Timestamp::from_seconds(1_000));
    clock.set(Timestamp::from_seconds(2_000));
    ensure!(now().await? == Timestamp::from_seconds(2_000));
    Ok(())
}

async fn closing(store: Store) -> Result<()> {
    let db = with_table(&store, Store::options()).await?;
    let gate = Gate::hold(&db).await?;
    let mut waiting = Box::pin(insert(&db, 1));
    ensure!(poll_immediate(&mut waiting).await.is_none());
    let (closed, held) = join(db.clone().close(), gate.open()).await;
    held?;
    let () = closed;
    waiting.await?;
    let late = insert(&db, 2).await;
    ensure!(matches!(late, Err(WriteError::Closed)), "{late:?}");
    ensure!(numbers(&store.open().await?).await? == [1]);
    Ok(())
}

async fn readers(store: Store) -> Result<()> {
    let db = with_table(&store, Store::options()).await?;
    let answer = db
        .fetch_all("INSERT INTO numbers (n) VALUES (1) RETURNING n", params![])
        .await;
    ensure!(answer.is_err(), "{answer:?}");
    ensure!(numbers(&db).await?.is_empty());
    Ok(())
}

async fn snapshot(store: Store) -> Result<()> {
    let db = with_table(&store, Store::options()).await?;
    insert(&db, 1).await?;
    let other = db.clone();
    let (before, after) = db
        .snapshot(|tx| {
            Box::pin(async move {
                let count = "SELECT n FROM numbers";
                let before = tx.fetch_all(count, params![]).await?.len();
                insert(&other, 2).await.map_err(|_| DbError::Panicked)?;
                Ok::<_, DbError>((before, tx.fetch_all(count, params![]).await?.len()))
            })
        })
        .await?;
    ensure!((before, after) == (1, 1), "{before} {after}");
    ensure!(numbers(&db).await? == [1, 2]);
    Ok(())
}
