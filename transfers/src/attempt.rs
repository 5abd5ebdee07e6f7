//! What is known of one attempt at a bank, and how that knowledge may change. No SQL.
//!
//! Unknown is sticky: while any attempt of a step may have arrived, a later "rejected" proves
//! nothing. Done is for ever, whoever says it and however late: the bank has the last word about
//! its own money.

use domain::rail::{Answer, RailId, Rejection};
use domain::{StepKey, Timestamp};

/// How one attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptResult {
    Done {
        bank_reference: String,
    },
    Rejected(Rejection),
    /// Surely not executed: throttled, or no connection was made.
    NotSent,
    Unknown {
        evidence: String,
    },
}

/// What an attempt is known to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptState {
    /// Left, or about to; no answer yet.
    Open,
    Done {
        bank_reference: String,
    },
    Rejected(Rejection),
    NotSent,
    Unknown {
        evidence: String,
    },
}

/// What was found out about a step afterwards: by an inquiry, a webhook, a statement, a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    Executed {
        bank_reference: String,
    },
    Rejected(Rejection),
    /// The rail's cut-off has passed for everything opened until then, and the bank knows nothing.
    NeverArrived {
        opened_until: Timestamp,
    },
}

/// Leave to send, or the answer that makes sending needless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub number: i64,
    pub opened_at: Timestamp,
    /// An earlier attempt of this step may have arrived. Only a rail that recognises our reference
    /// may be sent it again, and its "rejected" then proves nothing.
    pub earlier_unresolved: bool,
    /// When the first attempt left that ever may have arrived, even if it was found out since that
    /// it did not. From then on counts for how long the bank recognises our reference.
    pub first_left: Option<Timestamp>,
    /// Known for good. When it is there no attempt was opened, and nothing is to be sent.
    pub earlier_answer: Option<Result<Answer, Rejection>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    pub key: StepKey,
    pub number: i64,
    pub rail: RailId,
    pub state: AttemptState,
    /// False where it surely never left. One that left and is known not to have arrived has left.
    pub may_have_left: bool,
    pub opened_at: Timestamp,
    pub closed_at: Option<Timestamp>,
}

impl AttemptState {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done { .. } => "done",
            Self::Rejected(_) => "rejected",
            Self::NotSent => "not_sent",
            Self::Unknown { .. } => "unknown",
        }
    }

    pub const fn is_unresolved(&self) -> bool {
        matches!(self, Self::Open | Self::Unknown { .. })
    }

    /// What an attempt is after such a result, which may come late or twice.
    pub(crate) fn after(&self, result: AttemptResult) -> Self {
        match (self, result) {
            (Self::Done { .. }, _) => self.clone(),
            (_, AttemptResult::Done { bank_reference }) => Self::Done { bank_reference },
            (Self::Open, AttemptResult::Rejected(why)) => Self::Rejected(why),
            (Self::Open, AttemptResult::NotSent) => Self::NotSent,
            (Self::Open, AttemptResult::Unknown { evidence }) => Self::Unknown { evidence },
            // Unknown is sticky, and what was found out since is better than a late answer.
            (Self::Rejected(_) | Self::NotSent | Self::Unknown { .. }, _) => self.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::transfer::Decline;

    use super::*;

    /// Rows: the state. Columns: done, rejected, not sent, unknown. In the cell: what it is then.
    #[test]
    fn a_late_result_never_forgets_money() {
        let rejection = Rejection {
            decline: Decline::AccountClosed,
            network_code: "AC04".to_owned(),
        };
        let evidence = || "timeout".to_owned();
        let drawn: Vec<String> = [
            AttemptState::Open,
            AttemptState::Done {
                bank_reference: "b1".to_owned(),
            },
            AttemptState::Rejected(rejection.clone()),
            AttemptState::NotSent,
            AttemptState::Unknown {
                evidence: evidence(),
            },
        ]
        .iter()
        .map(|state| {
            let after = [
                AttemptResult::Done {
                    bank_reference: "b2".to_owned(),
                },
                AttemptResult::Rejected(rejection.clone()),
                AttemptResult::NotSent,
                AttemptResult::Unknown {
                    evidence: evidence(),
                },
            ]
            .map(|result| state.after(result).name());
            format!("{}: {}", state.name(), after.join(" "))
        })
        .collect();
        assert_eq!(
            drawn,
            [
                "open: done rejected not_sent unknown",
                "done: done done done done",
                "rejected: done rejected rejected rejected",
                "not_sent: done not_sent not_sent not_sent",
                "unknown: done unknown unknown unknown",
            ]
        );
    }
}
