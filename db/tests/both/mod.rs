//! Every test of this room runs on both databases, each time on an empty one of its own.
#![allow(dead_code)] // Each suite compiles this for itself and uses its part of it.

use ambient::SystemClock;
use anyhow::Result;
use db::{DatabaseUrl, Db, Options};
use testkit::{Postgres, TempDir, Trial, trial, trial_needing};

/// An empty database. It is gone when this is dropped, or with the server.
pub(crate) struct Store {
    pub(crate) url: DatabaseUrl,
    pub(crate) dir: Option<TempDir>,
}

impl Store {
    fn sqlite() -> Result<Self> {
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
