//! The parts of a running program, one file each, and what they all are put into.

pub(crate) mod bank;
pub(crate) mod engine;
pub(crate) mod front;
pub(crate) mod rails;
pub(crate) mod workers;

use ::rails::{Gates, Rails, Watched};
use ambient::SharedClock;
use domain::Code;
use temporal::{Address, Client, Histories};

use crate::banner::Places;
use crate::data_dir::DataDir;
use crate::failure::Failure;
use crate::settings::{DEFAULT_NAMESPACE, Engine, Settings};
use crate::stores::Stores;
use crate::supervisor::Supervisor;

/// The program while it is being put together.
pub(crate) struct House {
    pub(crate) settings: Settings,
    pub(crate) dir: DataDir,
    pub(crate) clock: SharedClock,
    pub(crate) supervisor: Supervisor,
    pub(crate) places: Places,
    /// What the sandbox of this process signs its notices with. Another at each start: both ends of
    /// it are here.
    pub(crate) notice_secret: Option<String>,
}

impl House {
    pub(crate) fn new(settings: Settings, dir: DataDir, clock: SharedClock) -> Self {
        let mut places = Places::default();
        places.bank.clone_from(&settings.sandbox_url);
        Self {
            settings,
            dir,
            clock,
            supervisor: Supervisor::new(),
            places,
            notice_secret: None,
        }
    }

    pub(crate) async fn open_stores(&mut self) -> Result<Stores, Failure> {
        let stores = Stores::open(&self.settings, &self.dir, self.clock.clone()).await?;
        self.places.database = match &self.settings.database {
            Some(url) => url.to_string(),
            None => "SQLite".to_owned(),
        };
        // A store that cannot promise durability any more must end the program, not limp on.
        let db = stores.db.clone();
        let stop = self.supervisor.stop();
        self.supervisor.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => Ok(()),
                () = db.stopped() => Err(Failure::new(
                    Code::StorageUnavailable,
                    "the business database failed to make a commit durable and must be reopened; \
                     start the program again, and check the disk",
                )),
            }
        });
        Ok(stores)
    }

    /// What is known of the rails, and the gates to them. Read once before anything is sent: a rail
    /// that was paused before this start is paused from its first moment.
    pub(crate) async fn follow_rails(
        &mut self,
        stores: &Stores,
    ) -> Result<(Watched, Gates), Failure> {
        let (facts, stored) = (Watched::default(), Rails::new(stores.db.clone()));
        let known = stored.facts(self.clock.now()).await.map_err(|error| {
            let line = "what is known of the rails cannot be read";
            Failure::caused(Code::DatabaseUnavailable, line, &error)
        })?;
        facts.set(known);
        let process = format!("{}-{}", std::process::id(), self.clock.now().as_micros());
        let gates = Gates::new(facts.clone(), self.clock.clone(), &process);
        let (follower, through, clock) = (facts.clone(), gates.clone(), self.clock.clone());
        let stop = self.supervisor.stop();
        self.supervisor.spawn(async move {
            follower.follow(stored, through, clock, stop).await;
            Ok(())
        });
        Ok((facts, gates))
    }

    /// A client of whichever engine runs the workflows.
    pub(crate) async fn connect(
        &mut self,
        stores: &Stores,
        engine: Option<&::engine::Engine>,
    ) -> Result<Client, Failure> {
        let address = match (&self.settings.engine, engine) {
            (_, Some(engine)) => Address::InProcess {
                engine: engine.door().service(),
                namespace: self.namespace(),
            },
            (Engine::Server(address), None) => {
                let at = address.clone().unwrap_or_else(|| "TEMPORAL_ADDRESS".into());
                self.places.engine = Some(format!("{at}, a Temporal server"));
                Address::Server {
                    address: address.clone(),
                    namespace: self.settings.namespace.clone(),
                }
            }
            (Engine::Embedded, None) => {
                return Err(Failure::new(
                    Code::Internal,
                    "no workflow engine was started",
                ));
            }
        };
        let histories = if self.settings.plain_histories {
            Histories::Plain
        } else {
            Histories::Sealed
        };
        let identity = format!("remit/{}", std::process::id());
        let elsewhere = matches!(address, Address::Server { .. });
        let client = temporal::connect(address, &identity, stores.vault.clone(), histories)
            .await
            .map_err(|error| {
                let at = self.places.engine.clone().unwrap_or_default();
                let line = format!("cannot work with the engine at {at}; check --temporal");
                Failure::caused(Code::EngineUnavailable, line, &error)
            })?;
        if elsewhere {
            temporal::register_marks(&client).await;
        }
        Ok(client)
    }

    pub(crate) fn namespace(&self) -> String {
        self.settings
            .namespace
            .clone()
            .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())
    }
}
