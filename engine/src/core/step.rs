//! One command being applied: every event and note is folded into the run as it is made, and
//! collected for the record.

use ambient::Timestamp;
use temporalio_protos::temporal::api::enums::v1::{TimeoutType, WorkflowTaskFailedCause};
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::history::v1::{
    HistoryEvent, WorkflowTaskFailedEventAttributes, WorkflowTaskScheduledEventAttributes,
    WorkflowTaskTimedOutEventAttributes, history_event::Attributes,
};
use temporalio_protos::temporal::api::sdk::v1::{EventGroupMarker, UserMetadata};

use super::commands::start::{self, Start};
use super::family;
use super::fold;
use super::record::{Fact, Note, Record};
use super::run::Run;
use super::task::{SPECULATION, WorkflowTask};
use super::time::{duration, to_proto};
use super::updates::Fate;

/// What the shell does after a command: nothing of it is part of the run's durable state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    OfferWorkflowTask,
    OfferActivity {
        scheduled_id: i64,
        attempt: u32,
    },
    /// Those who wait for an update may know, once what is queued is on disk.
    TellUpdate {
        id: String,
        fate: Fate,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// `None` when only volatile state changed.
    pub(crate) record: Option<Record>,
    pub(crate) actions: Vec<Action>,
    /// The run that follows one that ended: written with its end, or not at all.
    pub(crate) successor: Option<Box<Successor>>,
    /// The bound that the run passed with this, which ended it.
    pub(crate) overrun: Option<&'static str>,
}

/// What the run that follows is called, should there be one: drawn by chance, so not here.
#[derive(Clone, Debug, Default)]
pub(crate) struct NextRun {
    pub(crate) run_id: String,
    /// As if somebody had asked for it.
    pub(crate) request_id: String,
}

/// A run that takes the place of the one before it.
#[derive(Debug)]
pub(crate) struct Successor {
    pub(crate) run: Run,
    pub(crate) outcome: Outcome,
}

#[derive(Debug)]
pub(crate) struct Step<'r> {
    pub(crate) run: &'r mut Run,
    pub(crate) now: Timestamp,
    successor: Option<Box<Start>>,
    events: Vec<HistoryEvent>,
    notes: Vec<Note>,
    actions: Vec<Action>,
    /// The groups of the command that is being applied; its events belong to them.
    groups: Vec<EventGroupMarker>,
    /// Whether a worker had the run in its cache when the command came.
    was_sticky: bool,
}

