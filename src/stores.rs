//! What lies below every role: the keys, the business database, and the rooms that own its tables.

use adapters::RailConfig;
use ambient::{Mint, SharedClock};
use audit::Audit;
use db::{DatabaseUrl, Db, DbError, OpenError, Options};
use domain::Code;
use identity::{Identity, IdentityError};
use inbox::Inbox;
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
    pub(crate) audit: Audit,
    pub(crate) inbox: Inbox,
}

impl Stores {
    pub(crate) async fn open(
        settings: &Settings,
        dir: &DataDir,
        clock: SharedClock,
    ) -> Result<Self, Failure> {
        let url = settings
            .database
            .clone()
            .unwrap_or_else(|| DatabaseUrl::Sqlite(dir.file("remit.db")));
        if settings.database.is_none() {
            books_not_lost(dir)?;
        }
        let master = match &settings.master_key {
            Some(given) => given.clone(),
            None => in_directory(dir, &url)?,
        };
        let vault = Vault::new(master);
        let db = Db::open(&url, Options::new(clock.clone()))
            .await
            .map_err(|error| no_database(&url, &error))?;
        // Before anything else is written: entries older than the chain become its first lane.
        ledger::link_older(&db).await.map_err(|error| {
            let code = Code::DatabaseUnavailable;
            Failure::caused(code, "older entries could not be linked", &error)
        })?;
        let mint = Mint::new(clock.clone());
        let identity = Identity::new(db.clone(), mint.clone(), clock.clone(), vault.clone());
        let offered = settings.live.iter().map(RailConfig::rail);
        let identity = identity.offering(offered);
        identity.check_master_key().await.map_err(other_key)?;
        let transfers = Transfers::new(db.clone(), mint.clone(), clock.clone(), identity.clone());
        let audit = Audit::new(db.clone(), mint.clone());
        let inbox = Inbox::new(
            db.clone(),
            mint.clone(),
            clock,
            vault.clone(),
            transfers.clone(),
        );
        Ok(Self {
            mint,
            vault,
            db,
            identity,
            transfers,
            audit,
            inbox,
        })
    }
}

pub(crate) fn no_master_key(error: MasterKeyError) -> Failure {
    Failure::caused(
        Code::DataDirUnusable,
        "the master key cannot be used",
        &error,
    )
}

/// `sandbox.env` is written after the books: where it is, they were. New, empty ones in their place
/// would forget every transfer while the engine and the banks remember.
fn books_not_lost(dir: &DataDir) -> Result<(), Failure> {
    let books = dir.file("remit.db");
    let there = std::fs::metadata(&books).is_ok_and(|found| found.len() > 0);
    if there || !dir.file("sandbox.env").exists() {
        return Ok(());
    }
    Err(Failure::new(
        Code::DataDirDamaged,
        format!(
            "{} is missing or empty, though this data directory was in use; restore it from a \
             backup, or name the database that was used with --database-url",
            books.display()
        ),
    ))
}

/// The key of the data directory. Beside books that exist none is made: it could open nothing.
fn in_directory(dir: &DataDir, url: &DatabaseUrl) -> Result<MasterKey, Failure> {
    let books_exist = matches!(url, DatabaseUrl::Sqlite(file) if file.exists());
    let key = dir.file(MasterKey::FILE);
    if books_exist && !key.exists() {
        return Err(Failure::new(
            Code::DataDirDamaged,
            format!(
                "{} is missing, and nothing sealed can be opened without it; restore it from a \
                 backup, or give the key in {}",
                key.display(),
                MasterKey::VARIABLE
            ),
        ));
    }
    MasterKey::find(dir.path(), None).map_err(no_master_key)
}

fn other_key(error: IdentityError) -> Failure {
    let (code, line) = match &error {
        IdentityError::Vault(_) => (
            Code::ConfigInvalid,
            "the master key is not the one that this database was sealed with; give that one in \
             REMIT_MASTER_KEY, or restore master.key",
        ),
        _ => (
            Code::DatabaseUnavailable,
            "the business database cannot be read",
        ),
    };
    Failure::caused(code, line, &error)
}

pub(crate) fn no_database(url: &DatabaseUrl, error: &OpenError) -> Failure {
    let code = match (error, url) {
        (OpenError::Newer { .. }, _) => Code::DataDirNewer,
        // A file that can be read and is no database.
        (
            OpenError::Unreachable {
                source: DbError::Statement(_),
                ..
            },
            DatabaseUrl::Sqlite(_),
        ) => Code::DataDirDamaged,
        (OpenError::Unreachable { .. }, DatabaseUrl::Sqlite(_)) => Code::DataDirUnusable,
        (OpenError::Unreachable { .. }, DatabaseUrl::Postgres(_)) => Code::DatabaseUnavailable,
        _ => Code::DataDirDamaged,
    };
    Failure::caused(code, "the business database cannot be opened", error)
}
