//! The clients and the operator of a simulation: so many transfers are always under way, each ends
//! or waits for a person, and the person always says "try again".

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ambient::Clock;
use anyhow::{Context, Result, bail, ensure};
use domain::TransferId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use transfers::{AcceptError, IdempotencyKey, NewTransfer};

use super::plan::{Plan, Wish};
use super::{Report, Settings, stopwatch};
use crate::oracles::{self, Accepted, Evidence, Histories, Oracle, Wrong};
use crate::world::{Desk, Town, World, order};

/// What each wallet has at the beginning: some payments will find too little.
const IN_EACH_WALLET: i64 = 200_000;
/// What is due so soon after something else happens together with it.
const STRIDE: Duration = Duration::from_secs(1);
/// How long nothing may happen at all, in real time, before the run is given up.
const STUCK: Duration = Duration::from_secs(60);
/// So often a person says "try again" before the transfer is left waiting, for everyone to see.
const MOST_NUDGES: u32 = 3;
const LOOK_EVERY: Duration = Duration::from_millis(3);

/// Who waits for a transfer to end.
type Waiting = Arc<Mutex<HashMap<TransferId, OwnedSemaphorePermit>>>;

struct Office {
    settings: Settings,
    world: World,
    desk: Desk,
    town: Town,
    plan: Arc<Plan>,
    waiting: Waiting,
    accepted: Mutex<Vec<Accepted>>,
    wrong: Mutex<Vec<Wrong>>,
    nudges: AtomicU64,
}

pub(super) async fn run(settings: Settings) -> Result<Report> {
    let plan = Arc::new(Plan::of(settings.seed));
    let mut world = World::open(plan.clone()).await?;
    let town = world.populate(settings.people, IN_EACH_WALLET).await?;
    world.engine.jump_in_strides(STRIDE);
    let desk = world.desk().await?;
    let workers = world.client(world.engine.door().service()).await?;
    world.work(workers);
    let office = Arc::new(Office {
        settings,
        world,
        desk,
        town,
        plan,
        waiting: Waiting::default(),
        accepted: Mutex::default(),
        wrong: Mutex::default(),
        nudges: AtomicU64::new(0),
    });
    let (begun, watch) = (office.world.time.now(), stopwatch());
    tokio::select! {
        driven = Arc::clone(&office).drive() => driven?,
        watched = office.watch() => watched?,
    }
    let (driven, lived) = (watch.elapsed(), office.world.time.now().since(begun));
    let watch = stopwatch();
    let mut seen = office.judge().await?;
    seen.wrong.extend(office.take_wrong());
    let (calls, mishaps) = office.plan.calls();
    let report = Report {
        settings,
        seen,
        lived,
        driven,
        checked: watch.elapsed(),
        mishaps,
        calls,
        nudges: office.nudges.load(Ordering::Relaxed),
    };
    let office = Arc::into_inner(office).context("somebody still drives")?;
    office.world.close().await?;
    Ok(report)
}

impl Office {
    async fn drive(self: Arc<Self>) -> Result<()> {
        let places = Arc::new(Semaphore::new(self.settings.at_once));
        let mut clients = JoinSet::new();
        for number in 0..self.settings.transfers {
            let place = Arc::clone(&places).acquire_owned().await?;
            clients.spawn(Arc::clone(&self).client(number, place));
            while let Some(done) = clients.try_join_next() {
                done??;
            }
        }
        while let Some(done) = clients.join_next().await {
            done??;
        }
        let everyone = u32::try_from(self.settings.at_once)?;
        drop(places.acquire_many(everyone).await?);
        Ok(())
    }

    async fn client(self: Arc<Self>, number: u32, place: OwnedSemaphorePermit) -> Result<()> {
        let wish = self.plan.wish(number, &self.town).context("no such wish")?;
        let key = IdempotencyKey::new(&format!("proof-{number}"))?;
        let (transfers, tenant) = (&self.world.transfers, &self.town.tenant);
        let accepted = transfers.accept(tenant, &key, request(wish)?).await?;
        let transfer = accepted.transfer;
        self.plan.accepted(transfer.id, number);
        lock(&self.accepted).push(Accepted {
            name: format!("number {number}"),
            transfer: transfer.id,
            minor: wish.minor,
            source: transfer.source,
            destination: transfer.destination,
        });
        lock(&self.waiting).insert(transfer.id, place);
        self.desk.starter.start(&transfer.order()).await?;
        if wish.repeated {
            self.repeat(&key, wish, &transfer).await?;
        }
        Ok(())
    }

