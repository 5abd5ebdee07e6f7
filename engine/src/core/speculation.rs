//! Workflow tasks made for updates alone, and the ends that updates may come to with them.
//!
//! A speculative task has no event. Rejected updates must leave no trace, so its scheduled and
//! started events are written only when it is answered with a decision, fails or times out, or
//! when anything else happens to the run meanwhile: then it becomes a task like any other.

use temporalio_protos::temporal::api::history::v1::{
    HistoryEvent, WorkflowTaskScheduledEventAttributes, history_event::Attributes,
};

use super::Run;
use super::step::{Action, Step};
use super::task::WorkflowTask;
use super::time::{duration, to_proto};
use super::updates::{self, Aborted, Fate};

impl Run {
    /// The event of a task whose event was not written when it was made.
    pub(crate) fn late_scheduled(&self, task: &WorkflowTask) -> HistoryEvent {
        let attributes = WorkflowTaskScheduledEventAttributes {
            task_queue: Some(self.current_queue()),
            start_to_close_timeout: Some(duration(self.timeouts.task)),
            attempt: i32::try_from(task.attempt).unwrap_or(i32::MAX),
        };
        let attributes = Attributes::from(attributes);
        HistoryEvent {
            event_id: self.next_event_id,
            task_id: self.next_event_id,
            event_time: Some(to_proto(task.scheduled_at)),
            event_type: attributes.event_type() as i32,
            attributes: Some(attributes),
            ..HistoryEvent::default()
        }
    }
}

