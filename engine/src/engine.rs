//! The engine's life: open, serve, fail or close.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use ambient::{Mint, SharedClock, SystemClock};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::door::{Door, ServeOptions, tcp};
use crate::errands::Queue;
use crate::errors::{FatalError, OpenError, ServeError};
use crate::limits;
use crate::matching::Matching;
use crate::runs::{Host, Namespaces, NotCreated, Queries, Shelf, Stillness};
use crate::schedules::desk::Desk;
use crate::store::lock::OwnerLock;
use crate::store::sqlite;
use crate::store::writer::WriteQueue;
use crate::timers::Timers;
use crate::token::Tokens;
use crate::workers::Workers;

#[derive(Clone, Debug)]
pub struct Config {
    /// The store's file. Its directory exists; the file is created when missing.
    pub path: PathBuf,
    pub clock: SharedClock,
    /// Created when missing, each time the engine opens.
    pub namespaces: Vec<String>,
}

impl Config {
    /// On this file, by the system's clock, with the namespace that every SDK takes when told none.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            clock: SystemClock::shared(),
            namespaces: vec!["default".to_owned()],
        }
    }
}

/// A running engine. Dropping it stops timers and polls without waiting; [`Engine::close`] waits.
#[derive(Debug)]
pub struct Engine {
    host: Arc<Host>,
    clockwork: JoinHandle<()>,
    errands: JoinHandle<()>,
}

const DEFAULT_RETENTION_SECONDS: i64 = 3 * 86_400;
/// How long calls in flight may take to end once the TCP door is told to close.
const GRACE: Duration = Duration::from_secs(2);

impl Engine {
    /// Takes the store for this process, brings its schema up to date and sets the alarms of open
    /// runs. No history is read: a run is, when something happens to it.
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        Self::open_watched(config, Arc::default()).await
    }

    pub(crate) async fn open_watched(
        config: Config,
        stillness: Arc<Stillness>,
    ) -> Result<Self, OpenError> {
        let (path, clock) = (config.path.clone(), config.clock.clone());
        let opening = tokio::task::spawn_blocking(move || open_store(path, clock));
        let mut host = match opening.await {
            Ok(opened) => opened?,
            Err(panicked) => return Err(OpenError::Io(std::io::Error::other(panicked))),
        };
        host.errands = Queue::new(Arc::clone(&stillness));
        host.stillness = stillness;
        let host = Arc::new(host);
        for name in &config.namespaces {
            let created = host
                .create_namespace(
                    name,
                    String::new(),
                    String::new(),
                    DEFAULT_RETENTION_SECONDS,
                )
                .await;
            match created {
                Ok(()) | Err(NotCreated::Exists) => {}
                Err(NotCreated::TooMany) => return Err(OpenError::TooManyNamespaces),
                Err(NotCreated::Other(status)) => {
                    return Err(OpenError::Io(std::io::Error::other(status)));
                }
            }
        }
        let clockwork = tokio::spawn(Arc::clone(&host).run_clockwork());
        let errands = tokio::spawn(Arc::clone(&host).run_errands());
        Ok(Self {
            host,
            clockwork,
            errands,
        })
    }

    pub(crate) fn host(&self) -> Arc<Host> {
        Arc::clone(&self.host)
    }

    pub fn door(&self) -> Door {
        Door::new(Arc::clone(&self.host))
    }

    /// How the store commits, as its database says it, for whoever has to be sure:
    /// `journal_mode=wal synchronous=FULL`.
    pub fn durability(&self) -> &str {
        &self.host.durability
    }

    /// Serves the same RPCs over TCP until `shutdown` resolves or the engine closes, without TLS
    /// and keys: only on a loopback address.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        self.serve_with(ServeOptions::default(), listener, shutdown)
            .await
    }

    /// As [`Engine::serve`], with TLS, keys or both. An address that other machines reach needs
    /// both.
    pub async fn serve_with(
        &self,
        options: ServeOptions,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let address = listener.local_addr().map_err(ServeError::Address)?;
        options.fit(address)?;
        let closing = self.host.closing.clone();
        let stopping = CancellationToken::new();
        let until = {
            let stopping = stopping.clone();
            async move {
                tokio::select! {
                    () = shutdown => {}
                    () = closing.cancelled() => {}
                }
                stopping.cancel();
            }
        };
        // A poll can wait a minute; whoever shuts down does not.
        let out_of_grace = async {
            stopping.cancelled().await;
            let end = self.host.now().after(GRACE);
            self.host.clock.sleep_until(end).await;
        };
        tokio::select! {
            served = tcp::serve(self.door(), options, listener, until) => {
                served.map_err(ServeError::Transport)
            }
            () = out_of_grace => Ok(()),
        }
    }

    /// Resolves when the store failed. What was acknowledged is on disk; the process must stop,
    /// and the next start recovers.
    pub async fn fatal(&self) -> FatalError {
        FatalError(self.host.writes.failure().await)
    }

    /// Stops timers, answers waiting polls with nothing, writes what waits, releases the store.
    pub async fn close(self) {
        self.host.closing.cancel();
        self.host.writes.close().await;
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.host.closing.cancel();
        self.host.writes.stop_when_idle();
        self.clockwork.abort();
        self.errands.abort();
    }
}

pub(crate) fn open_store(path: PathBuf, clock: SharedClock) -> Result<Host, OpenError> {
    let lock = OwnerLock::take(&path).map_err(|error| OpenError::of_lock(error, &path))?;
    let key = ambient::fill::<32>().map_err(|error| OpenError::Io(std::io::Error::other(error)))?;
    let store = sqlite::open(&path, key).map_err(|error| OpenError::of_store(error, &path))?;
    let host = Host {
        mint: Mint::new(clock.clone()),
        epoch: store.epoch,
        tokens: Tokens::new(store.token_key),
        namespaces: Namespaces::new(store.namespaces),
        matching: Matching::default(),
        timers: Timers::new(clock.clone()),
        queries: Queries::default(),
        workers: Workers::default(),
        reader: Arc::new(store.reader),
        writes: WriteQueue::start(store.committer, lock).map_err(OpenError::Io)?,
        shelf: Shelf::new(store.last_row, limits::RUN_BYTES_IN_MEMORY),
        desk: Desk::new(store.last_schedule),
        last_row: AtomicI64::new(store.last_row),
        errands: Queue::new(Arc::default()),
        stillness: Arc::default(),
        closing: CancellationToken::new(),
        durability: store.durability,
        clock,
    };
    host.set_alarms_of_open_runs()
        .and_then(|()| host.set_alarms_of_schedules())
        .map_err(|error| OpenError::of_store(error.into(), &path))?;
    Ok(host)
}
