//! What the routes stand on: the rooms below, handed in by whoever starts the program.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Mint, SharedClock};
use db::Db;
use domain::linked::Link;
use domain::rail::{Rail, RailId};
use domain::transfer::Order;
use domain::{MessageId, TransferId};
use futures_util::future::BoxFuture;
use identity::Identity;
use inbox::Inbox;
use rails::Watched;
use tokio::sync::Semaphore;
use transfers::{Admission, Transfers};

use crate::notice_rate::NoticeRate;

/// Starts the workflow of an accepted transfer. "Already started" is success.
pub trait Starter: Send + Sync + fmt::Debug {
    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<(), StartError>>;

    /// Tells the run of a transfer that it was called off. A run that is not there is success.
    fn call_off(&self, transfer: TransferId) -> BoxFuture<'_, Result<(), StartError>>;

    /// Tells a transfer's run of a bank's stored message. False where there is no run.
    fn tell(
        &self,
        transfer: TransferId,
        message: MessageId,
    ) -> BoxFuture<'_, Result<bool, StartError>>;

    /// The same for what follows a completed transfer.
    fn start_linked<'a>(&'a self, link: &'a Link) -> BoxFuture<'a, Result<(), StartError>>;

    /// Whether a workflow could be started now.
    fn ready(&self) -> BoxFuture<'_, Result<(), StartError>>;
}

/// No money is at risk: the order is stored, and the sweeper starts it later.
#[derive(Debug, thiserror::Error)]
#[error("the workflow engine does not take the transfer now")]
pub struct StartError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Something this process needs, and how to ask whether it is there.
#[derive(Clone)]
pub struct Probe {
    pub(crate) name: &'static str,
    pub(crate) check: Check,
}

impl Probe {
    pub fn new(
        name: &'static str,
        check: impl Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            check: Arc::new(check),
        }
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Probe").field(&self.name).finish()
    }
}

/// Rails by their ids.
pub type Ports = Arc<BTreeMap<RailId, Arc<dyn Rail>>>;

/// The bounds of one listener.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body: usize,
    /// How long a request may take before it is answered with 504.
    pub request: Duration,
    /// Requests in work at the same time; the next one is told to come back.
    pub requests: usize,
    /// Notices of one rail that are stored in a second; a bank that sends more is told to come back.
    pub notices: u32,
    /// Workflow starts in flight at the same time; what is above it is left to the sweeper.
    pub starts: usize,
    /// Open connections.
    pub connections: usize,
    /// How long a connection may take to send the head of its next request.
    pub head: Duration,
    /// How long requests in work may still take when the program is told to end.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 * 1024,
            request: Duration::from_secs(30),
            requests: 1_024,
            notices: 500,
            starts: 256,
            connections: 16_384,
            head: Duration::from_secs(10),
            drain: Duration::from_secs(10),
        }
    }
}

/// Cheap to clone: one for each request.
#[derive(Clone, Debug)]
pub struct App {
    pub db: Db,
    pub identity: Identity,
    pub transfers: Transfers,
    pub inbox: Inbox,
    /// The rails whose banks may send notices here.
    pub ports: Ports,
    pub starter: Arc<dyn Starter>,
    /// What is known of the rails right now.
    pub rails: Watched,
    pub clock: SharedClock,
    pub mint: Mint,
    pub limits: Limits,
    /// What readiness asks beside the database and the engine.
    pub probes: Arc<[Probe]>,
    pub(crate) admission: Admission,
    pub(crate) rooms: Rooms,
}

/// Seats that bound what runs at the same time.
#[derive(Clone, Debug)]
pub(crate) struct Rooms {
    pub(crate) requests: Arc<Semaphore>,
    pub(crate) starts: Arc<Semaphore>,
    pub(crate) notices: Arc<NoticeRate>,
}

/// Everything an [`App`] is made of.
#[derive(Debug)]
pub struct Parts {
    pub db: Db,
    pub identity: Identity,
    pub transfers: Transfers,
    pub inbox: Inbox,
    /// The rails whose banks may send notices here.
    pub ports: Ports,
    pub starter: Arc<dyn Starter>,
    pub rails: Watched,
    pub clock: SharedClock,
    pub mint: Mint,
    pub limits: Limits,
    pub probes: Vec<Probe>,
}

impl From<Parts> for App {
    fn from(parts: Parts) -> Self {
        Self {
            rooms: Rooms {
                requests: Arc::new(Semaphore::new(parts.limits.requests)),
                starts: Arc::new(Semaphore::new(parts.limits.starts)),
                notices: Arc::new(NoticeRate::new(parts.limits.notices)),
            },
            admission: Admission::new(parts.transfers.clone()),
            db: parts.db,
            identity: parts.identity,
            transfers: parts.transfers,
            inbox: parts.inbox,
            ports: parts.ports,
            starter: parts.starter,
            rails: parts.rails,
            clock: parts.clock,
            mint: parts.mint,
            limits: parts.limits,
            probes: parts.probes.into(),
        }
    }
}
