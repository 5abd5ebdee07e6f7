//! Test language of the core: a line of commands in, what happened out.
//!
//! `start; poll; signal a; complete finish` drives one run through the real commands. After every
//! script the run is replayed from its records and must equal the live one, so each test also
//! tests recovery.

mod chance;
mod family;
mod updates;
mod words;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use ambient::Timestamp;
use expect_test::Expect;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::history::v1::WorkflowTaskCompletedEventAttributes;

use self::words::{commands, describe, option, start_command};
use super::activity::{ActivityFence, AttemptState};
use super::bounds::Held;
use super::commands::complete_activity::{CompleteActivity, End, Which};
use super::commands::complete_task::{self, CompleteTask};
use super::commands::decisions::Namespaces;
use super::commands::start_activity::{StartActivity, Starter};
use super::commands::{
    admit_update, answer_errand, attach, cancel, complete_activity, end_child, fail_activity,
    fail_task, heartbeat, recover, signal, start, start_activity, start_task, terminate, tick,
};
use super::record::Record;
use super::step::Successor;
use super::task::{Sticky, TaskFence};
use super::{Action, NextRun, Outcome, Refusal, Run};

pub(crate) fn check(script: &str, expect: Expect) {
    expect.assert_eq(&play(script));
}

pub(crate) fn play(script: &str) -> String {
    let mut stage = Stage::default();
    for line in script.split(';') {
        stage.play(line.trim());
    }
    stage.assert_replays();
    stage.out
}

struct Stage {
    run: Run,
    records: Vec<Record>,
    now: Timestamp,
    epoch: u64,
    task: TaskFence,
    activities: BTreeMap<String, ActivityFence>,
    next: Option<Box<Successor>>,
    out: String,
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            run: Run::unborn("w".to_owned(), "r".to_owned()),
            records: Vec::new(),
            now: Timestamp::from_seconds(1_000),
            epoch: 1,
            task: TaskFence {
                scheduled_id: 0,
                started_id: 0,
                attempt: 0,
                started_at: Timestamp::from_micros(0),
            },
            activities: BTreeMap::new(),
            next: None,
            out: String::new(),
        }
    }
}

impl Stage {
    fn play(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let name = words.get(1).copied().unwrap_or("");
        let (run, now) = (&mut self.run, self.now);
        let outcome = match words[0] {
            "start" => {
                let (born, outcome) = start::apply(start_command(&words, now), now);
                self.run = born;
                Ok(outcome)
            }
            "attach" => {
                let cmd = attach::Attach {
                    request_id: name.to_owned(),
                    ..attach::Attach::default()
                };
                attach::apply(run, cmd, now)
            }
            // The run that follows takes the place of the one that ended.
            "next" => {
                self.assert_replays();
                let next = *self.next.take().unwrap();
                (self.run, self.records) = (next.run, Vec::new());
                Ok(next.outcome)
            }
            "signal" => {
                let cmd = signal::Signal {
                    name: name.to_owned(),
                    request_id: option(&words, "request").unwrap_or("").to_owned(),
                    hurries: words.contains(&"hurries"),
                    ..signal::Signal::default()
                };
                signal::apply(run, cmd, now)
            }
            "update" => admit_update::apply(run, updates::wish(&words), now),
            "cancel" => cancel::apply(run, cancel::RequestCancel::default(), now),
            "terminate" => terminate::apply(run, terminate::Terminate::default(), now),
            "poll" => self.poll(),
            "complete" => self.complete(&words[1..]),
            "fail" => {
                let cmd = fail_task::FailTask {
                    fence: self.task,
                    cause: WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure,
                    failure: None,
                    identity: String::new(),
                };
                fail_task::apply(run, cmd, now)
            }
            "wait" => return self.wait(name.parse().unwrap()),
            "restart" => return self.restart(),
            "start_activity" => self.start_activity(name),
            "complete_activity" => self.finish_activity(name, End::Completed(None)),
            "cancel_activity" => self.finish_activity(name, End::Canceled(None)),
            "complete_activity_by_id" => {
                let cmd = CompleteActivity {
                    which: Which::Id(name.to_owned()),
                    identity: String::new(),
                    end: End::Completed(None),
                };
                complete_activity::apply(run, cmd, now)
            }
            "fail_activity" => {
                let cmd = fail_activity::FailActivity {
                    which: self.which(name),
                    failure: Failure::default(),
                    identity: String::new(),
                    last_heartbeat_details: None,
                };
                fail_activity::apply(&mut self.run, cmd, now)
            }
            "beat" => self.beat(&words),
            "answer" => Ok(answer_errand::apply(
                run,
                family::answer(&words),
                "home",
                now,
            )),
            "end_child" => {
                let cmd = family::end_child(run, &words);
                Ok(end_child::apply(run, cmd, now))
            }
            "errand" => return family::errand(&self.run, &mut self.out),
            other => panic!("no such command: {other}"),
        };
        match outcome {
            Ok(outcome) => self.took(outcome),
            Err(refusal) => writeln!(self.out, "refused: {refusal}").unwrap(),
        }
    }

