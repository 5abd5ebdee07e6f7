//! The sandbox bank and the sandbox card network: other companies' servers, with their own durable
//! books and their own bad days.
//!
//! They know nothing of our ledger, our transfers or our types: what they and we agree on is their
//! HTTP interfaces, written down in `docs/sandbox.md`. Their books are the oracle for "exactly once".
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod answer;
mod bank;
mod books;
mod cards;
mod controls;
mod deliverer;
mod delivery;
mod faults;
mod files;
mod http;
mod in_process;
mod inquire;
mod iso;
mod magic;
mod misbehaviour;
mod movement;
mod order;
mod outbox;
mod returns;
mod schema;
mod serve;
mod submit;
mod webhook;

pub use account::Account;
pub use bank::{Bank, BankError};
pub use books::{BooksError, OpenError};
pub use cards::{CardNetwork, Payment, PaymentStatus, Refund};
pub use delivery::Delivery;
pub use faults::{Faults, InvalidFaults, Rule, Target};
pub use in_process::{Heard, InProcess, NotHeard};
pub use misbehaviour::Misbehaviour;
pub use movement::{Kind, Movement, State};
pub use order::{Malformed, Order};
pub use outbox::{Webhook, WebhookTarget};
pub use serve::serve_both;
