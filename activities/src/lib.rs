//! What workflows ask of the world: decode, one call to a port or a store, map the error.
//!
//! One file an activity, listed in the tables of [`Books`] and [`Bank`]. The definitions live in
//! `workflows`; [`failure`] alone decides what is tried again. No arithmetic and no SQL here.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod audit;
mod bank;
mod books;
mod failure;
mod inbox;
mod plans;

pub use audit::Audit;
pub use bank::{Bank, StatementError};
pub use books::Books;
pub use inbox::Inbox;
pub use plans::{Plans, Starts};
