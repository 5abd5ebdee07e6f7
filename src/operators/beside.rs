//! What a command needs beside a program that runs: its database, its keys and its engine.

use ambient::{Mint, SystemClock};
use audit::Audit;
use db::{DatabaseUrl, Db, Options};
use domain::{Code, TransferId};
use identity::Identity;
use temporal::{Address, Client, Histories, Messenger};
use transfers::{Transfer, Transfers};

use crate::books::open;
use crate::failure::Failure;
use crate::settings::{DEFAULT_NAMESPACE, Engine, Settings};
use crate::stores;

pub(crate) struct Beside {
    pub(crate) db: Db,
    pub(crate) identity: Identity,
    pub(crate) transfers: Transfers,
    pub(crate) audit: Audit,
    pub(crate) client: Client,
    pub(crate) messenger: Messenger,
    pub(crate) second_person_above: i64,
}

impl Beside {
    pub(crate) async fn open(settings: &Settings) -> Result<Self, Failure> {
        let url = match &settings.database {
            Some(url) => url.clone(),
            None => DatabaseUrl::Sqlite(settings.data_dir.join("remit.db")),
        };
        // The same words for books that are not there.
        open::database(settings).await?.close().await;
        let vault = open::vault(settings)?;
        let clock = SystemClock::shared();
        let db = Db::join(&url, Options::new(clock.clone()))
            .await
            .map_err(|error| stores::no_database(&url, &error))?;
        let mint = Mint::new(clock.clone());
        let identity = Identity::new(db.clone(), mint.clone(), clock.clone(), vault.clone());
        let transfers = Transfers::new(db.clone(), mint.clone(), clock, identity.clone());
        let audit = Audit::new(db.clone(), mint);
        let (at, address) = engine(settings);
        let histories = if settings.plain_histories {
            Histories::Plain
        } else {
            Histories::Sealed
        };
        let who = format!("remit-transfer/{}", std::process::id());
        let client = temporal::connect(address, &who, vault, histories)
            .await
            .map_err(|error| {
                let line = format!(
                    "cannot talk to the engine at {at}; start the program, or name its engine with \
                     --engine-listen or --temporal"
                );
                Failure::caused(Code::EngineUnavailable, line, &error)
            })?;
        Ok(Self {
            db,
            identity,
            transfers,
            audit,
            messenger: Messenger::new(client.clone()),
            client,
            second_person_above: settings.second_person_above,
        })
    }

    pub(crate) async fn transfer(&self, id: TransferId) -> Result<Transfer, Failure> {
        let tenant = self.transfers.tenant_of(id).await;
        let found = match tenant.map_err(|error| open::unreadable(&error))? {
            Some(tenant) => self.transfers.get(&tenant, id).await,
            None => Ok(None),
        };
        found
            .map_err(|error| open::unreadable(&error))?
            .ok_or_else(|| Failure::new(Code::NotFound, format!("there is no transfer {id} here")))
    }

    pub(crate) async fn close(self) {
        self.db.close().await;
    }
}

fn engine(settings: &Settings) -> (String, Address) {
    let (at, address, namespace) = match &settings.engine {
        Engine::Embedded => {
            let at = settings.engine_listen.to_string();
            let namespace = settings.namespace.clone();
            let namespace = namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
            (at.clone(), Some(at), Some(namespace))
        }
        Engine::Server(address) => {
            let at = address.clone().unwrap_or_else(|| "TEMPORAL_ADDRESS".into());
            (at, address.clone(), settings.namespace.clone())
        }
    };
    (at, Address::Server { address, namespace })
}
