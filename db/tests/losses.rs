//! What is lost and what is not: commits that fail, deadlocks, connections that die, jobs that hang.
#![allow(clippy::unwrap_used)]

mod both;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use both::{Gate, Store, each, insert, numbers, on_postgres, tx_execute, with_table};
use db::{Db, DbError, Dialect, WriteError, params};
use futures_util::future::join;
use tokio::sync::Barrier;

fn main() -> ExitCode {
    let mut trials = Vec::new();
    trials.extend(each("a_failed_commit_is_unknown_to_all", failed_commit));
    trials.extend(each("a_job_that_hangs_is_given_up", hangs));
    trials.push(on_postgres(
        "a_deadlock_between_two_writers_is_resolved",
        deadlock,
    ));
    trials.push(on_postgres(
        "a_lost_connection_before_the_commit_loses_nothing",
        lost_connection,
    ));
    trials.push(on_postgres(
        "a_connection_that_died_idle_is_replaced",
        died_idle,
    ));
    testkit::main(trials)
}

async fn failed_commit(store: Store) -> Result<()> {
    let db = with_table(&store, Store::options()).await?;
    db.write(|tx| {
        Box::pin(tx_execute(
            tx,
            "CREATE TABLE late (n BIGINT REFERENCES numbers (n) DEFERRABLE INITIALLY DEFERRED)",
        ))
    })
    .await?;
    // A rule that is only looked at during the commit makes the commit itself fail.
    let gate = Gate::hold(&db).await?;
    let guilty = db.write(|tx| Box::pin(tx_execute(tx, "INSERT INTO late (n) VALUES (7)")));
    let ((innocent, guilty), held) =
        join(async { tokio::join!(insert(&db, 1), guilty) }, gate.open()).await;
    held?;
    ensure!(
        matches!(innocent, Err(WriteError::Unknown(_))),
        "{innocent:?}"
    );
    ensure!(matches!(guilty, Err(WriteError::Unknown(_))), "{guilty:?}");
    let next = insert(&db, 2).await;
    match db.dialect() {
        Dialect::Postgres => {
            next?;
            ensure!(numbers(&db).await? == [2]);
        }
        Dialect::Sqlite => {
            ensure!(matches!(next, Err(WriteError::Closed)), "{next:?}");
            db.stopped().await;
        }
    }
    Ok(())
}

async fn hangs(store: Store) -> Result<()> {
    let mut options = Store::options();
    options.patience = Duration::from_millis(300);
    let db = with_table(&store, options).await?;
    let answer: Result<(), WriteError<DbError>> = db
        .write(|tx| {
            Box::pin(async move {
                tx_execute(tx, "INSERT INTO numbers (n) VALUES (1)").await?;
                std::future::pending().await
            })
        })
        .await;
    ensure!(
        matches!(answer, Err(WriteError::Refused(DbError::Unavailable(_)))),
        "{answer:?}"
    );
    insert(&db, 2).await?;
    ensure!(numbers(&db).await? == [2]);
    Ok(())
}

async fn deadlock(store: Store) -> Result<()> {
    let here = with_table(&store, Store::options()).await?;
    let there = store.open().await?;
    insert(&here, 1).await?;
    insert(&here, 2).await?;
    // Each holds its first row before it asks for the other's: a deadlock, the first time.
    let meet = Arc::new(Barrier::new(2));
    let cross = async |db: &Db, first: i64, then: i64| {
        let (meet, met) = (Arc::clone(&meet), Arc::new(AtomicBool::new(false)));
        db.write(move |tx| {
            Box::pin(async move {
                let touch = "UPDATE numbers SET note = COALESCE(note, '') || 'x' WHERE n = $1";
                tx.execute(touch, params![first]).await?;
                if !met.swap(true, Ordering::SeqCst) {
                    meet.wait().await;
                }
                tx.execute(touch, params![then]).await
            })
        })
        .await
    };
    let (one, other) = tokio::join!(cross(&here, 1, 2), cross(&there, 2, 1));
    one?;
    other?;
    let rows = here
        .fetch_all("SELECT note FROM numbers", params![])
        .await?;
    for row in rows {
        ensure!(row.text("note")? == "xx", "each job counts once");
    }
    Ok(())
}

async fn lost_connection(store: Store) -> Result<()> {
    let db = with_table(&store, Store::options()).await?;
    let gate = Gate::hold(&db).await?;
    let broken = Arc::new(AtomicBool::new(false));
    let breaks = db.write(move |tx| {
        Box::pin(async move {
            if !broken.swap(true, Ordering::SeqCst) {
                tx_execute(tx, "SELECT pg_terminate_backend(pg_backend_pid())").await?;
            }
            tx_execute(tx, "INSERT INTO numbers (n) VALUES (2)").await
        })
    });
    let ((before, broke, after), held) = join(
        async { tokio::join!(insert(&db, 1), breaks, insert(&db, 3)) },
        gate.open(),
    )
    .await;
    held?;
    before?;
    broke?;
    after?;
    ensure!(numbers(&db).await? == [1, 2, 3]);
    Ok(())
}

async fn died_idle(store: Store) -> Result<()> {
    let db = with_table(&store, Store::options()).await?;
    let row = db
        .fetch_optional(
            "SELECT COUNT(pg_terminate_backend(pid)) AS ended FROM pg_stat_activity
             WHERE application_name = 'remit' AND datname = current_database() AND pid <> pg_backend_pid()",
            params![],
        )
        .await?;
    let Some(row) = row else { bail!("no answer") };
    ensure!(row.int("ended")? >= 1, "the writer has a connection");
    insert(&db, 1).await?;
    ensure!(numbers(&db).await? == [1]);
    Ok(())
}
