//! Finding what is asked about: the database, the tenant, the account, the key.

use std::io::Read;
use std::path::Path;

use db::{DatabaseUrl, Db};
use domain::{AccountId, Code, Currency, Mode, Tenant};
use ledger::chain::{SIGNER, SignedHead};
use ledger::{Account, Place, Purpose};
use vault::{MasterKey, PublicKey, Vault};

use crate::books::questions::Scope;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::stores;

/// Looks without the lock of the data directory: the program that holds it goes on meanwhile.
pub(crate) async fn database(settings: &Settings) -> Result<Db, Failure> {
    let url = database_url(settings);
    if let DatabaseUrl::Sqlite(file) = &url
        && !file.exists()
    {
        return Err(Failure::new(
            Code::DataDirUnusable,
            format!(
                "there are no books at {}; name their directory with --data-dir or their database \
                 with --database-url",
                file.display()
            ),
        ));
    }
    Db::look(&url)
        .await
        .map_err(|error| stores::no_database(&url, &error))
}

pub(crate) fn database_url(settings: &Settings) -> DatabaseUrl {
    match &settings.database {
        Some(url) => url.clone(),
        None => DatabaseUrl::Sqlite(settings.data_dir.join("remit.db")),
    }
}

pub(crate) fn unreadable(error: &dyn std::error::Error) -> Failure {
    Failure::caused(Code::DatabaseUnavailable, "the books cannot be read", error)
}

/// The keys of this installation. None is made here: a new one would have signed nothing.
pub(crate) fn vault(settings: &Settings) -> Result<Vault, Failure> {
    if let Some(master) = &settings.master_key {
        return Ok(Vault::new(master.clone()));
    }
    let file = settings.data_dir.join(MasterKey::FILE);
    if !file.exists() {
        return Err(Failure::new(
            Code::ConfigInvalid,
            format!(
                "there is no master key at {}; name the data directory with --data-dir, give the \
                 key in {}, or check a head with --public-key",
                file.display(),
                MasterKey::VARIABLE
            ),
        ));
    }
    MasterKey::find(&settings.data_dir, None)
        .map(Vault::new)
        .map_err(stores::no_master_key)
}

/// A head from a file, once its signature was found to be of the wanted key, or one of ours.
pub(crate) fn signed_head(
    file: &Path,
    wanted: Option<PublicKey>,
    settings: &Settings,
) -> Result<SignedHead, Failure> {
    const LARGEST: u64 = 4 * 1024 * 1024;
    let unusable = |error: &dyn std::error::Error| {
        let line = format!("the head in {} cannot be used", file.display());
        Failure::caused(Code::InvalidRequest, line, error)
    };
    let mut text = String::new();
    let opened = std::fs::File::open(file);
    // Bounded: whatever lies there, it is not read whole into memory.
    opened
        .and_then(|file| file.take(LARGEST).read_to_string(&mut text))
        .map_err(|error| unusable(&error))?;
    let signed: SignedHead = serde_json::from_str(&text).map_err(|error| unusable(&error))?;
    let key = match wanted {
        Some(key) => key,
        None if vault(settings)?.is_signer(SIGNER, &signed.public()) => signed.public(),
        None => {
            return Err(Failure::new(
                Code::BooksUntrue,
                format!(
                    "the head in {} was signed with the key {}, which is not one of this \
                     installation; if it is the right one, name it with --public-key",
                    file.display(),
                    signed.public()
                ),
            ));
        }
    };
    signed.checked(key).map_err(|error| {
        let line = format!("the head in {} proves nothing", file.display());
        Failure::caused(Code::BooksUntrue, line, &error)
    })?;
    Ok(signed)
}

pub(crate) async fn tenant(db: &Db, scope: &Scope) -> Result<Tenant, Failure> {
    let mode = Mode::from_livemode(scope.live);
    if let Some(partner) = scope.partner {
        return Ok(Tenant { partner, mode });
    }
    let all = ledger::tenants(db, MOST_NAMED)
        .await
        .map_err(|error| unreadable(&error))?;
    let mut fitting = all.iter().filter(|tenant| tenant.mode == mode);
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(*only),
        (None, _) => Err(Failure::new(
            Code::NotFound,
            format!(
                "there is no account in the {} books yet; look into the others {}, or name a \
                 database with --database-url",
                if scope.live { "live" } else { "sandbox" },
                if scope.live {
                    "without --live"
                } else {
                    "with --live"
                }
            ),
        )),
        (Some(one), Some(other)) => Err(Failure::new(
            Code::ConfigInvalid,
            format!(
                "there is more than one partner; say whose books with --partner, such as {} or {}",
                one.partner, other.partner
            ),
        )),
    }
}

const MOST_NAMED: u32 = 10;

/// By its id, or for an account of the house by what it is for.
pub(crate) async fn account(db: &Db, tenant: Tenant, named: &str) -> Result<Account, Failure> {
    let found = match (named.parse::<AccountId>(), of_the_house(named)) {
        (Ok(id), _) => ledger::account(db, tenant, id).await,
        (_, Some((purpose, place, currency))) => {
            ledger::house_account(db, tenant, purpose, place, currency).await
        }
        _ => {
            return Err(Failure::new(
                Code::ConfigInvalid,
                format!(
                    "{named:?} names no account; write its id (ac_…), or for one of the house \
                     PURPOSE/PLACE/CURRENCY such as suspense/sandbox_bank/EUR; `remit ledger \
                     chart` lists the purposes"
                ),
            ));
        }
    };
    found.map_err(|error| unreadable(&error))?.ok_or_else(|| {
        Failure::new(
            Code::NotFound,
            format!(
                "there is no account {named} in the books of {} ({}); `remit ledger trial` lists \
                 what there is",
                tenant.partner,
                if tenant.mode.is_live() {
                    "live"
                } else {
                    "sandbox"
                }
            ),
        )
    })
}

fn of_the_house(named: &str) -> Option<(Purpose, Place, Currency)> {
    let mut parts = named.split('/');
    let (purpose, place, currency) = (parts.next()?, parts.next()?, parts.next()?);
    let purpose = purpose.parse().ok()?;
    let place = place.parse().ok()?;
    let currency = currency.parse().ok()?;
    parts.next().is_none().then_some((purpose, place, currency))
}
