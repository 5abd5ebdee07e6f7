//! The sandbox card network: another company's server, Stripe-shaped, with its own durable books.
//!
//! It shares its file format, its bad days and its door with the sandbox bank, and no type with
//! us. It holds no card numbers: only which test card it was.

mod authorise;
mod book;
mod capture;
mod card;
mod chargeback;
mod checkout;
mod deliver;
mod http;
mod idempotency;
mod intent;
mod network;
mod page;
mod refund;
mod said;
mod schema;
mod search;
mod void;

pub use intent::{Payment, PaymentStatus};
pub use network::CardNetwork;
pub use refund::Refund;
