//! What people decided, and that it cannot be changed afterwards: actions with a maker, a reason, a
//! second person where one is needed, and the proof of all that in a hash chain.
//!
//! The log is only ever added to. An action is at most three rows of it: made, decided, used. No
//! money and no rule of a transfer live here: a workflow asks whether an action was approved, and
//! decides itself whether it can still be done.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod action;
mod canonical;
mod decide;
mod error;
mod log;
mod propose;
mod read;
mod usage;
mod verify;

use ambient::Mint;
use db::Db;

pub use action::{ActionState, Decision, StoredAction};
pub use error::{DecideError, NotApproved, StoreError};
pub use propose::Proposal;
pub use verify::{Broken, verify};

/// Clones share everything.
#[derive(Clone, Debug)]
pub struct Audit {
    db: Db,
    mint: Mint,
}

impl Audit {
    pub const fn new(db: Db, mint: Mint) -> Self {
        Self { db, mint }
    }
}

/// The longest reason and the longest evidence, in characters.
pub const LONGEST_TEXT: usize = 500;

/// Fit to be stored and shown: bounded, and without what a database or a terminal would take amiss.
fn plain(text: &str) -> String {
    let fit = |letter: char| if letter.is_control() { ' ' } else { letter };
    let text: String = text.trim().chars().take(LONGEST_TEXT).map(fit).collect();
    text
}
