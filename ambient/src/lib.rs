//! Time and randomness: the two things a pure core may not fetch for itself.
//!
//! Everything else receives them as parameters, so that a test can own both. This is the only
//! room that asks the operating system what time it is or for random bytes.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod civil;
mod clock;
mod entropy;
mod jumping;
mod manual;
mod mint;
mod timestamp;

pub use clock::{Clock, SharedClock, SystemClock};
pub use entropy::{EntropyError, fill};
pub use jumping::JumpingClock;
pub use manual::ManualClock;
pub use mint::Mint;
pub use timestamp::Timestamp;
