//! What the bank's statement says: every movement on our account there, in its own order.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::PortError;
use crate::{Money, StepKey, Timestamp};

/// Where a reader of the statement stands: the bank's own word, kept and given back as it is.
/// Empty at the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor(pub String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// Money that came to us.
    In,
    /// Money that left us.
    Out,
    /// An earlier line, reversed: a returned payout, a debit that was taken back, a chargeback.
    /// `reference` is that of the earlier one.
    Returned,
}

/// One movement. A bank may give one reference of its own to two lines, so a line is identified by
/// all it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub kind: LineKind,
    /// Our step, when the reference on the line is one of ours.
    pub key: Option<StepKey>,
    /// The reference as it stands on the line.
    pub reference: String,
    pub bank_reference: String,
    /// Always positive; the kind says which way.
    pub money: Money,
    pub booked_at: Option<Timestamp>,
    /// The bank's reason of a return.
    pub code: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub lines: Vec<Line>,
    /// Where to go on. The same as was asked from when nothing is new.
    pub next: Cursor,
}

#[async_trait]
pub trait Statements: Send + Sync {
    /// The lines after a cursor. Reading twice gives the same lines.
    async fn lines(&self, after: &Cursor) -> Result<Page, PortError>;
}
