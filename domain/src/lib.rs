//! The words of the business, and the rules that need nothing but their arguments.
//!
//! Money, ids, the states of a transfer and how they may change, rails and the ports behind which
//! banks live. No SQL, no HTTP, no SDK, no clock and no randomness: whoever needs those hands in
//! the values.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod action;
pub mod code;
pub mod id;
pub mod money;
pub mod rail;
pub mod step;
pub mod tenant;
pub mod transfer;

pub use action::{Action, ActionKind, Actor, Told};
pub use ambient::Timestamp;
pub use code::{Code, Outcome};
pub use id::{
    AccountId, ActionId, BankAccountId, CardId, EntryId, EventId, HoldId, InvalidId, KeyId,
    MerchantId, PartnerId, QuoteId, RequestId, TransferId, UserId,
};
pub use money::{Currency, LARGEST_AMOUNT, Money, MoneyError};
pub use step::{Step, StepKey};
pub use tenant::{Mode, Tenant};
