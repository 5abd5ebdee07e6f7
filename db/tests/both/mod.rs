//! Every test of this room runs on both databases, each time on an empty one of its own.
#![allow(dead_code)] // Each suite compiles this for itself and uses its part of it.

use std::time::Duration;

use ambient::SystemClock;
use anyhow::Result;
use db::{DatabaseUrl, Db, DbError, Options, Tx, WriteError, params};
use testkit::{Postgres, TempDir, Trial, trial, trial_needing};
use tokio::sync::watch;

/// An empty database. It is gone when this is dropped, or with the server.
pub(crate) struct Store {
    pub(crate) url: DatabaseUrl,
    pub(crate) dir: Option<TempDir>,
}

impl Store {
    pub(crate) fn sqlite() -> Result<Self> {
        let dir = testkit::temp_dir()?;
        let url = DatabaseUrl::Sqlite(dir.path().join("remit.db"));
        Ok(Self {
            url,
            dir: Some(dir),
        })
    }

    fn postgres(server: &Postgres) -> Result<Self> {
        let url = server.fresh_database()?.parse()?;
        Ok(Self { url, dir: None })
    }

    pub(crate) async fn open(&self) -> Result<Db> {
        self.open_with(Self::options()).await
    }

    pub(crate) async fn open_with(&self, options: Options) -> Result<Db> {
        Ok(Db::open(&self.url, options).await?)
    }

    pub(crate) fn options() -> Options {
        Options::new(SystemClock::shared())
    }
}

/// The test once on each database.
pub(crate) fn each<F>(name: &str, test: F) -> [Trial; 2]
where
    F: AsyncFnOnce(Store) -> Result<()> + Copy + Send + 'static,
{
    [
        trial(format!("sqlite::{name}"), async move || {
            test(Store::sqlite()?).await
        }),
        on_postgres(name, test),
    ]
}

pub(crate) fn on_postgres<F>(name: &str, test: F) -> Trial
where
    F: AsyncFnOnce(Store) -> Result<()> + Send + 'static,
{
    trial_needing(
        format!("postgres::{name}"),
        async move |server: &'static Postgres| test(Store::postgres(server)?).await,
    )
}

pub(crate) const BOUND: Duration = Duration::from_secs(20);

pub(crate) async fn with_table(store: &Store, options: Options) -> Result<Db> {
    let db = store.open_with(options).await?;
    db.write(|tx| {
        Box::pin(tx_execute(
            tx,
            "CREATE TABLE numbers (n BIGINT PRIMARY KEY, note TEXT)",
        ))
    })
    .await?;
    Ok(db)
}

pub(crate) async fn tx_execute(tx: &mut Tx, sql: &'static str) -> Result<u64, DbError> {
    tx.execute(sql, params![]).await
}

pub(crate) async fn insert(db: &Db, n: i64) -> Result<u64, WriteError<DbError>> {
    db.write(move |tx| {
        Box::pin(async move {
            tx.execute("INSERT INTO numbers (n) VALUES ($1)", params![n])
                .await
        })
    })
    .await
}

pub(crate) async fn numbers(db: &Db) -> Result<Vec<i64>> {
    let rows = db
        .fetch_all("SELECT n FROM numbers ORDER BY n", params![])
        .await?;
    Ok(rows
        .iter()
        .map(|row| row.int("n"))
        .collect::<Result<_, _>>()?)
}

/// Holds the writer inside a transaction until it is opened, so that others queue up behind it.
pub(crate) struct Gate {
    opener: watch::Sender<bool>,
    held: tokio::task::JoinHandle<Result<(), WriteError<DbError>>>,
}

impl Gate {
    pub(crate) async fn hold(db: &Db) -> Result<Self> {
        let opener = watch::Sender::new(false);
        let (entered, mut inside) = watch::channel(false);
        let (db, opened) = (db.clone(), opener.subscribe());
        let held = tokio::spawn(async move {
            db.write(move |_| {
                Box::pin(async move {
                    entered.send_replace(true);
                    // The gate also opens when the test that held it is over.
                    drop(opened.clone().wait_for(|open| *open).await);
                    Ok(())
                })
            })
            .await
        });
        inside.wait_for(|inside| *inside).await?;
        Ok(Self { opener, held })
    }

    pub(crate) async fn open(self) -> Result<()> {
        self.opener.send_replace(true);
        Ok(self.held.await??)
    }
}
