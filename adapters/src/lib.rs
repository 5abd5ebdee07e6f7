//! One folder per bank or card network, and the registry that builds them from configuration.
//!
//! An adapter translates: an instruction into the bank's request, the bank's answer into one of
//! the port's few kinds. It decides nothing about transfers and knows nothing of workflows.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod evidence;
mod files;
mod http;
pub mod iso20022;
mod registry;
pub mod sandbox_bank;
mod signature;
pub mod stripe;
mod transport;

pub use files::Files;
pub use http::{Http, Limits};
pub use registry::{BuildError, NotConfigured, RailConfig, Rails};
pub use signature::Secret;
pub use transport::{Lost, Reply, Request, Transport};
