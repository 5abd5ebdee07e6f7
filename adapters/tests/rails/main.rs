//! Every rail, through the conformance suite and against its own sandbox.
#![allow(clippy::unwrap_used)]

mod cards;
mod checkouts;
mod conformance;
mod iso20022;
mod sandbox_bank;