impl Step<'_> {
    /// Makes sure that a worker will hear of waiting updates, without a word in history. Also
    /// before a delayed run's first task: updates do not wait for it.
    pub(crate) fn speculate(&mut self) {
        if self.run.task.is_some() || !self.run.is_open() || self.run.updates.is_idle() {
            return;
        }
        self.run.task = Some(WorkflowTask {
            scheduled_id: None,
            attempt: 1,
            scheduled_at: self.now,
            base: self.run.next_event_id,
            sticky_until: None,
            started: None,
            beating_since: self.now,
            speculative: true,
        });
        self.offer_task();
    }

    /// Something else gets into history: what was only tried is a fact now, and comes before it.
    pub(crate) fn commit_speculation(&mut self) {
        let Some(mut task) = self.run.task.take_if(|task| task.speculative) else {
            return;
        };
        let scheduled = match &mut task.started {
            Some(started) if !started.suffix.is_empty() => started.suffix.remove(0),
            _ => self.run.late_scheduled(&task),
        };
        self.append(scheduled);
        if let Some(written) = &mut self.run.task {
            written.sticky_until = task.sticky_until;
            written.started = task.started;
        }
    }

    /// The task brought only what its worker rejected: it never was.
    pub(crate) fn discard_task(&mut self) {
        self.run.close_attempted = false;
        self.run.task = None;
    }

    pub(crate) fn tell(&mut self, id: String, fate: Fate) {
        self.act(Action::TellUpdate { id, fate });
    }

    /// A worker that answers a task must have decided on all updates it brought.
    pub(crate) fn reject_unprocessed(&mut self) {
        self.end_sent_updates(&updates::failed(updates::unprocessed()));
    }

    /// The engine itself failed the task: its worker would answer what it carried the same way
    /// again. What it did not carry may be luckier.
    pub(crate) fn abort_sent_updates(&mut self) {
        self.end_sent_updates(&Fate::Aborted(Aborted::TaskFailed));
    }

    fn end_sent_updates(&mut self, fate: &Fate) {
        let admitted = std::mem::take(&mut self.run.updates.admitted);
        let (sent, waiting): (Vec<_>, _) = admitted.into_iter().partition(|update| update.sent);
        self.run.updates.admitted = waiting;
        for update in sent {
            self.tell(update.id, fate.clone());
        }
    }

    /// The run is over, and with it whatever waits for it.
    pub(super) fn abort_updates(&mut self) {
        let why = match self.is_followed() {
            true => Aborted::Continuing,
            false => Aborted::Closed,
        };
        for update in std::mem::take(&mut self.run.updates.admitted) {
            self.tell(update.id, Fate::Aborted(why));
        }
        let accepted: Vec<_> = self.run.updates.accepted.keys().cloned().collect();
        for id in accepted {
            self.tell(id, updates::failed(updates::outlived()));
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    const BORN: &str = "start; poll; complete sticky; ";

    #[test]
    fn a_rejected_update_leaves_no_trace() {
        check(
            &format!(
                "{BORN} update u; poll; complete sticky reject=u; update v; poll; complete reject=v"
            ),
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                → offer workflow task
                → hand out u/request after 5
                → update u failed: no
                → offer workflow task
                → hand out v/request after 5
                → update v failed: no
            "#]],
        );
    }

    #[test]
    fn an_accepted_update_writes_its_task_down() {
        check(
            &format!("{BORN} update u; poll; complete accept=u respond=u"),
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                → offer workflow task
                → hand out u/request after 5
                5 WorkflowTaskScheduled sticky
                6 WorkflowTaskStarted
                7 WorkflowTaskCompleted
                8 WorkflowExecutionUpdateAccepted u
                9 WorkflowExecutionUpdateCompleted u of 8
                → update u accepted
                → update u completed
            "#]],
        );
    }

    #[test]
    fn news_make_a_waiting_speculative_task_a_real_one() {
        check(
            &format!("{BORN} update u; signal s; poll; complete reject=u"),
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                → offer workflow task
                5 WorkflowTaskScheduled sticky
                6 WorkflowExecutionSignaled s
                → hand out u/request after 6
                7 WorkflowTaskStarted
                8 WorkflowTaskCompleted
                → update u failed: no
            "#]],
        );
    }

    #[test]
    fn news_make_a_running_speculative_task_a_real_one() {
        check(
            &format!("{BORN} update u; poll; signal s; complete reject=u"),
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                → offer workflow task
                → hand out u/request after 5
                5 WorkflowTaskScheduled sticky
                6 WorkflowTaskStarted
                7 WorkflowTaskCompleted
                8 WorkflowExecutionSignaled s
                9 WorkflowTaskScheduled
                → update u failed: no
                → offer workflow task
            "#]],
        );
    }

    #[test]
    fn an_update_during_a_task_gets_the_next_one() {
        check(
            "start; poll; update u; complete; poll; complete reject=u; \
             signal s; poll; update v; complete no_inline; poll; complete reject=v",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                → offer workflow task
                → hand out u/request after 5
                → update u failed: no
                5 WorkflowExecutionSignaled s
                6 WorkflowTaskScheduled
                → offer workflow task
                7 WorkflowTaskStarted
                8 WorkflowTaskCompleted
                9 WorkflowTaskScheduled
                → offer workflow task
                → hand out v/request after 9
                10 WorkflowTaskStarted
                11 WorkflowTaskCompleted
                → update v failed: no
            "#]],
        );
    }

    #[test]
    fn a_speculative_task_that_nobody_takes_is_made_a_real_one() {
        check(
            &format!(
                "{BORN} update u; wait 5; poll; complete accept=u respond=u; update v; wait 5; poll; complete reject=v"
            ),
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                → offer workflow task
                5 WorkflowTaskScheduled sticky
                6 WorkflowTaskTimedOut ScheduleToStart
                7 WorkflowTaskScheduled
                → offer workflow task
                → hand out u/request after 7
                8 WorkflowTaskStarted
                9 WorkflowTaskCompleted
                10 WorkflowExecutionUpdateAccepted u
                11 WorkflowExecutionUpdateCompleted u of 10
                → update u accepted
                → update u completed
                → offer workflow task
                12 WorkflowTaskScheduled
                13 WorkflowTaskTimedOut ScheduleToStart
                14 WorkflowTaskScheduled
                → offer workflow task
                → hand out v/request after 14
                15 WorkflowTaskStarted
                16 WorkflowTaskCompleted
                → update v failed: no
            "#]],
        );
    }

    #[test]
    fn a_speculative_task_fails_and_times_out_like_any_other() {
        check(
            &format!("{BORN} update u; poll; fail; poll; complete accept=u"),
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                → offer workflow task
                → hand out u/request after 5
                5 WorkflowTaskScheduled sticky
                6 WorkflowTaskStarted
                7 WorkflowTaskFailed WorkflowWorkerUnhandledFailure
                8 WorkflowTaskScheduled
                → offer workflow task
                → hand out u/request after 8
                9 WorkflowTaskStarted
                10 WorkflowTaskCompleted
                11 WorkflowExecutionUpdateAccepted u
                → update u accepted
            "#]],
        );
        check(
            &format!("{BORN} update u; poll; wait 10; poll; complete accept=u"),
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                → offer workflow task
                → hand out u/request after 5
                5 WorkflowTaskScheduled sticky
                6 WorkflowTaskStarted
                7 WorkflowTaskTimedOut StartToClose
                8 WorkflowTaskScheduled
                → offer workflow task
                → hand out u/request after 8
                9 WorkflowTaskStarted
                10 WorkflowTaskCompleted
                11 WorkflowExecutionUpdateAccepted u
                → update u accepted
            "#]],
        );
    }

    #[test]
    fn a_delayed_run_is_woken() {
        check(
            "start delay=60; update u; poll; complete reject=u; wait 60; poll; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                → offer workflow task
                → hand out u/request after 2
                → update u failed: no
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
            "#]],
        );
        check(
            "start delay=5; update u; poll; wait 5; complete reject=u",
            expect![[r#"
                1 WorkflowExecutionStarted
                → offer workflow task
                → hand out u/request after 2
                2 WorkflowTaskScheduled
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                → update u failed: no
            "#]],
        );
    }

    #[test]
    fn an_update_that_missed_the_task_of_a_delayed_run_gets_one_of_its_own() {
        check(
            "start delay=60; update u; poll; update v; complete no_inline reject=u; poll; \
             complete reject=v",
            expect![[r#"
                1 WorkflowExecutionStarted
                → offer workflow task
                → hand out u/request after 2
                → update u failed: no
                → offer workflow task
                → hand out v/request after 2
                → update v failed: no
            "#]],
        );
    }

    #[test]
    fn the_answer_to_a_discarded_task_counts_once() {
        check(
            &format!(
                "{BORN} update u; poll; complete reject=u; update v; complete reject=v; wait 1; poll; complete reject=v; complete reject=v"
            ),
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                → offer workflow task
                → hand out u/request after 5
                → update u failed: no
                → offer workflow task
                refused: Workflow task not found.
                → hand out v/request after 5
                → update v failed: no
                refused: Workflow task not found.
            "#]],
        );
    }
}
