//! The bad days: what the bank can do instead of simply answering.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misbehaviour {
    /// Executed, and then no answer until the client gives up.
    TimeoutExecuted,
    TimeoutNotExecuted,
    /// Executed, and then answered with a 500.
    ErrorExecuted,
    ErrorNotExecuted,
    /// Executed, and then answered with a body that is no JSON.
    GarbageExecuted,
    /// Executed at once, answered late.
    SlowExecuted,
    /// Not executed; a 429 that asks for patience.
    Throttled,
    /// Executed, and then the connection is cut without an answer.
    CutExecuted,
    CutNotExecuted,
    /// Accepted, and decided only a while later.
    LateSuccess,
    /// Executed without an answer, and for a while the inquiry knows nothing of it.
    HiddenThenFound,
    /// Refused with a code that the interface does not list.
    UnlistedRejection,
}

impl Misbehaviour {
    /// Whether the order reaches the books.
    pub(crate) fn books(self) -> bool {
        !matches!(
            self,
            Self::TimeoutNotExecuted
                | Self::ErrorNotExecuted
                | Self::Throttled
                | Self::CutNotExecuted
        )
    }

    /// Whether it can happen to a question, which books nothing.
    pub(crate) fn fits_inquiries(self) -> bool {
        !matches!(
            self,
            Self::LateSuccess | Self::HiddenThenFound | Self::UnlistedRejection
        )
    }
}
