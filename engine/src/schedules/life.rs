//! The life of a schedule: what time, people and ended runs make of it.
//!
//! Pure: a state, a command and a moment give a new state and what to do about it. The state is
//! written whole, so it is its own record. What is to be started stands in
//! [`State::starting`] until its outcome is told.

use std::time::Duration;

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::{Memo, SearchAttributes, WorkflowExecution};
use temporalio_protos::temporal::api::enums::v1::ScheduleOverlapPolicy as Overlap;
use temporalio_protos::temporal::api::schedule::v1::{Schedule, SchedulePatch};

use super::overlap;
use super::spec::Spec;
use super::state::{Start, Starting, State};
use crate::core::time::{from_proto, to_proto};
use crate::limits;

#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// Time passed, or a run ended.
    Wake,
    /// Starts came to their outcome.
    Settle,
    Patch(SchedulePatch),
    Update(Box<Update>),
}

#[derive(Clone, Debug)]
pub(crate) struct Update {
    pub(crate) schedule: Schedule,
    /// It applies only if nothing changed since.
    pub(crate) expected: Option<i64>,
    pub(crate) search_attributes: Option<SearchAttributes>,
    pub(crate) memo: Option<Memo>,
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) wake_at: Option<Timestamp>,
    pub(crate) orders: Vec<Order>,
    /// Nothing will ever happen again, and it was there for long enough to be read.
    pub(crate) over: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Order {
    Cancel(WorkflowExecution),
    Terminate(WorkflowExecution),
}

/// How long a schedule stays that has nothing to do any more.
const RETENTION: Duration = Duration::from_secs(7 * 86_400);
const SOON: Duration = Duration::from_secs(1);
const BACKFILLS_AT_ONCE: usize = 10;
/// Moments of the past considered in one go; the rest follows at once.
const MOMENTS_AT_ONCE: usize = 10_000;
/// How long a start is tried: as long as it makes sense, within these.
const SHORTEST_TRY: Duration = Duration::from_secs(5);
const LONGEST_TRY: Duration = Duration::from_secs(3_600);
const MANUAL_TRY: Duration = Duration::from_secs(60);

pub(crate) fn apply(state: &mut State, cmd: Command, now: Timestamp) -> Outcome {
    let considered = Timestamp::from_micros(state.considered_until);
    let mut life = Life {
        spec: compile(state),
        seed: state.seed(),
        // A clock that was set back changes nothing that happened.
        now: now.max(considered),
        state,
        orders: Vec::new(),
        is_behind: false,
    };
    let settles = matches!(cmd, Command::Settle);
    if !settles {
        life.consider();
    }
    match cmd {
        Command::Wake | Command::Settle => {}
        Command::Patch(patch) => life.patch(patch),
        Command::Update(update) => life.update(*update),
    }
    // What is a step is not repeated in the same step.
    if !settles {
        life.backfill();
    }
    life.drain();
    life.outcome()
}

/// None where it cannot be read, and then it says why: a time zone may be gone.
pub(crate) fn compile(state: &mut State) -> Option<Spec> {
    let compiled = Spec::compile(&state.spec);
    #[allow(deprecated)] // Still where such a complaint is read.
    {
        state.info.invalid_schedule_error = match &compiled {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
    }
    compiled.ok()
}

struct Life<'s> {
    state: &'s mut State,
    spec: Option<Spec>,
    seed: String,
    now: Timestamp,
    orders: Vec<Order>,
    is_behind: bool,
}

