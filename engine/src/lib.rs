//! An embedded durable execution engine that speaks Temporal's gRPC API.
//!
//! [`Engine::open`] on a file, [`Engine::door`] for callers in the same process,
//! [`Engine::serve`] for callers over TCP. The official SDK's worker and client run on either.
//! Nothing is acknowledged before it is on disk.
//!
//! `core` decides and does nothing else; `runs` locks, loads and carries records to `store`;
//! `matching` and `timers` bring work to workers; `frontend` reads requests and writes answers;
//! `door` is the way in. See the README for the road of a record.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod calendar;
#[cfg(feature = "client")]
mod client;
mod core;
mod door;
mod engine;
mod errands;
mod errors;
mod frontend;
mod limits;
mod matching;
#[cfg(test)]
mod outage;
mod runs;
mod schedules;
mod store;
pub mod testing;
mod timers;
mod token;
mod visibility;
mod wire;
mod workers;

pub use door::{ApiKeys, Door, KeyAccess, KeyError, KeyNamespaces, Reply, ServeOptions, Tls};
pub use engine::{Config, Engine};
#[cfg(feature = "client")]
pub use errors::ConnectError;
pub use errors::{FatalError, OpenError, ServeError};
