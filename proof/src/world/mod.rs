//! The machine: engine, worker, books and banks in this process, on one clock that jumps over
//! every wait. Its files are of one run, in memory where the system has such a place.

mod bridge;
mod desk;
mod luck;
mod town;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use activities::{
    Audit as AuditActivities, Bank as BankActivities, Books, Inbox as InboxActivities, Plans,
};
use adapters::iso20022::{self, Iso20022, PayoutMessage};
use adapters::sandbox_bank::{self, SandboxBank};
use adapters::{Limits, Rails};
use ambient::{Mint, SharedClock};
use anyhow::{Context, Result};
use audit::Audit;
use db::{DatabaseUrl, Db, Options};
use domain::rail::{Rail, RailId};
use engine::testing::{TestEngine, Time};
use identity::Identity;
use inbox::Inbox;
use sandbox::{Bank, InProcess};
use tempfile::TempDir;
use temporal::{Address, Client, Histories, Starter};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use transfers::Transfers;
use vault::{MasterKey, Vault};
use worker::{Launch, Worker};

use bridge::Bridge;
pub use desk::{Desk, Event, order};
use luck::Lucky;
pub use luck::{Call, Luck, Script, What, reference_at};
pub use town::{Person, Town};

pub const NAMESPACE: &str = "default";

/// The rails that this machine has banks for, each with a bank of its own.
pub const RAILS: [RailId; 2] = [RailId::SandboxBank, RailId::Iso20022];

#[derive(Debug)]
pub struct World {
    pub engine: TestEngine,
    pub time: Time,
    pub db: Db,
    pub identity: Identity,
    pub transfers: Transfers,
    pub audit: Audit,
    pub inbox: Inbox,
    pub mint: Mint,
    pub banks: BTreeMap<RailId, Bank>,
    rails: Rails,
    vault: Vault,
    worker: Option<Running>,
    /// Removed with the world.
    dir: TempDir,
}

#[derive(Debug)]
struct Running {
    stop: CancellationToken,
    ended: JoinHandle<()>,
}

impl World {
    /// An empty machine whose banks do as the script says. No worker runs yet.
    pub async fn open(script: Arc<dyn Script>) -> Result<Self> {
        let dir = directory()?;
        let engine = TestEngine::open(dir.path().join("engine.db")).await?;
        let time = engine.time();
        let clock: SharedClock = Arc::new(time.clone());
        let url = DatabaseUrl::Sqlite(dir.path().join("remit.db"));
        let vault = Vault::new(MasterKey::find(dir.path(), None)?);
        let db = Db::open(&url, Options::new(clock.clone())).await?;
        let mint = Mint::new(clock.clone());
        let identity = Identity::new(db.clone(), mint.clone(), clock.clone(), vault.clone());
        let transfers = Transfers::new(db.clone(), mint.clone(), clock.clone(), identity.clone());
        let audit = Audit::new(db.clone(), mint.clone());
        let inbox = Inbox::new(
            db.clone(),
            mint.clone(),
            clock.clone(),
            vault.clone(),
            transfers.clone(),
        );
        let mut banks = BTreeMap::new();
        let mut rails: Vec<Arc<dyn Rail>> = Vec::new();
        for id in RAILS {
            let bank = Bank::fleeting(clock.clone())?;
            let rail = rail(id, &bank, &clock)?;
            let lucky = Lucky::new(rail, bank.clone(), time.clone(), Arc::clone(&script));
            rails.push(Arc::new(lucky));
            banks.insert(id, bank);
        }
        let rails = Rails::of(rails)?;
        Ok(Self {
            engine,
            time,
            db,
            identity,
            transfers,
            audit,
            inbox,
            mint,
            banks,
            rails,
            vault,
            worker: None,
            dir,
        })
    }

    /// A client of its own, its calls carried out by this door.
    pub async fn client(&self, door: temporal::InProcess) -> Result<Client> {
        let address = Address::InProcess {
            engine: door,
            namespace: NAMESPACE.to_owned(),
        };
        let vault = self.vault.clone();
        Ok(temporal::connect(address, "proof", vault, Histories::Plain).await?)
    }

    pub async fn desk(&self) -> Result<Desk> {
        let client = self.client(self.engine.door().service()).await?;
        Ok(Desk::new(client, self.db.clone()))
    }

    /// Starts a worker that speaks through this client, in place of the one before, which is left
    /// to itself: whoever wants it dead has cut its door.
    pub fn work(&mut self, client: Client) {
        let books = Books::new(self.transfers.clone());
        let bank = BankActivities::new(
            self.transfers.clone(),
            self.identity.clone(),
            self.audit.clone(),
            self.rails.clone(),
            Arc::new(self.time.clone()),
        );
        let people = AuditActivities::new(self.audit.clone(), self.transfers.clone());
        let launch = Launch::new(self.transfers.clone(), Starter::new(client.clone()));
        let plans = Plans::new(self.transfers.clone(), Arc::new(launch));
        let stop = CancellationToken::new();
        let inbox = InboxActivities::new(self.inbox.clone(), self.transfers.clone());
        let activities = worker::Activities {
            books,
            bank,
            audit: people,
            inbox,
            plans,
        };
        let running = Worker::run(client, activities, stop.clone());
        let ended = tokio::spawn(async move {
            // A worker whose door was cut ends with an error, as it should.
            drop(running.await);
        });
        self.worker = Some(Running { stop, ended });
    }

    /// Ends in order.
    pub async fn close(mut self) -> Result<()> {
        if let Some(worker) = self.worker.take() {
            worker.stop.cancel();
            worker.ended.await.context("the worker panicked")?;
        }
        self.engine.close().await;
        self.db.close().await;
        Ok(())
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// The real adapter of a rail, over calls instead of sockets.
fn rail(id: RailId, bank: &Bank, clock: &SharedClock) -> Result<Arc<dyn Rail>> {
    let sandbox = InProcess::new(bank.router(), clock.clone());
    let bridge = Arc::new(Bridge::new(sandbox, Limits::default()));
    let base = "http://bank.invalid";
    Ok(match id {
        RailId::SandboxBank => Arc::new(SandboxBank::over(bridge, sandbox_bank::Config::at(base))?),
        RailId::Iso20022 => {
            let config = iso20022::Config {
                base_url: format!("{base}/iso20022"),
                limits: Limits::default(),
                our_name: "Remit".to_owned(),
                our_account: "REMIT-EUR".to_owned(),
                our_creditor_id: "XX00ZZZ00000000000".to_owned(),
                payouts: PayoutMessage::Pain001,
            };
            Arc::new(Iso20022::over(bridge, config)?)
        }
        other => anyhow::bail!("no bank of this machine speaks {other}"),
    })
}

/// What the files of the longest walk need and more. A container's place in memory is often smaller
/// than this, and a full one would stop the engine.
const ROOM: u64 = 2 << 30;

/// Durability is not what is shown here, so the files lie in memory where that has room for them.
fn directory() -> Result<TempDir> {
    let memory = Path::new("/dev/shm");
    let roomy = rustix::fs::statvfs(memory).is_ok_and(|it| it.f_bavail * it.f_frsize >= ROOM);
    let mut builder = tempfile::Builder::new();
    builder.prefix("remit-proof-");
    let made = match roomy {
        true => builder.tempdir_in(memory).or_else(|_| builder.tempdir()),
        false => builder.tempdir(),
    };
    made.context("no temporary directory")
}
