//! What a bank says of one movement without being asked: in a notice, or on a statement. It counts
//! only once it was compared with what we ordered.

use std::fmt;
use std::str::FromStr;

use super::{Line, LineKind, Rejection};
use crate::Money;

/// Whatever it leaves out is not said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub outcome: WordOutcome,
    pub way: Option<Way>,
    pub money: Option<Money>,
    pub bank_reference: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WordOutcome {
    /// Received, and not decided yet.
    Open,
    Executed,
    /// With a code from the rail's list of final refusals.
    Rejected(Rejection),
    /// What was executed before has come back.
    Returned {
        code: Option<String>,
    },
}

impl WordOutcome {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Executed => "executed",
            Self::Rejected(_) => "rejected",
            Self::Returned { .. } => "returned",
        }
    }
}

/// Seen from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    In,
    Out,
}

impl Way {
    pub const fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither in nor out")]
pub struct NoWay;

impl FromStr for Way {
    type Err = NoWay;

    fn from_str(name: &str) -> Result<Self, NoWay> {
        [Self::In, Self::Out]
            .into_iter()
            .find(|way| way.name() == name)
            .ok_or(NoWay)
    }
}

impl From<&Line> for Word {
    /// A statement has only what was booked.
    fn from(line: &Line) -> Self {
        let (outcome, way) = match line.kind {
            LineKind::In => (WordOutcome::Executed, Some(Way::In)),
            LineKind::Out => (WordOutcome::Executed, Some(Way::Out)),
            LineKind::Returned => {
                let code = line.code.clone();
                (WordOutcome::Returned { code }, None)
            }
        };
        Self {
            outcome,
            way,
            money: Some(line.money),
            bank_reference: Some(line.bank_reference.clone()),
        }
    }
}
