//! A worker finished a workflow task: its commands become events and offers, or the whole task
//! fails and none of them does.

use ambient::Timestamp;
use temporalio_protos::temporal::api::command::v1::Command;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause as Cause;
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::history::v1::WorkflowTaskCompletedEventAttributes;
use temporalio_protos::temporal::api::protocol::v1::Message;

use super::decisions::{self, Bad, Decided, Mail, Namespaces};
use super::start_activity::Starter;
use super::terminate::{self, Terminate};
use crate::core::failure::of_server;
use crate::core::task::{Sticky, TaskFence};
use crate::core::{NextRun, Outcome, Refusal, Run, Step};
use crate::limits;

#[derive(Debug)]
pub(crate) struct CompleteTask {
    pub(crate) fence: TaskFence,
    /// What the worker says about itself; the ids are filled here.
    pub(crate) attributes: WorkflowTaskCompletedEventAttributes,
    pub(crate) commands: Vec<Command>,
    pub(crate) messages: Vec<Message>,
    /// Events that a discarded task brought may be sent a second time.
    pub(crate) may_discard_events: bool,
    pub(crate) sticky: Option<Sticky>,
    pub(crate) force_new_task: bool,
    /// The next task, if there is one, is taken with the answer.
    pub(crate) takes_new_task: bool,
    /// Hands activities back in the same answer when the worker asks for it.
    pub(crate) eager: Starter,
    /// The run that follows, should there be one.
    pub(crate) next: NextRun,
    /// Every namespace that a command names.
    pub(crate) namespaces: Namespaces,
}

#[derive(Debug)]
pub(crate) struct Completed {
    pub(crate) outcome: Outcome,
    /// Activities started for the worker that answers, to travel in the response.
    pub(crate) eager_activities: Vec<i64>,
    /// The task left no trace: its worker goes back to this event.
    pub(crate) reset_to: Option<i64>,
    /// The worker asked for more time too often: its task timed out instead.
    pub(crate) gave_up: bool,
    /// Why the task failed instead.
    pub(crate) rejected: Option<Bad>,
}

pub(crate) fn fence(run: &Run, fence: TaskFence) -> Result<(), Refusal> {
    let stands = run.task.as_ref().is_some_and(|task| {
        task.attempt == fence.attempt
            && task.started.as_ref().is_some_and(|started| {
                started.scheduled_id == fence.scheduled_id
                    && started.started_id == fence.started_id
                    && started.at == fence.started_at
            })
    });
    stands.then_some(()).ok_or(Refusal::StaleWorkflowTask)
}

pub(crate) fn apply(
    run: &mut Run,
    cmd: CompleteTask,
    now: Timestamp,
) -> Result<Completed, Refusal> {
    fence(run, cmd.fence)?;
    decisions::sequence::check(&cmd.commands)?;
    let mail = Mail::new(cmd.messages.clone())?;
    if let Err(bad) = decisions::validate(run, &cmd.commands, &mail) {
        return Ok(reject(run, bad, cmd.attributes.identity, now));
    }
    let beating_since = beating_since(run, &cmd);
    if beating_since.is_some_and(|since| since.after(limits::HEARTBEATS) < now) {
        return Ok(give_up(run, now));
    }
    let leaves_no_trace = is_discarded(run, &cmd, &mail);
    let mut step = Step::new(run, now);
    let task_completed = match leaves_no_trace {
        true => {
            step.discard_task();
            0
        }
        false => {
            let Some((scheduled_event_id, started_event_id)) = step.settle_started() else {
                return Err(Refusal::StaleWorkflowTask);
            };
            step.emit(WorkflowTaskCompletedEventAttributes {
                scheduled_event_id,
                started_event_id,
                ..cmd.attributes
            })
        }
    };
    step.run.sticky = cmd.sticky;
    let mut decided = Decided::new(task_completed, cmd.eager, cmd.next);
    decided.mail = mail;
    decided.namespaces = cmd.namespaces;
    for command in cmd.commands {
        decisions::apply(&mut step, &mut decided, command);
    }
    decisions::apply_rest(&mut step, &mut decided);
    // A heartbeat is no answer: its worker still has what the task brought.
    if step.run.is_open() && !cmd.force_new_task {
        step.reject_unprocessed();
    }
    let news = !step.run.buffered.is_empty() || decided.needs_task || cmd.force_new_task;
    step.flush_buffered();
    if news {
        step.ensure_task();
        if let (Some(since), Some(task)) = (beating_since, &mut step.run.task) {
            task.beating_since = since;
        }
    } else if !step.run.updates.is_idle() {
        match cmd.takes_new_task {
            true => step.speculate(),
            false => {
                step.ensure_task();
                // Where the start is delayed there is no other task before its time.
                step.speculate();
            }
        }
    }
    let reset_to = leaves_no_trace.then_some(step.run.last_started_id);
    Ok(Completed {
        outcome: step.finish(),
        eager_activities: decided.eager_activities,
        reset_to,
        gave_up: false,
        rejected: None,
    })
}

/// The task fails for what its worker made of it.
fn reject(run: &mut Run, bad: Bad, identity: String, now: Timestamp) -> Completed {
    let mut step = Step::new(run, now);
    step.abort_sent_updates();
    let keeps_failing = step.run.task.as_ref().is_some_and(|task| task.attempt > 1);
    // A worker that keeps failing decides the same again at once. Left to its timeout, the task
    // comes back later and later; offered now, worker and engine would do nothing else.
    let news = !step.run.buffered.is_empty() && !bad.ends_run;
    if !keeps_failing || news {
        step.fail_task(bad.cause, Some(as_failure(&bad)), identity);
        if bad.ends_run {
            let end = Terminate {
                reason: bad.to_string(),
                identity: "history-service".to_owned(),
                ..Terminate::default()
            };
            terminate::add(&mut step, end);
        } else {
            step.after_failed_task();
        }
    }
    Completed {
        outcome: step.finish(),
        eager_activities: Vec::new(),
        reset_to: None,
        gave_up: false,
        rejected: Some(bad),
    }
}

