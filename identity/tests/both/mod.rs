//! Every test of this room runs on both databases, each time on an empty one of its own.

use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, Mint, SharedClock, Timestamp};
use anyhow::Result;
use db::{DatabaseUrl, Db, Options};
use identity::Identity;
use testkit::{Postgres, TempDir, Trial, trial, trial_needing};
use vault::{MasterKey, Vault};

pub(crate) struct House {
    pub(crate) identity: Identity,
    pub(crate) db: Db,
    pub(crate) clock: ManualClock,
    /// The database's files and the master key.
    pub(crate) dir: TempDir,
}

impl House {
    async fn open(dir: TempDir, url: DatabaseUrl) -> Result<Self> {
        let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
        let shared: SharedClock = Arc::new(clock.clone());
        let db = Db::open(&url, Options::new(shared.clone())).await?;
        let vault = Vault::new(MasterKey::find(dir.path(), None)?);
        let mint = Mint::new(shared.clone());
        Ok(Self {
            identity: Identity::new(db.clone(), mint, shared, vault),
            db,
            clock,
            dir,
        })
    }

    pub(crate) fn later(&self, by: Duration) {
        self.clock.advance(by);
    }
}

/// The test once on each database.
pub(crate) fn each<F>(name: &str, test: F) -> [Trial; 2]
where
    F: AsyncFnOnce(House) -> Result<()> + Copy + Send + 'static,
{
    [
        trial(format!("sqlite::{name}"), async move || {
            let dir = testkit::temp_dir()?;
            let url = DatabaseUrl::Sqlite(dir.path().join("remit.db"));
            test(House::open(dir, url).await?).await
        }),
        trial_needing(
            format!("postgres::{name}"),
            async move |server: &'static Postgres| {
                let url = server.fresh_database()?.parse()?;
                test(House::open(testkit::temp_dir()?, url).await?).await
            },
        ),
    ]
}
