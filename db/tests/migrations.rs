//! What opening a database refuses, and that it then leaves everything as it was.
#![allow(clippy::unwrap_used)]

mod both;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use both::{Store, each};
use db::migrate::{self, Migration};
use db::{DatabaseUrl, Db, OpenError, params};
use testkit::trial;

fn main() -> ExitCode {
    let mut trials = vec![trial(
        "sqlite::a_missing_directory_is_named",
        missing_directory,
    )];
    trials.extend(each("each_migration_runs_once", once));
    trials.extend(each("a_newer_database_is_left_alone", newer));
    trials.extend(each("a_changed_migration_is_refused", changed));
    trials.extend(each("a_failing_migration_leaves_nothing", failing));
    trials.extend(each("many_that_open_at_once_migrate_once", at_once));
    trials.push(both::on_postgres(
        "an_index_is_built_beside_whoever_writes",
        beside,
    ));
    testkit::main(trials)
}

const FIRST: Migration = Migration {
    version: 1,
    name: "first",
    sql: "CREATE TABLE first (id ID NOT NULL PRIMARY KEY, n INT64, raw BYTES) STRICT;\nINSERT INTO first VALUES ('a', 1, NULL);",
};

async fn open(store: &Store, migrations: &'static [Migration]) -> Result<Db, OpenError> {
    let mut options = Store::options();
    options.migrations = migrations;
    Db::open(&store.url, options).await
}

async fn versions(db: &Db) -> Result<Vec<i64>> {
    let rows = db
        .fetch_all(
            "SELECT version FROM schema_migrations ORDER BY version",
            params![],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| row.int("version"))
        .collect::<Result<_, _>>()?)
}

async fn missing_directory() -> Result<()> {
    let dir = testkit::temp_dir()?;
    let url = DatabaseUrl::Sqlite(dir.path().join("nowhere").join("remit.db"));
    let error = Db::open(&url, Store::options()).await.unwrap_err();
    ensure!(matches!(error, OpenError::NoDirectory(_)), "{error}");
    ensure!(!dir.path().join("nowhere").exists());
    Ok(())
}

async fn once(store: Store) -> Result<()> {
    let all: Vec<_> = migrate::all()
        .iter()
        .map(|known| i64::from(known.version))
        .collect();
    for _ in 0..2 {
        let db = store.open().await?;
        ensure!(versions(&db).await? == all);
        db.close().await;
    }
    Ok(())
}

async fn newer(store: Store) -> Result<()> {
    open(
        &store,
        &[
            FIRST,
            Migration {
                version: 7,
                name: "later",
                sql: "",
            },
        ],
    )
    .await?
    .close()
    .await;
    let before = store
        .dir
        .as_ref()
        .map(|dir| std::fs::read(dir.path().join("remit.db")))
        .transpose()?;
    let error = open(&store, &[FIRST]).await.unwrap_err();
    ensure!(
        matches!(
            error,
            OpenError::Newer {
                found: 7,
                supported: 1
            }
        ),
        "{error}"
    );
    let after = store
        .dir
        .as_ref()
        .map(|dir| std::fs::read(dir.path().join("remit.db")))
        .transpose()?;
    ensure!(before == after, "the file was written");
    Ok(())
}

async fn changed(store: Store) -> Result<()> {
    open(&store, &[FIRST]).await?.close().await;
    let error = open(
        &store,
        &[Migration {
            sql: "SELECT 1;",
            ..FIRST
        }],
    )
    .await
    .unwrap_err();
    ensure!(
        matches!(error, OpenError::Changed { version: 1, .. }),
        "{error}"
    );
    Ok(())
}

async fn failing(store: Store) -> Result<()> {
    const BROKEN: Migration = Migration {
        version: 2,
        name: "broken",
        sql: "CREATE TABLE second (n INT64) STRICT;\nINSERT INTO nowhere VALUES (1);",
    };
    let error = open(&store, &[FIRST, BROKEN]).await.unwrap_err();
    ensure!(
        matches!(error, OpenError::Migration { version: 2, .. }),
        "{error}"
    );
    let db = open(&store, &[FIRST]).await?;
    ensure!(versions(&db).await? == [1]);
    ensure!(
        db.fetch_all("SELECT n FROM second", params![])
            .await
            .is_err()
    );
    Ok(())
}

async fn at_once(store: Store) -> Result<()> {
    let (a, b, c) = tokio::join!(
        open(&store, &[FIRST]),
        open(&store, &[FIRST]),
        open(&store, &[FIRST])
    );
    for db in [a?, b?, c?] {
        ensure!(versions(&db).await? == [1]);
        ensure!(db.fetch_all("SELECT n FROM first", params![]).await?.len() == 1);
    }
    Ok(())
}

const TABLE: Migration = Migration {
    version: 1,
    name: "table",
    sql: "CREATE TABLE rail_attempts (rail TEXT NOT NULL, bank_reference TEXT) STRICT;\nINSERT INTO rail_attempts VALUES ('r', 'b');",
};

const INDEX: Migration = Migration {
    version: 2,
    name: "index",
    sql: "CREATE TABLE other (id ID NOT NULL) STRICT;\nCREATE INDEX rail_attempts_by_bank_reference\n    ON rail_attempts (rail, bank_reference) WHERE bank_reference IS NOT NULL;",
};

/// Outside of the migration's transaction, in a database that is not new; lost, it is built at the
/// next start, by one of those that start.
async fn beside(store: Store) -> Result<()> {
    let old = open(&store, &[TABLE]).await?;
    old.close().await;
    let db = open(&store, &[TABLE, INDEX]).await?;
    let whole = "SELECT CASE WHEN i.indisvalid THEN 1 ELSE 0 END::BIGINT AS whole
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE c.relname = 'rail_attempts_by_bank_reference'";
    let rows = db.fetch_all(whole, params![]).await?;
    ensure!(rows.len() == 1 && rows[0].int("whole")? == 1);
    // Lost meanwhile, as after a kill before it was built.
    let lost = db.write(|tx| {
        Box::pin(async move {
            let sql = "DROP INDEX rail_attempts_by_bank_reference";
            tx.execute(sql, params![]).await
        })
    });
    lost.await
        .map_err(|error: db::WriteError<db::DbError>| anyhow::anyhow!("{error}"))?;
    db.close().await;
    let (one, other) = tokio::join!(open(&store, &[TABLE, INDEX]), open(&store, &[TABLE, INDEX]));
    let (one, other) = (one?, other?);
    ensure!(one.fetch_all(whole, params![]).await?.len() == 1);
    ensure!(versions(&other).await? == [1, 2]);
    one.close().await;
    other.close().await;
    Ok(())
}
