//! What a client reads of a step in doubt: what was seen so far, and when the bank is asked next.

use domain::Step;
use domain::transfer::Flag;
use serde::Serialize;
use transfers::{Doubt, Evidence};

/// What is being found out. Lists leave out all but the step and since when.
#[derive(Debug, Serialize)]
pub(super) struct DoubtView {
    step: Step,
    since: String,
    /// When the bank is asked next, at the latest. It may say so itself at any time before.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_check_at: Option<String>,
    /// How it began, then the newest; what was seen again is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Vec<EvidenceView>>,
}

#[derive(Debug, Serialize)]
struct EvidenceView {
    what: String,
    /// The last time.
    at: String,
    times: u32,
}

impl DoubtView {
    pub(super) fn tell(&mut self, doubt: Doubt) {
        self.next_check_at = doubt.next_check_at.map(|at| at.to_string());
        let evidence = doubt.evidence.into_iter().map(EvidenceView::from);
        self.evidence = Some(evidence.collect());
    }
}

impl From<Flag> for DoubtView {
    fn from(flag: Flag) -> Self {
        Self {
            step: flag.step,
            since: flag.since.to_string(),
            next_check_at: None,
            evidence: None,
        }
    }
}

impl From<Evidence> for EvidenceView {
    fn from(evidence: Evidence) -> Self {
        Self {
            what: evidence.what,
            at: evidence.at.to_string(),
            times: evidence.times,
        }
    }
}
