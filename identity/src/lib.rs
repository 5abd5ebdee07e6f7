//! Who is who: partners, their API keys, their users, the users' bank accounts and cards
//! outside, and merchants.
//!
//! What names a person (names, account numbers) is sealed under a key of that person alone, so
//! erasing the person is destroying one key. Money is never touched here; only the sandbox's
//! sample data asks the ledger to open wallets.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod bank_accounts;
mod cards;
mod directory;
mod error;
mod keys;
mod merchants;
mod partners;
mod presented;
mod scope;
pub mod seed;
mod subjects;
mod users;

use ambient::{Mint, SharedClock};
use db::Db;
use vault::Vault;

pub use bank_accounts::{BankAccount, BankAccountState, NewBankAccount, UnknownState};
pub use cards::{Card, NewCard};
pub use error::IdentityError;
pub use keys::{AuthError, Caller, IssuedKey, NewKey};
pub use merchants::{FeeTerms, Merchant, NewMerchant};
pub use scope::{Scope, Scopes};
pub use users::User;

/// The longest page of any list here: a hundred, and one more to see whether there are more.
pub const LONGEST_PAGE: u32 = 101;

/// Clones share everything.
#[derive(Clone, Debug)]
pub struct Identity {
    db: Db,
    mint: Mint,
    clock: SharedClock,
    vault: Vault,
}

impl Identity {
    pub fn new(db: Db, mint: Mint, clock: SharedClock, vault: Vault) -> Self {
        Self {
            db,
            mint,
            clock,
            vault,
        }
    }
}
