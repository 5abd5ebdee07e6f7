//! The sandbox bank: another company's server, with its own durable books and its own bad days.
//!
//! It knows nothing of our ledger, our transfers or our types: what it and we agree on is its HTTP
//! interface, written down in `docs/sandbox.md`. Its books are the oracle for "exactly once".
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod answer;
mod bank;
mod books;
mod deliverer;
mod delivery;
mod faults;
mod http;
mod in_process;
mod inquire;
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
pub use delivery::Delivery;
pub use faults::{Faults, InvalidFaults, Rule, Target};
pub use in_process::{Heard, InProcess, NotHeard};
pub use misbehaviour::Misbehaviour;
pub use movement::{Kind, Movement, State};
pub use order::{Malformed, Order};
pub use outbox::{Webhook, WebhookTarget};