    fn poll(&mut self) -> Result<Outcome, Refusal> {
        let cmd = start_task::StartTask {
            identity: String::new(),
            request_id: String::new(),
            worker_version: None,
            keeps_sticky: self.run.sticky.is_some(),
            heartbeat: false,
        };
        let handed = start_task::apply(&mut self.run, cmd, self.now)?;
        self.task = handed.fence;
        for message in handed.messages {
            let what = updates::describe_request(&message);
            writeln!(self.out, "→ hand out {what}").unwrap();
        }
        Ok(nothing())
    }

    fn complete(&mut self, words: &[&str]) -> Result<Outcome, Refusal> {
        let sticky = words.contains(&"sticky").then(|| Sticky {
            queue: "sticky".to_owned(),
            schedule_to_start: Duration::from_secs(5),
        });
        let cmd = CompleteTask {
            fence: self.task,
            attributes: WorkflowTaskCompletedEventAttributes::default(),
            commands: commands(&self.run, words),
            messages: updates::messages(words),
            may_discard_events: words.contains(&"discards"),
            sticky,
            force_new_task: words.contains(&"heartbeat"),
            takes_new_task: !words.contains(&"no_inline"),
            eager: self.starter(),
            next: next_run(),
            namespaces: Namespaces::default(),
        };
        let done = complete_task::apply(&mut self.run, cmd, self.now)?;
        for scheduled_id in done.eager_activities {
            self.remember(scheduled_id);
        }
        self.took(done.outcome);
        if done.gave_up {
            writeln!(self.out, "gave up").unwrap();
        }
        if let Some(bad) = done.rejected {
            writeln!(self.out, "rejected: {bad}").unwrap();
        }
        Ok(nothing())
    }

    fn starter(&self) -> Starter {
        Starter {
            epoch: self.epoch,
            ..Starter::default()
        }
    }

    fn start_activity(&mut self, id: &str) -> Result<Outcome, Refusal> {
        let (scheduled_id, attempt) = self
            .run
            .activity_by_id(id)
            .map(|a| (a.scheduled_id, a.attempt))
            .unwrap();
        let cmd = StartActivity {
            scheduled_id,
            attempt,
            starter: self.starter(),
        };
        let outcome = start_activity::apply(&mut self.run, cmd, self.now)?;
        self.remember(scheduled_id);
        Ok(outcome)
    }

    fn remember(&mut self, scheduled_id: i64) {
        let activity = &self.run.activities[&scheduled_id];
        let fence = ActivityFence {
            scheduled_id,
            attempt: activity.attempt,
            epoch: self.epoch,
        };
        self.activities
            .insert(activity.spec.activity_id.clone(), fence);
    }

    fn which(&self, id: &str) -> Which {
        Which::Token(self.activities[id])
    }

    fn finish_activity(&mut self, id: &str, end: End) -> Result<Outcome, Refusal> {
        let cmd = CompleteActivity {
            which: self.which(id),
            identity: String::new(),
            end,
        };
        complete_activity::apply(&mut self.run, cmd, self.now)
    }

