//! The gate of one rail in this process: every call passes it, and it says "go" or "not now".
//!
//! "Not now" means that nothing was sent. It is said when the rail is paused, when its breaker is
//! open, or when waiting for a turn would take too long; it concludes nothing about money.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ambient::{SharedClock, Timestamp};
use domain::PartnerId;
use domain::rail::RailId;
use tokio::sync::{oneshot, watch};

use crate::breaker::Breaker;
use crate::bucket::Bucket;
use crate::turns::Turns;
use crate::{Facts, Health, State, Watched, pace};

/// How long a call may wait for its turn: it and the call itself fit into an activity's time.
const PATIENCE: Duration = Duration::from_secs(6);

/// Whoever asks again in a pause waits as long as it has lasted, up to this. Only calls from before
/// rails had queues ask at all; their tries are counted, and a pause must not use them up.
const LONGEST_BETWEEN_TRIES: Duration = Duration::from_secs(3_600);

/// How many calls may wait for each that is under way, so that partners can take turns.
const WAITING: u32 = 2;

#[derive(Debug)]
pub struct Gate {
    rail: RailId,
    clock: SharedClock,
    facts: Watched,
    inner: Mutex<Inner>,
    /// Rings when the breaker changes.
    bell: watch::Sender<()>,
}

#[derive(Debug)]
struct Inner {
    breaker: Breaker,
    bucket: Bucket,
    turns: Turns<oneshot::Sender<()>>,
    /// When the breaker closed again: the rate grows from there.
    recovered_at: Option<Timestamp>,
}

/// Surely nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    #[error("the rail {rail} is paused; nothing was sent, it goes on when the rail is resumed")]
    Paused { rail: RailId, wait: Duration },
    #[error("the rail {rail} does not answer and is left alone for a while; nothing was sent")]
    BreakerOpen { rail: RailId, wait: Duration },
    #[error("the rail {rail} has more to do than it may; nothing was sent")]
    Busy { rail: RailId },
}

impl NotNow {
    /// When asking again makes sense.
    pub const fn wait(self) -> Duration {
        match self {
            Self::Paused { wait, .. } | Self::BreakerOpen { wait, .. } => wait,
            Self::Busy { .. } => Duration::from_secs(5),
        }
    }
}

/// What a worker of this rail should be doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is to be fetched; what waits on the rail's queue waits there.
    Shut,
    /// So much may be fetched at the same time.
    Open { seats: u32 },
}

/// Leave for one call. Say what came of it; whatever happens, the permit comes back.
#[derive(Debug)]
pub struct Pass {
    gate: Arc<Gate>,
    kind: Kind,
    health: Option<Health>,
}

/// What a call finds behind the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Clear,
    /// The breaker is half open, and this call is the one that goes to see.
    Probe,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Turn(PartnerId),
    Probe,
    Question,
}

impl Gate {
    pub(crate) fn new(rail: RailId, facts: Watched, clock: SharedClock) -> Self {
        let capacity = rail.capacity();
        let inner = Inner {
            breaker: Breaker::new(capacity.breaker, clock.now()),
            bucket: Bucket::new(),
            turns: Turns::new(facts.rail(rail).concurrent()),
            recovered_at: None,
        };
        Self {
            rail,
            clock,
            facts,
            inner: Mutex::new(inner),
            bell: watch::Sender::new(()),
        }
    }

    /// Waits for the partner's turn and for the rate, a few seconds at most.
    pub async fn payment(self: &Arc<Self>, partner: PartnerId) -> Result<Pass, NotNow> {
        let latest = self.clock.now().after(PATIENCE);
        let Some(mut turn) = self.line_up(partner)? else {
            return Ok(self.pass(Kind::Probe));
        };
        tokio::select! {
            biased;
            () = turn.comes() => {}
            () = self.clock.sleep_until(latest) => return Err(NotNow::Busy { rail: self.rail }),
        }
        let pass = turn.taken();
        let facts = self.facts.rail(self.rail);
        let now = self.clock.now();
        let at = {
            let mut inner = self.lock();
            let rate = inner.rate(&facts, now);
            inner.bucket.take(now, rate, latest)
        };
        let at = at.ok_or(NotNow::Busy { rail: self.rail })?;
        if at > now {
            self.clock.sleep_until(at).await;
        }
        // What was let in before a pause or an outage began, and did not leave yet, stays.
        Ok(match self.passable()? {
            Way::Clear => pass,
            Way::Probe => self.pass(Kind::Probe),
        })
    }