impl<'r> Step<'r> {
    pub(crate) fn new(run: &'r mut Run, now: Timestamp) -> Self {
        Self {
            was_sticky: run.sticky.is_some(),
            run,
            now,
            successor: None,
            events: Vec::new(),
            notes: Vec::new(),
            actions: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// Puts the events that follow into the groups that a command names.
    pub(crate) fn group_events(&mut self, groups: Vec<EventGroupMarker>) {
        self.groups = groups;
    }

    /// Appends an event to history and returns its id.
    pub(crate) fn emit(&mut self, attributes: impl Into<Attributes>) -> i64 {
        self.emit_with(attributes, None)
    }

    pub(crate) fn emit_with(
        &mut self,
        attributes: impl Into<Attributes>,
        user_metadata: Option<UserMetadata>,
    ) -> i64 {
        self.emit_event(HistoryEvent {
            attributes: Some(attributes.into()),
            user_metadata,
            ..HistoryEvent::default()
        })
    }

    /// As [`Step::emit`], with whatever else an event may carry. Id, type and time are set here.
    pub(crate) fn emit_event(&mut self, event: HistoryEvent) -> i64 {
        let event = self.stamped(event);
        self.append(event)
    }

    /// An event from outside: appended, or kept back while a worker decides on the present
    /// history. Answers its id, or 0 while it has none.
    pub(crate) fn incoming(&mut self, attributes: impl Into<Attributes>) -> i64 {
        self.incoming_event(HistoryEvent {
            attributes: Some(attributes.into()),
            ..HistoryEvent::default()
        })
    }

    pub(crate) fn incoming_event(&mut self, event: HistoryEvent) -> i64 {
        let event = self.stamped(event);
        if self.run.task_is_started() {
            self.commit_speculation();
            self.note(Fact::Buffered(Box::new(event)));
            0
        } else {
            self.append(event)
        }
    }

    pub(crate) fn note(&mut self, fact: Fact) {
        let note = Note { fact: Some(fact) };
        fold::note(self.run, &note, self.now);
        self.notes.push(note);
    }

    pub(crate) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Names the run that follows this one, which ends in the same step.
    pub(crate) fn follow(&mut self, next: Start) {
        self.successor = Some(Box::new(next));
    }

    fn stamped(&self, event: HistoryEvent) -> HistoryEvent {
        let kind = event.attributes.as_ref().map(Attributes::event_type);
        HistoryEvent {
            event_time: Some(to_proto(self.now)),
            event_type: kind.map_or(0, |kind| kind as i32),
            event_group_markers: self.groups.clone(),
            ..event
        }
    }

    pub(super) fn append(&mut self, mut event: HistoryEvent) -> i64 {
        self.commit_speculation();
        let id = self.run.next_event_id;
        event.event_id = id;
        // The order of the run's life; the protocol promises only that it grows.
        event.task_id = id;
        fold::event(self.run, &event);
        self.events.push(event);
        id
    }

    /// Writes the scheduled (when transient) and started events that so far only the worker saw.
    pub(crate) fn settle_started(&mut self) -> Option<(i64, i64)> {
        let started = self.run.task.as_mut()?.started.take()?;
        self.run.close_attempted = false;
        for event in started.suffix {
            fold::event(self.run, &event);
            self.events.push(event);
        }
        Some((started.scheduled_id, started.started_id))
    }

    /// Makes sure that a worker will look at the run.
    pub(crate) fn ensure_task(&mut self) {
        if self.run.task.is_some() || !self.run.is_open() || self.run.delayed_until.is_some() {
            return;
        }
        self.emit(WorkflowTaskScheduledEventAttributes {
            task_queue: Some(self.run.current_queue()),
            start_to_close_timeout: Some(duration(self.run.timeouts.task)),
            attempt: 1,
        });
        self.offer_task();
    }

    /// As [`Step::ensure_task`], also while the run's start is delayed.
    pub(crate) fn begin_now(&mut self) {
        self.run.delayed_until = None;
        self.ensure_task();
    }

    pub(crate) fn offer_task(&mut self) {
        let wait = self.run.sticky.as_ref().map(|s| s.schedule_to_start);
        if let Some(task) = &mut self.run.task {
            let wait = wait.or(task.speculative.then_some(SPECULATION));
            task.sticky_until = wait.map(|wait| self.now.after(wait));
            self.actions.push(Action::OfferWorkflowTask);
        }
    }

    /// Ends the running workflow task without a decision. The first failure in a row is in
    /// history; later ones only count.
    pub(crate) fn fail_task(
        &mut self,
        cause: WorkflowTaskFailedCause,
        failure: Option<Failure>,
        identity: String,
    ) {
        if self.run.task.as_ref().is_some_and(|task| task.attempt > 1) {
            self.next_transient_attempt();
        } else if let Some((scheduled_event_id, started_event_id)) = self.settle_started() {
            self.emit(WorkflowTaskFailedEventAttributes {
                scheduled_event_id,
                started_event_id,
                cause: cause as i32,
                failure,
                identity,
                ..WorkflowTaskFailedEventAttributes::default()
            });
        }
        self.run.close_attempted = cause == WorkflowTaskFailedCause::UnhandledCommand;
    }

    /// The worker that has the task says nothing, or nothing that counts.
    pub(crate) fn time_out_started_task(&mut self) {
        if self.run.task.as_ref().is_some_and(|task| task.attempt > 1) {
            self.next_transient_attempt();
        } else if let Some((scheduled_event_id, started_event_id)) = self.settle_started() {
            self.emit(WorkflowTaskTimedOutEventAttributes {
                scheduled_event_id,
                started_event_id,
                timeout_type: TimeoutType::StartToClose as i32,
            });
        }
        self.after_failed_task();
    }

    /// A later attempt failed: only the count moves, and nothing is durable.
    pub(crate) fn next_transient_attempt(&mut self) {
        let (now, base) = (self.now, self.run.next_event_id);
        self.run.forget_sticky();
        self.run.close_attempted = false;
        if let Some(task) = self.run.task.take() {
            self.run.task = Some(WorkflowTask {
                scheduled_id: None,
                attempt: task.attempt + 1,
                scheduled_at: now,
                base,
                sticky_until: None,
                started: None,
                beating_since: now,
                speculative: false,
            });
        }
    }

    /// After a failed task: a normal first attempt when events wait, or when it was the failing
    /// worker's cache that had the run, which may be all that is wrong; else the transient one.
    pub(crate) fn after_failed_task(&mut self) {
        if self.run.buffered.is_empty() && !self.was_sticky {
            self.offer_task();
        } else {
            self.run.task = None;
            self.flush_buffered();
            self.ensure_task();
        }
    }

    /// Gives buffered events their ids: activity completions last, so that a worker sees a signal
    /// before the completion that came with it, as the protocol's reference does.
    pub(crate) fn flush_buffered(&mut self) {
        if self.run.buffered.is_empty() {
            return;
        }
        let buffered = std::mem::take(&mut self.run.buffered);
        let (last, first): (Vec<_>, Vec<_>) = buffered.into_iter().partition(finishes);
        let mut starts = Vec::new();
        for event in first {
            let scheduled = started_of(&event);
            let id = self.append(event);
            starts.extend(scheduled.map(|scheduled| (scheduled, id)));
        }
        for mut event in last {
            link_to_start(&mut event, &starts);
            self.append(event);
        }
        self.note(Fact::Flushed(true));
    }

    pub(super) fn is_followed(&self) -> bool {
        self.successor.is_some()
    }

    /// What the notes take that a record would have; `None` when there would be none.
    pub(super) fn noted_bytes(&self) -> Option<usize> {
        let is_something = !self.events.is_empty() || !self.notes.is_empty();
        is_something.then(|| self.notes.iter().map(prost::Message::encoded_len).sum())
    }

    pub(crate) fn finish(mut self) -> Outcome {
        let overrun = self.enforce_bounds();
        if !self.run.is_open() {
            self.abort_updates();
        }
        let record = (!self.events.is_empty() || !self.notes.is_empty())
            .then(|| Record::new(self.now, &self.events, self.notes));
        if let Some(record) = &record {
            self.run.count(record);
        }
        let successor = self.successor.map(|next| {
            let (run, outcome) = start::apply(*next, self.now);
            Box::new(Successor { run, outcome })
        });
        Outcome {
            record,
            actions: self.actions,
            successor,
            overrun,
        }
    }
}

/// What was scheduled or initiated, of an event that says it started.
fn started_of(event: &HistoryEvent) -> Option<i64> {
    match &event.attributes {
        Some(Attributes::ActivityTaskStartedEventAttributes(a)) => Some(a.scheduled_event_id),
        Some(Attributes::ChildWorkflowExecutionStartedEventAttributes(a)) => {
            Some(a.initiated_event_id)
        }
        _ => None,
    }
}

fn finishes(event: &HistoryEvent) -> bool {
    match &event.attributes {
        Some(
            Attributes::ActivityTaskCompletedEventAttributes(_)
            | Attributes::ActivityTaskFailedEventAttributes(_)
            | Attributes::ActivityTaskTimedOutEventAttributes(_)
            | Attributes::ActivityTaskCanceledEventAttributes(_),
        ) => true,
        Some(attributes) => family::child_end(attributes).is_some(),
        None => false,
    }
}

fn link_to_start(event: &mut HistoryEvent, starts: &[(i64, i64)]) {
    let started = |of: i64| starts.iter().find(|(id, _)| *id == of).map(|(_, id)| *id);
    let (scheduled, started_id) = match &mut event.attributes {
        Some(Attributes::ActivityTaskCompletedEventAttributes(a)) => {
            (a.scheduled_event_id, &mut a.started_event_id)
        }
        Some(Attributes::ActivityTaskFailedEventAttributes(a)) => {
            (a.scheduled_event_id, &mut a.started_event_id)
        }
        Some(Attributes::ActivityTaskTimedOutEventAttributes(a)) => {
            (a.scheduled_event_id, &mut a.started_event_id)
        }
        Some(Attributes::ActivityTaskCanceledEventAttributes(a)) => {
            (a.scheduled_event_id, &mut a.started_event_id)
        }
        Some(attributes) => {
            let initiated = family::child_end(attributes).map(|(initiated, _)| initiated);
            if let Some(id) = initiated.and_then(started) {
                family::link_child_to_start(attributes, id);
            }
            return;
        }
        None => return,
    };
    if let Some(id) = started(scheduled) {
        *started_id = id;
    }
}
