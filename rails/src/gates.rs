//! The gates of all rails in this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ambient::{SharedClock, Timestamp};
use domain::rail::RailId;

use crate::{Gate, State, Watched};

/// Clones share the gates.
#[derive(Clone, Debug)]
pub struct Gates {
    facts: Watched,
    clock: SharedClock,
    /// How this process is told from others that use the same rails.
    process: Arc<str>,
    built: Arc<Mutex<BTreeMap<RailId, Arc<Gate>>>>,
}

impl Gates {
    pub fn new(facts: Watched, clock: SharedClock, process: &str) -> Self {
        Self {
            facts,
            clock,
            process: process.into(),
            built: Arc::default(),
        }
    }

    pub fn rail(&self, rail: RailId) -> Arc<Gate> {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        let build = || Gate::new(rail, self.facts.clone(), self.clock.clone());
        Arc::clone(built.entry(rail).or_insert_with(|| Arc::new(build())))
    }

    pub(crate) fn process(&self) -> &str {
        &self.process
    }

    /// Of the rails that were used.
    pub(crate) fn breakers(&self) -> Vec<(RailId, State, Timestamp)> {
        let built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        let said = |(rail, gate): (&RailId, &Arc<Gate>)| {
            let (state, since) = gate.breaker();
            (*rail, state, since)
        };
        built.iter().map(said).collect()
    }
}
