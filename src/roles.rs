//! The roles a process can play, and the order in which its parts are put together.
//!
//! Doors first, because a taken port must leave nothing behind; then the stores and the engine;
//! then whoever works on them. The end goes the other way round.

use std::io::Write;
use std::sync::Arc;

use ambient::SystemClock;
use tokio::net::TcpListener;

use crate::banner;
use crate::cli::Role;
use crate::data_dir::DataDir;
use crate::doors;
use crate::failure::Failure;
use crate::parts::{self, House};
use crate::protection;
use crate::settings::{Engine, Settings};

pub(crate) async fn run(role: Option<Role>, settings: Settings) -> Result<(), Failure> {
    DataDir::check(&settings.data_dir)?;
    let doors = Doors::open(role, &settings).await?;
    let dir = DataDir::open(&settings.data_dir)?;
    let mut house = House::new(settings, dir, SystemClock::shared());

    // The books first: they are looked at before they are written to, while the engine writes as soon
    // as it is open. What keeps the program from starting then finds the engine as it was.
    let stores = match role {
        None | Some(Role::Api | Role::Worker) => Some(house.open_stores().await?),
        Some(Role::Engine | Role::Sandbox) => None,
    };
    let engine = match doors.engine {
        Some(listener) => Some(parts::engine::raise(&mut house, listener).await?),
        None => None,
    };
    if let Some(listener) = doors.bank {
        let api = doors.front.as_ref();
        let api = api.and_then(|front| front.local_addr().ok());
        parts::bank::raise(&mut house, listener, api).await?;
    }
    let mut demo = None;
    if let Some(stores) = &stores {
        let client = house.connect(stores, engine.as_deref()).await?;
        let (facts, gates) = house.follow_rails(stores).await?;
        if !matches!(role, Some(Role::Api)) {
            parts::workers::raise(&mut house, stores, &client, gates)?;
        }
        if let Some(listener) = doors.front {
            demo = Some(parts::front::raise(&mut house, stores, &client, facts, listener).await?);
        }
    }

    let banner = banner::text(&house.places, house.dir.path(), demo.as_ref());
    // Whoever stopped reading (`remit | head`) does not stop the program.
    drop(writeln!(std::io::stdout(), "{banner}"));
    let ended = house.supervisor.run().await;
    // Every task that used it has ended, so this is the last one to hold it.
    if let Some(engine) = engine.and_then(Arc::into_inner) {
        engine.close().await;
    }
    if let Some(stores) = stores {
        stores.db.close().await;
    }
    ended
}

/// The addresses of the parts that run in this process.
struct Doors {
    front: Option<TcpListener>,
    engine: Option<TcpListener>,
    bank: Option<TcpListener>,
}

impl Doors {
    async fn open(role: Option<Role>, settings: &Settings) -> Result<Self, Failure> {
        let everything = role.is_none();
        let mut doors = Self {
            front: None,
            engine: None,
            bank: None,
        };
        if everything || role == Some(Role::Api) {
            doors.front = Some(doors::open("--listen", settings.listen).await?);
        }
        if role == Some(Role::Engine) || (everything && settings.engine == Engine::Embedded) {
            protection::fits(&settings.engine_protection, settings.engine_listen)?;
            doors.engine = Some(doors::open("--engine-listen", settings.engine_listen).await?);
        }
        if role == Some(Role::Sandbox) || (everything && settings.sandbox_url.is_none()) {
            doors.bank = Some(doors::open("--sandbox-listen", settings.sandbox_listen).await?);
        }
        Ok(doors)
    }
}
