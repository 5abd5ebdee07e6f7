//! The bank's JSON, as it is on the wire. None of it has `Debug`: it holds account numbers.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Debit,
    Payout,
}

impl Kind {
    pub(super) fn route(self) -> &'static str {
        match self {
            Self::Debit => "debits",
            Self::Payout => "payouts",
        }
    }
}

#[derive(Serialize)]
pub(super) struct Order<'a> {
    pub(super) reference: String,
    pub(super) account: &'a str,
    pub(super) amount: i64,
    pub(super) currency: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Executed,
    Rejected,
    Pending,
}

#[derive(Deserialize)]
pub(super) struct Movement {
    pub(super) reference: String,
    pub(super) kind: Kind,
    pub(super) account: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) state: State,
    pub(super) code: Option<String>,
    pub(super) bank_reference: String,
}

#[derive(Deserialize)]
pub(super) struct Failure {
    pub(super) error: FailureCode,
}

#[derive(Deserialize)]
pub(super) struct FailureCode {
    pub(super) code: String,
}
