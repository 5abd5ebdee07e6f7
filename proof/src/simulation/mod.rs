//! Many transfers at once, and everything that banks can do wrong, by a seed.
//!
//! The seed decides what each transfer is and what each of its calls meets, by its number alone:
//! not by when it runs. So a seed and a number tell what happened to a transfer, and running the
//! seed again does the same to it, though threads interleave as they like.

mod dice;
mod drive;
mod plan;

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::oracles::Seen;

pub use plan::{Plan, Wish};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    pub seed: u64,
    pub transfers: u32,
    /// How many are under way at once.
    pub at_once: usize,
    pub people: usize,
    /// How many histories are read and replayed at the end.
    pub replayed: u32,
}

impl Settings {
    pub const fn of(seed: u64, transfers: u32) -> Self {
        Self {
            seed,
            transfers,
            at_once: 90,
            people: 50,
            replayed: if transfers < 1_000 { 50 } else { 200 },
        }
    }
}

/// What a run did and what the oracles say of it.
#[derive(Debug)]
pub struct Report {
    pub settings: Settings,
    pub seen: Seen,
    /// How much time passed for banks and transfers.
    pub lived: Duration,
    pub driven: Duration,
    pub checked: Duration,
    /// How many calls to banks went wrong.
    pub mishaps: u64,
    pub calls: u64,
    pub nudges: u64,
}

/// Accepts all of them, lets the machine come to rest, and asks the oracles.
pub async fn run(settings: Settings) -> Result<Report> {
    drive::run(settings).await
}

impl Report {
    pub fn is_right(&self) -> bool {
        self.seen.is_right()
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "seed {}: {} transfers in {:.1?} and {:.1?} for the oracles",
            self.settings.seed, self.settings.transfers, self.driven, self.checked
        )?;
        writeln!(
            f,
            "{} calls to banks, {} of them went wrong; {} nudges by an operator; {:.1?} passed",
            self.calls, self.mishaps, self.nudges, self.lived
        )?;
        write!(f, "{}", self.seen)
    }
}

/// The real time, for the figures of a run only.
#[allow(clippy::disallowed_methods)] // Nothing is decided by it.
fn stopwatch() -> Instant {
    Instant::now()
}
