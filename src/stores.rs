//! What lies below every role: the keys, the business database, and the rooms that own its tables.

use ambient::{Mint, SharedClock};
use db::{DatabaseUrl, Db, OpenError, Options};
use domain::Code;
use identity::Identity;
use transfers::Transfers;
use vault::{MasterKey, MasterKeyError, Vault};

use crate::data_dir::DataDir;
use crate::failure::Failure;
use crate::settings::Settings;

/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Stores {
    pub(crate) mint: Mint,
    pub(crate) vault: Vault,
    pub(crate) db: Db,
    pub(crate) identity: Identity,
    pub(crate) transfers: Transfers,
}

impl Stores {
    pub(crate) async fn open(
        settings: &Settings,
        dir: &DataDir,
        clock: SharedClock,
    ) -> Result<Self, Failure> {
        let given = std::env::var("REMIT_MASTER_KEY").ok();
        let master = MasterKey::find(dir.path(), given.as_deref()).map_err(no_master_key)?;
        let vault = Vault::new(master);
        let url = settings
            .database
            .clone()
            .unwrap_or_else(|| DatabaseUrl::Sqlite(dir.file("remit.db")));
        let db = Db::open(&url, Options::new(clock.clone()))
            .await
            .map_err(no_database)?;
        let mint = Mint::new(clock.clone());
        let identity = Identity::new(db.clone(), mint.clone(), clock.clone(), vault.clone());
        let transfers = Transfers::new(db.clone(), mint.clone(), clock.clone(), identity.clone());
        Ok(Self {
            mint,
            vault,
            db,
            identity,
            transfers,
        })
    }
}

fn no_master_key(error: MasterKeyError) -> Failure {
    Failure::caused(
        Code::DataDirUnusable,
        "the master key cannot be used",
        &error,
    )
}

fn no_database(error: OpenError) -> Failure {
    let code = match &error {
        OpenError::Newer { .. } => Code::DataDirNewer,
        OpenError::Unreachable { .. } => Code::DatabaseUnavailable,
        _ => Code::DataDirDamaged,
    };
    Failure::caused(code, "the business database cannot be opened", &error)
}