    /// The same request again has the same answer, another one under its key has none.
    async fn repeat(
        &self,
        key: &IdempotencyKey,
        wish: Wish,
        first: &transfers::Transfer,
    ) -> Result<()> {
        let (transfers, tenant) = (&self.world.transfers, &self.town.tenant);
        let again = transfers.accept(tenant, key, request(wish)?).await?;
        if !again.replayed || again.transfer != *first {
            self.say(first.id, "another answer to the same request");
        }
        let minor = wish.minor + 1;
        let other = transfers.accept(tenant, key, request(Wish { minor, ..wish })?);
        if !matches!(other.await, Err(AcceptError::KeyReused { .. })) {
            self.say(first.id, "another request was taken under the same key");
        }
        Ok(())
    }

    fn say(&self, transfer: TransferId, says: &str) {
        lock(&self.wrong).push(Wrong {
            oracle: Oracle::O5,
            subject: transfer.to_string(),
            says: says.to_owned(),
        });
    }

    /// Reads the events as they come: what ends gives its place to the next, what needs a person
    /// finds one.
    async fn watch(&self) -> Result<()> {
        let (mut position, mut last) = (0, stopwatch());
        let mut nudged = HashMap::new();
        loop {
            let events = self.desk.events(position).await?;
            if let Some(event) = events.last() {
                (position, last) = (event.position, stopwatch());
            }
            for event in &events {
                if event.is_the_end() {
                    lock(&self.waiting).remove(&event.transfer);
                } else if event.asks_for_a_person() {
                    let told = nudged.entry(event.transfer).or_insert(0_u32);
                    *told += 1;
                    if *told > MOST_NUDGES {
                        lock(&self.waiting).remove(&event.transfer);
                    } else {
                        self.nudges.fetch_add(1, Ordering::Relaxed);
                        self.desk.try_again(event.transfer).await?;
                    }
                }
            }
            if last.elapsed() > STUCK {
                let waiting: Vec<_> = lock(&self.waiting).keys().copied().collect();
                let first = waiting.first().copied();
                let number = first.and_then(|first| self.number(first));
                bail!(
                    "seed {}: nothing happens any more, and {} transfers wait, {first:?} \
                     (number {number:?}) among them",
                    self.settings.seed,
                    waiting.len()
                );
            }
            if events.is_empty() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }

    fn number(&self, transfer: TransferId) -> Option<String> {
        let accepted = lock(&self.accepted);
        let found = accepted.iter().find(|it| it.transfer == transfer);
        found.map(|found| found.name.clone())
    }

    async fn judge(&self) -> Result<oracles::Seen> {
        let accepted = lock(&self.accepted).clone();
        let evidence = Evidence {
            db: &self.world.db,
            banks: &self.world.banks,
            accepted: &accepted,
        };
        let mut seen = oracles::check(&evidence).await?;
        let names: BTreeMap<_, _> = accepted
            .iter()
            .map(|it| (it.transfer.to_string(), it.name.clone()))
            .collect();
        let every = usize::try_from((self.settings.transfers / self.settings.replayed).max(1))?;
        let sample: Vec<_> = accepted
            .iter()
            .step_by(every)
            .map(|it| it.transfer)
            .collect();
        let histories = Histories(self.desk.client.clone());
        histories.check(&mut seen, &sample).await?;
        for wrong in &mut seen.wrong {
            let id = wrong.subject.get(..29).unwrap_or_default();
            if let Some(name) = names.get(id) {
                wrong.subject =
                    format!("{} = {name} of seed {}", wrong.subject, self.settings.seed);
            }
        }
        ensure!(
            accepted.len() == usize::try_from(self.settings.transfers)?,
            "not everything was accepted"
        );
        Ok(seen)
    }

    fn take_wrong(&self) -> Vec<Wrong> {
        std::mem::take(&mut *lock(&self.wrong))
    }
}

fn request(wish: Wish) -> Result<NewTransfer> {
    order(wish.minor, wish.source, wish.destination)
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
