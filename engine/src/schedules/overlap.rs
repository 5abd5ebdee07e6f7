//! What becomes of starts that wait, given that a run is open or not: the six policies, also mixed.

use temporalio_protos::temporal::api::enums::v1::ScheduleOverlapPolicy as Overlap;

use super::state::Start;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    /// All of these, now.
    pub(crate) beside: Vec<Start>,
    /// And this one, now: nothing else is open.
    pub(crate) alone: Option<Start>,
    pub(crate) wait: Vec<Start>,
    pub(crate) skipped: i64,
    /// What is open is to be canceled, or even terminated.
    pub(crate) cancel: bool,
    pub(crate) terminate: bool,
}

/// `policy` tells the policy of a start that has none of its own.
pub(crate) fn judge(
    buffer: &[Start],
    one_is_open: bool,
    policy: impl Fn(Overlap) -> Overlap,
) -> Verdict {
    let mut verdict = Verdict::default();
    for start in buffer {
        let policy = policy(start.overlap());
        if policy == Overlap::AllowAll {
            verdict.beside.push(*start);
        } else if !one_is_open && verdict.alone.is_none() {
            verdict.alone = Some(*start);
        } else {
            verdict.collide(*start, policy, one_is_open);
        }
    }
    if verdict.cancel || verdict.terminate {
        // They would be canceled as well.
        verdict.beside.clear();
    }
    verdict
}

impl Verdict {
    fn collide(&mut self, start: Start, policy: Overlap, one_is_open: bool) {
        match policy {
            Overlap::BufferAll => self.wait.push(start),
            Overlap::BufferOne if self.wait.is_empty() => self.wait.push(start),
            Overlap::CancelOther | Overlap::TerminateOther if !one_is_open => {
                // The other one was only about to be started.
                self.alone = Some(start);
            }
            Overlap::CancelOther => {
                self.cancel = true;
                self.wait.push(start);
            }
            Overlap::TerminateOther => {
                self.terminate = true;
                self.wait.push(start);
            }
            Overlap::Skip | Overlap::BufferOne => self.skipped += 1,
            // Resolved before.
            Overlap::Unspecified | Overlap::AllowAll => {}
        }
    }
}
