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

use std::collections::BTreeSet;
use std::sync::Arc;

use ambient::{Mint, SharedClock};
use db::Db;
use domain::Tenant;
use domain::rail::RailId;
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
    /// Rails to real banks that this installation is set up for.
    offered: Arc<BTreeSet<RailId>>,
}

impl Identity {
    pub fn new(db: Db, mint: Mint, clock: SharedClock, vault: Vault) -> Self {
        Self {
            db,
            mint,
            clock,
            vault,
            offered: Arc::default(),
        }
    }

    /// With these rails to real banks, beside those of the sandbox.
    #[must_use]
    pub fn offering(self, rails: impl IntoIterator<Item = RailId>) -> Self {
        Self {
            offered: Arc::new(rails.into_iter().collect()),
            ..self
        }
    }

    /// Why money of this tenant does not go by this rail; none where it may. The sandbox's rails
    /// are for its tenants alone, and real ones never for them.
    pub fn why_not(&self, tenant: &Tenant, rail: RailId) -> Option<&'static str> {
        match (rail.is_sandbox(), tenant.mode.is_live()) {
            (true, true) => Some("is for the sandbox only"),
            (false, false) => Some("moves real money, which the sandbox does not"),
            // A transfer over it would wait for ever.
            (false, true) if !self.offered.contains(&rail) => Some("is not offered here"),
            _ => None,
        }
    }
}