impl Life<'_> {
    /// Buffers a start for each moment that passed.
    fn consider(&mut self) {
        let Some(spec) = self.spec.take_if(|_| self.state.may_act()) else {
            self.state.considered_until = self.now.as_micros();
            return;
        };
        let catchup = self.state.catchup();
        self.is_behind = true;
        for _ in 0..MOMENTS_AT_ONCE {
            let considered = Timestamp::from_micros(self.state.considered_until);
            let next = spec.next_after(&self.seed, considered);
            let Some(moment) = next.filter(|moment| moment.actual <= self.now) else {
                self.is_behind = false;
                break;
            };
            self.state.considered_until = moment.actual.as_micros();
            if self.state.updated_at() > moment.actual {
                // The schedule meant something else then.
                continue;
            }
            if self.now.since(moment.actual) > catchup {
                self.state.info.missed_catchup_window += 1;
                continue;
            }
            self.add(moment.nominal, moment.actual, Overlap::Unspecified, false);
        }
        self.spec = Some(spec);
    }

    fn add(&mut self, nominal: Timestamp, actual: Timestamp, overlap: Overlap, manual: bool) {
        if self.state.buffer.len() >= limits::SCHEDULE_BUFFER {
            self.state.info.buffer_dropped += 1;
            return;
        }
        self.state.buffer.push(Start {
            nominal: nominal.as_micros(),
            actual: actual.as_micros(),
            overlap: overlap.into(),
            manual,
        });
    }

    fn patch(&mut self, patch: SchedulePatch) {
        if let Some(trigger) = patch.trigger_immediately {
            let at = match &trigger.scheduled_time {
                None => self.now,
                given => from_proto(given.as_ref()),
            };
            self.add(at, at, trigger.overlap_policy(), true);
        }
        for mut backfill in patch.backfill_request {
            if self.state.backfills.len() >= limits::SCHEDULE_BUFFER {
                self.state.info.buffer_dropped += 1;
                continue;
            }
            // Its first moment is meant as well.
            let start = from_proto(backfill.start_time.as_ref());
            backfill.start_time = Some(to_proto(start.before(Duration::from_millis(1))));
            self.state.backfills.push(backfill);
        }
        for (notes, paused) in [(patch.pause, true), (patch.unpause, false)] {
            if !notes.is_empty() {
                self.state.condition.paused = paused;
                self.state.condition.notes = notes;
                self.state.changed();
            }
        }
    }

    fn update(&mut self, update: Update) {
        let token = self.state.conflict_token;
        if update.expected.is_some_and(|expected| expected != token) {
            return;
        }
        self.state.define(update.schedule);
        self.spec = compile(self.state);
        if let Some(attributes) = update.search_attributes {
            self.state.search_attributes = Some(attributes);
        }
        if let Some(memo) = update.memo {
            self.state.memo = Some(memo);
        }
        self.state.info.update_time = Some(to_proto(self.now));
        self.state.changed();
        self.consider();
    }

    fn backfill(&mut self) {
        let mut left = BACKFILLS_AT_ONCE;
        while left > 0
            && self.has_room_for_backfills()
            && let Some(backfill) = self.state.backfills.first().copied()
        {
            let from = from_proto(backfill.start_time.as_ref());
            let next = self.spec.as_ref();
            let next = next.and_then(|spec| spec.next_after(&self.seed, from));
            let until = from_proto(backfill.end_time.as_ref());
            match next.filter(|moment| moment.actual <= until) {
                None => drop(self.state.backfills.remove(0)),
                Some(moment) => {
                    self.add(
                        moment.nominal,
                        moment.actual,
                        backfill.overlap_policy(),
                        true,
                    );
                    self.state.backfills[0].start_time = Some(to_proto(moment.actual));
                    left -= 1;
                }
            }
        }
    }

    /// Half of the buffer is for the present.
    fn has_room_for_backfills(&self) -> bool {
        self.state.buffer.len() < limits::SCHEDULE_BUFFER / 2
    }

    fn drain(&mut self) {
        if self.state.workflow().is_none() {
            self.state.buffer.clear();
        }
        while !self.state.buffer.is_empty() {
            let verdict = overlap::judge(&self.state.buffer, self.one_is_open(), |of| {
                self.state.overlap(of)
            });
            self.state.buffer = verdict.wait;
            self.state.info.overlap_skipped += verdict.skipped;
            let beside = verdict.beside.into_iter().map(|start| (start, false));
            let mut held_back = false;
            for (start, tracked) in beside.chain(verdict.alone.map(|start| (start, true))) {
                held_back |= !self.start(start, tracked);
            }
            let running = self.state.info.running_workflows.iter().cloned();
            if verdict.terminate {
                self.orders.extend(running.map(Order::Terminate));
            } else if verdict.cancel {
                self.orders.extend(running.map(Order::Cancel));
            }
            // In place of one that was not to be started, another may be.
            if !held_back {
                break;
            }
        }
    }

    fn one_is_open(&self) -> bool {
        let tracked = self.state.starting.iter().any(|start| start.tracked);
        tracked || !self.state.info.running_workflows.is_empty()
    }

    /// Whether it may be.
    fn start(&mut self, start: Start, tracked: bool) -> bool {
        if !start.manual {
            if !self.state.may_act() {
                return false;
            }
            if self.state.condition.limited_actions {
                self.state.condition.remaining_actions -= 1;
                self.state.changed();
            }
        }
        let deadline = match start.manual {
            true => self.now.after(MANUAL_TRY),
            false => Timestamp::from_micros(start.actual)
                .after(self.state.catchup())
                .clamp(self.now.after(SHORTEST_TRY), self.now.after(LONGEST_TRY)),
        };
        self.state.starts += 1;
        self.state.starting.push(Starting {
            start,
            number: self.state.starts,
            tracked,
            deadline: deadline.as_micros(),
        });
        true
    }

    fn outcome(self) -> Outcome {
        let next = self.next_moment();
        let idle_since = self.idle_since(next);
        let gone_at = idle_since.map(|since| since.after(RETENTION));
        Outcome {
            over: gone_at.is_some_and(|at| at <= self.now),
            wake_at: [next, gone_at, self.at_once(), self.soon()]
                .into_iter()
                .flatten()
                .min(),
            orders: self.orders,
        }
    }

    fn at_once(&self) -> Option<Timestamp> {
        self.is_behind.then_some(self.now)
    }

    fn soon(&self) -> Option<Timestamp> {
        let more = self.state.backfills.first().is_some_and(|backfill| {
            let together = self.state.overlap(backfill.overlap_policy()) == Overlap::AllowAll;
            // Else the end of what is open is waited for.
            self.has_room_for_backfills() && (together || !self.one_is_open())
        });
        (more || !self.state.starting.is_empty()).then(|| self.now.after(SOON))
    }

    /// When the spec leads to something again.
    fn next_moment(&self) -> Option<Timestamp> {
        let spec = self.spec.as_ref().filter(|_| self.state.may_act())?;
        let considered = Timestamp::from_micros(self.state.considered_until);
        Some(spec.next_after(&self.seed, considered)?.actual)
    }

    fn idle_since(&self, next: Option<Timestamp>) -> Option<Timestamp> {
        let state = &self.state;
        if next.is_some() || state.condition.paused || state.is_busy() || !state.buffer.is_empty() {
            return None;
        }
        let info = &state.info;
        let acted = info.recent_actions.last();
        let acted = acted.and_then(|action| action.actual_time.as_ref());
        [acted, info.create_time.as_ref(), info.update_time.as_ref()]
            .map(from_proto)
            .into_iter()
            .max()
    }
}

#[cfg(test)]
#[path = "life_tests.rs"]
mod tests;
