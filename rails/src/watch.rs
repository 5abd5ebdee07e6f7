//! The facts as this process last read them. Reading is a look into memory; the database is asked
//! by one task, often enough that a pause holds within a second.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ambient::{SharedClock, Timestamp};
use domain::rail::RailId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{Facts, Gates, Rails, State};

/// Half of the second in which a pause must hold; the other half is for a slow database.
const EVERY: Duration = Duration::from_millis(400);

/// How often a process repeats what its breaker says, so that its silence can be told from it.
const REPEATED: Duration = Duration::from_secs(5);

/// Clones see the same. A rail that nobody ever spoke of is as the contract says.
#[derive(Clone, Debug)]
pub struct Watched {
    facts: watch::Sender<Arc<BTreeMap<RailId, Facts>>>,
}

impl Default for Watched {
    fn default() -> Self {
        Self {
            facts: watch::Sender::new(Arc::default()),
        }
    }
}

impl Watched {
    /// What is known of a rail.
    pub fn rail(&self, rail: RailId) -> Facts {
        let facts = self.facts.borrow();
        facts.get(&rail).cloned().unwrap_or(Facts::unsaid(rail))
    }

    pub fn set(&self, facts: impl IntoIterator<Item = Facts>) {
        let facts: BTreeMap<_, _> = facts.into_iter().map(|facts| (facts.rail, facts)).collect();
        self.facts.send_if_modified(|known| {
            let news = **known != facts;
            if news {
                *known = Arc::new(facts);
            }
            news
        });
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<BTreeMap<RailId, Facts>>> {
        self.facts.subscribe()
    }

    /// Reads the facts until `stop`, and writes down what this process's breakers say.
    ///
    /// While the database does not answer the last known facts hold: money does not move then
    /// anyway, as no attempt can be recorded.
    pub async fn follow(
        &self,
        rails: Rails,
        gates: Gates,
        clock: SharedClock,
        stop: CancellationToken,
    ) {
        let mut written = BTreeMap::new();
        while !stop.is_cancelled() {
            match rails.facts(clock.now()).await {
                Ok(facts) => self.set(facts),
                Err(error) => tracing::warn!(%error, "the rails' facts stay as they were"),
            }
            for (rail, state, since) in gates.breakers() {
                let now = clock.now();
                let news = news(written.get(&rail), state, now);
                if !news {
                    continue;
                }
                match rails.seen(rail, gates.process(), state, since).await {
                    Ok(()) => drop(written.insert(rail, (state, now))),
                    Err(error) => tracing::warn!(%error, %rail, "its breaker is not written down"),
                }
            }
            tokio::select! {
                () = clock.sleep_until(clock.now().after(EVERY)) => {}
                () = stop.cancelled() => {}
            }
        }
    }
}

fn news(written: Option<&(State, Timestamp)>, state: State, now: Timestamp) -> bool {
    match written {
        // Nothing is written where nothing was ever wrong.
        None => state != State::Closed,
        Some((before, _)) if *before != state => true,
        Some((_, at)) => state != State::Closed && now >= at.after(REPEATED),
    }
}
