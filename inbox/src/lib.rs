//! What banks say by themselves: notices that they send, and the lines of their statements.
//!
//! Each message is stored before anybody acts on it, once, however often it comes. It is matched
//! with the step of ours that it names, and compared with what was ordered: what agrees may end a
//! doubt, what contradicts is set aside for a person. No bank is called from here and no workflow
//! told; whoever does that asks here what there is to tell.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
mod hear;
mod judge;
mod list;
mod message;
mod row;
mod statement;
mod take;
mod tell;

use ambient::{Mint, SharedClock};
use db::Db;
use transfers::Transfers;
use vault::Vault;

pub use error::InboxError;
pub use hear::News;
pub use list::Filter;
pub use message::{Message, Origin, State};
pub use statement::Advance;
pub use take::{Incoming, Taken};
pub use tell::ToTell;

/// The longest page of any list here.
pub const LONGEST_PAGE: u32 = 100;

/// Clones share everything.
#[derive(Clone, Debug)]
pub struct Inbox {
    db: Db,
    mint: Mint,
    clock: SharedClock,
    vault: Vault,
    transfers: Transfers,
}

impl Inbox {
    /// The transfers' room knows which step a reference is, and what is known of it.
    pub const fn new(
        db: Db,
        mint: Mint,
        clock: SharedClock,
        vault: Vault,
        transfers: Transfers,
    ) -> Self {
        Self {
            db,
            mint,
            clock,
            vault,
            transfers,
        }
    }
}