    fn beat(&mut self, words: &[&str]) -> Result<Outcome, Refusal> {
        let cmd = heartbeat::Heartbeat {
            which: self.which(words[1]),
            details: words::details(words),
        };
        let beaten = heartbeat::apply(&mut self.run, cmd, self.now)?;
        if beaten.cancel_requested {
            writeln!(self.out, "heartbeat: cancel requested").unwrap();
        }
        Ok(beaten.outcome)
    }

    /// Moves time from alarm to alarm, as the timer service does.
    fn wait(&mut self, seconds: u64) {
        let target = self.now.after(Duration::from_secs(seconds));
        while let Some(at) = self.run.next_wake().filter(|at| *at <= target) {
            self.now = self.now.max(at);
            let outcome = tick::apply(&mut self.run, &next_run(), self.now);
            self.took(outcome);
        }
        self.now = target;
    }

    fn restart(&mut self) {
        self.run = self.replayed();
        self.epoch += 1;
        let outcome = recover::apply(&mut self.run, self.now);
        self.took(outcome);
        // The door checks the epoch of a token; here the fence of the old boot simply fits nothing.
        self.task.attempt = u32::MAX;
    }

    fn took(&mut self, outcome: Outcome) {
        if let Some(record) = outcome.record {
            for event in record.decode_events().unwrap() {
                writeln!(self.out, "{} {}", event.event_id, describe(&event)).unwrap();
            }
            self.records.push(record);
        }
        for action in outcome.actions {
            match action {
                Action::TellUpdate { id, fate } => {
                    let fate = updates::describe_fate(&fate);
                    writeln!(self.out, "→ update {id} {fate}").unwrap();
                }
                Action::OfferWorkflowTask => writeln!(self.out, "→ offer workflow task").unwrap(),
                Action::OfferActivity {
                    scheduled_id,
                    attempt,
                } => writeln!(
                    self.out,
                    "→ offer activity {scheduled_id} attempt {attempt}"
                )
                .unwrap(),
            }
        }
        if let Some(next) = outcome.successor {
            let id = &next.run.run_id;
            writeln!(self.out, "→ continues as {id}").unwrap();
            self.next = Some(next);
        }
    }

    fn replayed(&self) -> Run {
        let mut run = Run::unborn("w".to_owned(), self.run.run_id.clone());
        for record in &self.records {
            run.replay(record).unwrap();
        }
        run
    }

    fn assert_replays(&self) {
        let (live, replayed) = (durable(self.run.clone()), durable(self.replayed()));
        assert_eq!(format!("{live:#?}"), format!("{replayed:#?}"));
    }
}

/// The run without what a crash may forget.
fn durable(mut run: Run) -> Run {
    run.sticky = None;
    run.close_attempted = false;
    run.held = Held::default();
    run.updates.admitted.clear();
    if run.has_speculative_task() {
        run.task = None;
    }
    if let Some(task) = &mut run.task {
        task.started = None;
        task.sticky_until = None;
        task.beating_since = Timestamp::from_micros(0);
        if task.scheduled_id.is_none() {
            // Later failures in a row are counted in memory only.
            task.attempt = 2;
            task.base = 0;
            task.scheduled_at = Timestamp::from_micros(0);
        }
        task.base = 0;
    }
    for activity in run.activities.values_mut() {
        activity.last_beat = None;
        let volatile = !activity.start_must_be_durable();
        if volatile && matches!(activity.state, AttemptState::Started(_)) {
            activity.state = AttemptState::Offered;
        }
        if matches!(activity.state, AttemptState::BackingOff) {
            activity.state = AttemptState::Offered;
        }
    }
    run
}

fn next_run() -> NextRun {
    NextRun {
        run_id: "next".to_owned(),
        request_id: "next request".to_owned(),
    }
}

fn nothing() -> Outcome {
    Outcome {
        record: None,
        actions: Vec::new(),
        successor: None,
        overrun: None,
    }
}
