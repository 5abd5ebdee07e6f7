//! How much one run may hold: of events, of events that wait for its worker, and of what is kept
//! of it beside its history. A run past its bound is ended with the change that took it there.
//!
//! What a run holds is measured seldom: it cannot have grown by more than was written of it since.

use prost::Message;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;

use super::commands::terminate::{self, Terminate};
use super::{Run, Step};
use crate::limits;

/// Volatile: both are found again by replaying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    measured: usize,
    written_since: usize,
}

impl Held {
    pub(super) fn write(&mut self, bytes: usize) {
        self.written_since = self.written_since.saturating_add(bytes);
    }

    fn most(self) -> usize {
        self.measured.saturating_add(self.written_since)
    }
}

impl Step<'_> {
    /// Answers the bound that was passed, which ended the run.
    pub(super) fn enforce_bounds(&mut self) -> Option<&'static str> {
        let noted = self.noted_bytes()?;
        if !self.run.is_open() || self.is_followed() {
            return None;
        }
        if self.run.task_is_started() && is_too_much_waiting(self.run) {
            self.cut_task_short();
        }
        let bound = exceeded(self.run, noted)?;
        let end = Terminate {
            reason: bound.to_owned(),
            identity: IDENTITY.to_owned(),
            ..Terminate::default()
        };
        terminate::add(self, end);
        Some(bound)
    }

    /// Its worker decides on what is old by now: what came meanwhile goes into history, and to
    /// another attempt.
    fn cut_task_short(&mut self) {
        let cause = WorkflowTaskFailedCause::ForceCloseCommand;
        self.fail_task(cause, None, IDENTITY.to_owned());
        self.flush_buffered();
        let next = self.run.next_event_id;
        if let Some(task) = &mut self.run.task {
            task.base = next;
        }
        self.offer_task();
    }
}

const IDENTITY: &str = "history-service";

fn is_too_much_waiting(run: &Run) -> bool {
    run.buffered.len() > limits::BUFFERED_EVENTS || buffered(run) > limits::BUFFERED_BYTES
}

fn exceeded(run: &mut Run, noted: usize) -> Option<&'static str> {
    if run.history_bytes > limits::HISTORY_BYTES {
        return Some("Workflow history size exceeds limit.");
    }
    if run.history_length() > limits::HISTORY_EVENTS {
        return Some("Workflow history count exceeds limit.");
    }
    if run.held.most().saturating_add(noted) > limits::STATE_BYTES {
        run.held = Held {
            measured: state(run),
            written_since: 0,
        };
        if run.held.measured > limits::STATE_BYTES {
            return Some("Workflow mutable state size exceeds limit.");
        }
    }
    None
}

/// About what is kept of a run beside its history.
fn state(run: &Run) -> usize {
    const SMALL: usize = 64;
    let payloads = run.memo.iter().chain(&run.search_attributes);
    let named = payloads.map(|(name, value)| name.len() + value.encoded_len());
    let activities = run.activities.values().map(|activity| {
        let details = activity.beat_details.as_ref();
        let failure = activity.last_failure.as_ref();
        4 * SMALL
            + activity.spec.activity_id.len()
            + details.map_or(0, Message::encoded_len)
            + failure.map_or(0, Message::encoded_len)
    });
    let timers = run.timers.keys().map(|id| SMALL + id.len());
    let requests = run.seen_requests.iter().chain(run.attached.keys());
    let updates = run
        .updates
        .accepted
        .keys()
        .chain(run.updates.completed.keys());
    let ids = requests.chain(updates).map(|id| SMALL + id.len());
    let children = run.family.children.values();
    let children = children.map(|child| 4 * SMALL + child.workflow_id.len());
    let parts = named.chain(activities).chain(timers).chain(ids);
    parts.chain(children).sum::<usize>() + buffered(run)
}

fn buffered(run: &Run) -> usize {
    run.buffered.iter().map(Message::encoded_len).sum()
}

#[cfg(test)]
mod tests {
    use crate::core::script::play;
    use crate::limits;

    #[test]
    fn what_waits_for_a_worker_that_takes_too_long_goes_to_the_next_task() {
        let signals = "; signal a".repeat(limits::BUFFERED_EVENTS);
        let waits = play(&format!("start; poll{signals}"));
        assert!(!waits.contains("WorkflowTaskFailed"), "{waits}");
        let told = play(&format!("start; poll{signals}; signal b; poll"));
        assert!(
            told.contains("4 WorkflowTaskFailed ForceCloseCommand"),
            "{told}"
        );
        let last = format!(
            "{} WorkflowExecutionSignaled b",
            limits::BUFFERED_EVENTS + 5
        );
        assert!(told.contains(&last), "{told}");
        assert!(told.ends_with("offer workflow task\n"), "{told}");
    }

    #[test]
    fn details_of_activities_are_kept_up_to_a_bound_of_all_together() {
        let activities: Vec<String> = (0..5).map(|n| format!("activity=a{n}")).collect();
        let mut script = format!("start; poll; complete {}", activities.join(" "));
        for n in 0..5 {
            script += &format!("; start_activity a{n}; beat a{n} bytes=2000000");
        }
        let told = play(&script);
        assert!(told.ends_with("WorkflowExecutionTerminated\n"), "{told}");
        // The newest details of an activity take the place of the older ones.
        let again = "; beat a bytes=2000000; beat a bytes=1999999".repeat(3);
        let told = play(&format!(
            "start; poll; complete activity=a; start_activity a{again}"
        ));
        assert!(!told.contains("Terminated"), "{told}");
    }
}
