//! What a bank can answer, and what the absence of an answer means.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::transfer::Decline;

/// The bank did it. Its own reference is kept for reconciliation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub bank_reference: String,
}

/// The bank said no, with a code from the rail's explicit list of final refusals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the bank refused: {decline} (its code: {network_code})")]
pub struct Rejection {
    pub decline: Decline,
    /// The rail's raw word, for support; never interpreted again.
    pub network_code: String,
}

/// Four kinds, and nothing concludes "failed" from silence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Final: on the rail's explicit list of refusals.
    #[error(transparent)]
    Rejected(Rejection),
    /// Surely not executed; the bank asks for patience.
    #[error("the bank asks to wait; nothing was executed")]
    Throttled { retry_after: Option<Duration> },
    /// Surely not sent: no connection was made.
    #[error("the bank could not be reached; nothing was sent")]
    Unreachable,
    /// Everything else: timeouts, broken connections, 5xx, garbage. It may have happened.
    #[error("the bank's answer never came or made no sense ({evidence}); it may have happened")]
    Unknown { evidence: String },
}

/// What an inquiry by our own reference found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Found {
    Executed {
        bank_reference: String,
    },
    Rejected {
        rejection: Rejection,
    },
    /// The bank knows of it, but has not decided yet.
    Pending,
    /// The bank does not know the reference (yet): proof only after the rail's cut-off.
    NotFound,
    /// What the bank has under our reference is not what we ordered: another amount, currency or
    /// direction. Nothing is concluded from it; a person looks.
    Contradicts {
        evidence: String,
    },
}