/// Since when a worker that now asks for more time and does nothing else has done so.
fn beating_since(run: &Run, cmd: &CompleteTask) -> Option<Timestamp> {
    let beats = cmd.force_new_task && cmd.commands.is_empty() && cmd.messages.is_empty();
    let task = run.task.as_ref().filter(|_| beats);
    task.map(|task| task.beating_since)
}

/// The worker has had its time: somebody else shall try, from the start.
fn give_up(run: &mut Run, now: Timestamp) -> Completed {
    let mut step = Step::new(run, now);
    step.time_out_started_task();
    Completed {
        outcome: step.finish(),
        eager_activities: Vec::new(),
        reset_to: None,
        gave_up: true,
        rejected: None,
    }
}

/// A speculative task whose updates were all rejected never was. Unless it brought events: not
/// every worker bears to see them twice.
fn is_discarded(run: &Run, cmd: &CompleteTask, mail: &Mail) -> bool {
    // A task that was decided on is followed by its completion and nothing else.
    let brought = run.next_event_id - (run.last_started_id + 2);
    let bearable = match cmd.may_discard_events {
        true => limits::DISCARDED_EVENTS,
        false => 0,
    };
    run.has_speculative_task()
        && cmd.commands.is_empty()
        && !cmd.force_new_task
        && brought <= bearable
        && mail.only_rejects()
}

fn as_failure(bad: &Bad) -> Failure {
    of_server(&bad.to_string(), false)
}

impl Bad {
    pub(crate) fn unhandled() -> Self {
        Self {
            cause: Cause::UnhandledCommand,
            why: String::new(),
            ends_run: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::{check, play};

    #[test]
    fn a_closing_command_loses_against_a_signal_that_came_first() {
        check(
            "start; poll; signal a; complete finish; poll; complete finish",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed UnhandledCommand
                5 WorkflowExecutionSignaled a
                6 WorkflowTaskScheduled
                → offer workflow task
                rejected: UnhandledCommand
                7 WorkflowTaskStarted
                8 WorkflowTaskCompleted
                9 WorkflowExecutionCompleted
            "#]],
        );
    }

    #[test]
    fn an_answer_counts_once() {
        check(
            "start; poll; complete; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                refused: Workflow task not found.
            "#]],
        );
    }

    #[test]
    fn a_task_handed_out_before_a_restart_is_stale_and_is_handed_out_again() {
        check(
            "start; poll; restart; complete; poll; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                → offer workflow task
                refused: Workflow task not found.
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
            "#]],
        );
    }

    #[test]
    fn completions_that_waited_come_after_signals_that_waited() {
        check(
            "start; poll; complete activity=a; start_activity a; signal wake; poll; \
             complete_activity a; signal s; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 ActivityTaskScheduled a
                → offer activity 5 attempt 1
                6 WorkflowExecutionSignaled wake
                7 WorkflowTaskScheduled
                → offer workflow task
                8 WorkflowTaskStarted
                9 WorkflowTaskCompleted
                10 ActivityTaskStarted of 5 attempt 1
                11 WorkflowExecutionSignaled s
                12 ActivityTaskCompleted of 5 started 10
                13 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }

    #[test]
    fn a_worker_that_decides_wrongly_again_waits_for_its_timeout() {
        check(
            "start; poll; complete nexus; poll; complete nexus; wait 10; poll; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed FeatureDisabled
                → offer workflow task
                rejected: FeatureDisabled: COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION is not built yet in this engine
                rejected: FeatureDisabled: COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION is not built yet in this engine
                → offer workflow task
                5 WorkflowTaskScheduled
                6 WorkflowTaskStarted
                7 WorkflowTaskCompleted
            "#]],
        );
    }

    #[test]
    fn a_worker_that_only_asks_for_more_time_loses_its_task_in_the_end() {
        let beats = "complete heartbeat; wait 9; poll; ".repeat(201);
        let story = play(&format!(
            "start; poll; {beats} signal s; complete heartbeat; poll; complete"
        ));
        let (_, end) = story.split_at(story.find("605 ").unwrap());
        expect![[r#"
            605 WorkflowTaskScheduled
            → offer workflow task
            606 WorkflowTaskStarted
            607 WorkflowTaskTimedOut StartToClose
            608 WorkflowExecutionSignaled s
            609 WorkflowTaskScheduled
            → offer workflow task
            gave up
            610 WorkflowTaskStarted
            611 WorkflowTaskCompleted
        "#]]
        .assert_eq(end);
    }

    #[test]
    fn nothing_new_holds_up_a_run_that_tries_to_end_a_second_time() {
        check(
            "start; poll; signal a; complete finish; signal b; poll; signal c; update u; \
             complete timer=t@5; signal d",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed UnhandledCommand
                5 WorkflowExecutionSignaled a
                6 WorkflowTaskScheduled
                → offer workflow task
                rejected: UnhandledCommand
                7 WorkflowExecutionSignaled b
                refused: workflow operation can not be applied because workflow is closing
                refused: workflow operation can not be applied because workflow is closing
                8 WorkflowTaskStarted
                9 WorkflowTaskCompleted
                10 TimerStarted t
                11 WorkflowExecutionSignaled d
                12 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }
}
