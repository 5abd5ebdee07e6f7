//! The words of the business, and the rules that need nothing but their arguments.
//!
//! Money, ids, the states of a transfer and how they may change, rails and the ports behind which
//! banks live. No SQL, no HTTP, no SDK, no clock and no randomness: whoever needs those hands in
//! the values.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod action;
pub mod banking_day;
pub mod cadence;
pub mod code;
pub mod date;
pub mod id;
pub mod linked;
pub mod money;
pub mod rail;
pub mod step;
pub mod tenant;
pub mod transfer;

pub use action::{Action, ActionKind, Actor, Told};
pub use ambient::Timestamp;
pub use banking_day::Calendar;
pub use cadence::Cadence;
pub use code::{Code, Outcome};
pub use date::{Date, Weekday};
pub use id::{
    AccountId, ActionId, BankAccountId, BatchId, CardId, ChargebackId, EntryId, EventId, HoldId,
    InvalidId, KeyId, MerchantId, MessageId, PartnerId, PaymentRequestId, QuoteId, RefundId,
    RequestId, ReturnId, ScheduleId, TransferId, UserId,
};
pub use linked::LinkedId;
pub use money::{Currency, LARGEST_AMOUNT, Money, MoneyError};
pub use step::{Step, StepKey};
pub use tenant::{Mode, Tenant};
