//! The record of a transfer: its row, its history, its events, its idempotency, and what banks
//! were asked for it.
//!
//! Everything that belongs together commits together: accepting is one transaction, and so is
//! every step forward with the ledger entry that justifies it. No rail and no HTTP ever live here,
//! and nothing here decides what happens next: workflows do.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod accept;
mod acted;
mod admission;
mod at_bank;
mod attempt;
mod attempts;
pub mod batch;
mod books;
mod by_hand;
mod call_off;
mod command;
mod doubt;
mod ends;
mod error;
mod foretold;
mod history;
mod left;
pub mod linked;
mod list;
mod new;
pub mod outbox;
mod over;
mod proof;
mod rates;
mod record;
mod register;
mod row;
mod rules;
pub mod schedule;
mod screen;
mod start;
mod terms;
mod transfer;
mod watch;

use ambient::{Mint, SharedClock};
use db::{Db, Value, params};
use domain::Tenant;
use identity::Identity;

pub use accept::Accepted;
pub use acted::Acted;
pub use admission::Admission;
pub use at_bank::AtBank;
pub use attempt::{Attempt, AttemptResult, AttemptRow, AttemptState, Finding};
pub use by_hand::ByHand;
pub use call_off::CallOff;
pub use doubt::{Doubt, Evidence, Seen};
pub use error::{AcceptError, AttemptError, FieldError, RecordError, StoreError};
pub use history::StatusChange;
pub use list::{Cursor, Filter, InvalidCursor, Page};
pub use new::{EndpointRef, IdempotencyKey, InvalidKey, LARGEST_TRANSFER, NewTransfer};
pub use outbox::Event;
pub use rates::{RateOrder, Rates, SetRate};
pub use record::Recorded;
pub use rules::{RuleChange, RuleError, RuleOrder, Rules, Standing};
pub use screen::{Rule, Screening, Subject};
pub use transfer::{NetworkStatus, StatusReason, Transfer};
pub use watch::UnderWay;

/// The longest page of any list here.
pub const LONGEST_PAGE: u32 = 100;

/// Clones share everything.
#[derive(Clone, Debug)]
pub struct Transfers {
    db: Db,
    mint: Mint,
    clock: SharedClock,
    identity: Identity,
}

impl Transfers {
    /// The identity room finds bank accounts and the keys that seal descriptions.
    pub fn new(db: Db, mint: Mint, clock: SharedClock, identity: Identity) -> Self {
        Self {
            db,
            mint,
            clock,
            identity,
        }
    }
}

/// The longest note and the longest evidence.
const LONGEST_NOTE: usize = 500;

/// What others wrote, fit to be stored: bounded, and without what a database or a terminal would
/// take amiss.
fn plain(text: &str) -> String {
    let fit = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().take(LONGEST_NOTE).map(fit).collect()
}

/// The first two parameters of every statement in a tenant's scope.
fn scope(tenant: &Tenant) -> Vec<Value> {
    params![tenant.partner.to_string(), tenant.mode.is_live()]
}
