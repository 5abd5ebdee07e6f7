//! Rails, and the port behind which a bank lives: one small trait with optional abilities.

mod answer;
mod port;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use answer::{Answer, Found, PortError, Rejection};
pub use port::{BankAccountNumber, Debits, Inquiries, Instruction, Payouts, Rail};

/// The rails this house knows. A new bank is a new variant; the compiler then lists every place
/// that must decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RailId {
    /// The sandbox bank that ships in the binary.
    SandboxBank,
}

impl RailId {
    pub const ALL: [Self; 1] = [Self::SandboxBank];

    /// What the rail promises; facts about the bank, not settings.
    pub const fn promises(self) -> RailPromises {
        match self {
            Self::SandboxBank => RailPromises {
                deduplicates_for: Some(Duration::from_secs(30 * 86_400)),
                first_inquiry_after: Duration::from_secs(1),
                slowest_inquiry: Duration::from_secs(30),
                // Longer than an order can be under way (the adapter's own limit) or hidden from
                // inquiries.
                not_found_is_proof_after: Duration::from_secs(10),
            },
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::SandboxBank => "sandbox_bank",
        }
    }
}

impl fmt::Display for RailId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a rail that this version knows")]
pub struct UnknownRail;

impl FromStr for RailId {
    type Err = UnknownRail;

    fn from_str(name: &str) -> Result<Self, UnknownRail> {
        Self::ALL
            .into_iter()
            .find(|rail| rail.name() == name)
            .ok_or(UnknownRail)
    }
}

/// What a rail promises. Decisions about doubt are made from this, never from hope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RailPromises {
    /// For how long the bank recognises our reference and answers a repetition with the first
    /// outcome. `None`: a step that was sent is never sent again, only asked about.
    pub deduplicates_for: Option<Duration>,
    /// How long to wait before the first inquiry about an answer that never came.
    pub first_inquiry_after: Duration,
    /// The longest wait between two inquiries; the waits double up to it.
    pub slowest_inquiry: Duration,
    /// From when on after the last attempt "not found" is proof that it never arrived.
    pub not_found_is_proof_after: Duration,
}