    /// Leave for a question. It moves nothing, so neither a pause nor a breaker holds it up.
    pub async fn question(self: &Arc<Self>) -> Result<Pass, NotNow> {
        let now = self.clock.now();
        let rate = self.facts.rail(self.rail).full_rate();
        let latest = now.after(PATIENCE);
        let at = self.lock().bucket.take(now, rate, latest);
        let at = at.ok_or(NotNow::Busy { rail: self.rail })?;
        if at > now {
            self.clock.sleep_until(at).await;
        }
        Ok(self.pass(Kind::Question))
    }

    pub fn standing(&self) -> Standing {
        let (facts, now) = (self.facts.rail(self.rail), self.clock.now());
        if facts.paused.is_some() {
            return Standing::Shut;
        }
        let mut inner = self.lock();
        match inner.breaker.state(now).0 {
            State::Open => Standing::Shut,
            State::HalfOpen => Standing::Open { seats: 1 },
            State::Closed => Standing::Open {
                seats: seats(facts.concurrent(), inner.rate(&facts, now)),
            },
        }
    }

    /// Returns once the standing is another one.
    pub async fn other_than(&self, standing: Standing) -> Standing {
        let (mut facts, mut bell) = (self.facts.subscribe(), self.bell.subscribe());
        loop {
            facts.mark_unchanged();
            bell.mark_unchanged();
            let now = self.standing();
            if now != standing {
                return now;
            }
            let by_itself = self.changes_by_itself();
            let later = async {
                match by_itself {
                    Some(at) => self.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            // Neither sender is dropped while the gate lives.
            tokio::select! {
                _ = facts.changed() => {}
                _ = bell.changed() => {}
                () = later => {}
            }
        }
    }

    pub fn breaker(&self) -> (State, Timestamp) {
        let now = self.clock.now();
        self.lock().breaker.state(now)
    }

    /// The next instant at which time alone may change the standing.
    fn changes_by_itself(&self) -> Option<Timestamp> {
        let (facts, now) = (self.facts.rail(self.rail), self.clock.now());
        if facts.paused.is_some() {
            return None;
        }
        let rules = self.rail.capacity().breaker;
        let mut inner = self.lock();
        let (state, since) = inner.breaker.state(now);
        if state == State::Open {
            return Some(since.after(rules.open_for));
        }
        let rested = facts.resumed_at.into_iter().chain(inner.recovered_at);
        rested
            .filter_map(|rested| pace::next_step(rules.ramp, rested, now))
            .min()
    }

    /// A place in the partner's line, or none where this call is the probe.
    fn line_up(self: &Arc<Self>, partner: PartnerId) -> Result<Option<Turn>, NotNow> {
        let facts = self.facts.rail(self.rail);
        let now = self.clock.now();
        let mut inner = self.lock();
        self.shut(&facts, &mut inner, now)?;
        if self.way(&mut inner, now)? == Way::Probe {
            return Ok(None);
        }
        let (served, waits) = oneshot::channel();
        inner.turns.set_permits(facts.concurrent());
        inner.turns.wait(partner, served);
        inner.serve();
        Ok(Some(Turn {
            served: Some(waits),
            gate: Arc::clone(self),
            partner,
        }))
    }

    /// Just before it leaves: the rail may have been paused or fallen silent while it waited.
    fn passable(&self) -> Result<Way, NotNow> {
        let facts = self.facts.rail(self.rail);
        let now = self.clock.now();
        let mut inner = self.lock();
        self.shut(&facts, &mut inner, now)?;
        self.way(&mut inner, now)
    }

    /// Of a rail that is not shut.
    fn way(&self, inner: &mut Inner, now: Timestamp) -> Result<Way, NotNow> {
        if inner.breaker.state(now).0 != State::HalfOpen {
            return Ok(Way::Clear);
        }
        if inner.breaker.probe(now) {
            return Ok(Way::Probe);
        }
        let (rail, wait) = (self.rail, Duration::from_secs(1));
        Err(NotNow::BreakerOpen { rail, wait })
    }

    fn shut(&self, facts: &Facts, inner: &mut Inner, now: Timestamp) -> Result<(), NotNow> {
        let rail = self.rail;
        if let Some(pause) = &facts.paused {
            let lasted = now.since(pause.since);
            let wait = lasted.clamp(Duration::from_secs(1), LONGEST_BETWEEN_TRIES);
            return Err(NotNow::Paused { rail, wait });
        }
        let (state, since) = inner.breaker.state(now);
        if state == State::Open {
            let until = since.after(rail.capacity().breaker.open_for);
            let wait = until.since(now).max(Duration::from_secs(1));
            return Err(NotNow::BreakerOpen { rail, wait });
        }
        Ok(())
    }

    fn pass(self: &Arc<Self>, kind: Kind) -> Pass {
        Pass {
            gate: Arc::clone(self),
            kind,
            health: None,
        }
    }

    fn over(&self, kind: Kind, health: Option<Health>) {
        let now = self.clock.now();
        let mut inner = self.lock();
        let before = inner.breaker.state(now);
        match (kind, health) {
            (Kind::Probe, health) => inner.breaker.probed(health, now),
            (_, Some(health)) => inner.breaker.saw(health, now),
            (_, None) => {}
        }
        let after = inner.breaker.state(now);
        if before.0 != State::Closed && after.0 == State::Closed {
            inner.recovered_at = Some(now);
        }
        if let Kind::Turn(partner) = kind {
            inner.turns.give_back(partner);
            inner.serve();
        }
        drop(inner);
        if before.0 != after.0 {
            tracing::warn!(rail = %self.rail, from = before.0.name(), to = after.0.name(), "breaker");
            self.bell.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here leaves a half-made change behind.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn serve(&mut self) {
        // All partners weigh the same.
        while let Some((partner, who)) = self.turns.next(|_| 1) {
            if who.send(()).is_err() {
                self.turns.give_back(partner);
            }
        }
    }

    /// The slower of what operators and the breaker ask for.
    fn rate(&self, facts: &Facts, now: Timestamp) -> u32 {
        let asked = facts.rate_at(now);
        let ramp = facts.rail.capacity().breaker.ramp;
        match self.recovered_at {
            Some(recovered) => {
                asked.min(pace::grown(facts.full_rate(), ramp, now.since(recovered)))
            }
            None => asked,
        }
    }
}

/// More than are under way, so that there is somebody to choose from; never more than can go
/// before they lose patience.
fn seats(concurrent: u32, rate: u32) -> u32 {
    let seconds = u32::try_from(PATIENCE.as_secs()).unwrap_or(1);
    let go_in_time = rate.saturating_mul(seconds) / 2;
    concurrent.saturating_mul(WAITING).min(go_in_time).max(1)
}

impl Pass {
    pub const fn saw(&mut self, health: Health) {
        self.health = Some(health);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gate.over(self.kind, self.health);
    }
}

/// A place in a line. A future that is dropped while it waits leaves it.
#[derive(Debug)]
struct Turn {
    /// None once the permit is somebody else's to give back.
    served: Option<oneshot::Receiver<()>>,
    gate: Arc<Gate>,
    partner: PartnerId,
}

impl Turn {
    async fn comes(&mut self) {
        if let Some(served) = &mut self.served {
            // The other half lives in the line until it is served.
            let _served = served.await;
        }
    }

    fn taken(mut self) -> Pass {
        self.served = None;
        self.gate.pass(Kind::Turn(self.partner))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(mut served) = self.served.take() else {
            return;
        };
        served.close();
        let mut inner = self.gate.lock();
        if served.try_recv().is_ok() {
            inner.turns.give_back(self.partner);
        }
        inner.turns.retain(|waiting| !waiting.is_closed());
        inner.serve();
    }
}
