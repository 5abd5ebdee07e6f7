//! The shell around a schedule's life: its turn, its row, its alarm, the starts and the ends.
//!
//! Whoever has the turn reads the row, decides, queues the write, starts what is to be started,
//! and lets go when all of it is on disk: so the store always has the latest. Starts follow the
//! write that announced them in the queue, and the queue's order is the order on disk.

use std::sync::Arc;
use std::time::Duration;

use ambient::Timestamp;
use prost::Message;
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use tonic::{Code, Status};

use super::desk::Turn;
use super::ends::end_of;
use super::life::{self, Command, Order, Outcome};
use super::state::{Starting, State};
use crate::core::Refusal;
use crate::core::commands::cancel::{self, RequestCancel};
use crate::core::commands::terminate::{self, Terminate};
use crate::frontend::start;
use crate::runs::{Hand, Host, Key, Namespace};
use crate::store::writer::Position;
use crate::store::{Change, ScheduleRow, StoreError};

/// A schedule in hand.
#[derive(Debug)]
pub(crate) struct InHand {
    _turn: Turn,
    namespace: Namespace,
    row: i64,
    /// As it is in the store, if it is.
    stored: Option<ScheduleRow>,
    pub(crate) state: State,
}

const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Host {
    /// Sets an alarm for every schedule that has something to do.
    pub(crate) fn set_alarms_of_schedules(&self) -> Result<(), StoreError> {
        let now = self.now();
        self.reader.due_schedules(&mut |row, at| {
            let at = at.map_or(now, Timestamp::from_micros);
            self.set_alarm_of_schedule(row, Some(at));
        })
    }

    /// Alarms of schedules have the numbers below zero; runs have the others.
    fn set_alarm_of_schedule(&self, row: i64, at: Option<Timestamp>) {
        self.timers.set(-row, at);
        // Where time jumps, a schedule alone is worth a look too.
        self.stillness.stir();
    }

    /// A workflow ended: whoever waits for that looks at it.
    pub(crate) fn ring_schedules(&self, ended: &Key) {
        for row in self.desk.waiting_for(ended) {
            self.set_alarm_of_schedule(row, Some(self.now()));
        }
    }

    /// Time does not jump while the hand is raised.
    pub(crate) async fn wake_schedule(self: Arc<Self>, row: i64, _hand: Hand) {
        let again = Some(self.now().after(LOOK_AGAIN));
        if self.admit().is_err() {
            self.set_alarm_of_schedule(row, again);
            return;
        }
        if let Err(error) = self.try_to_wake(row).await {
            tracing::error!(row, %error, "a schedule that is due cannot be looked at");
            if error.code() != Code::DataLoss {
                self.set_alarm_of_schedule(row, again);
            }
        }
    }

    async fn try_to_wake(&self, row: i64) -> Result<(), Status> {
        let key = self.read(move |reader| reader.schedule_key(row)).await?;
        let Some((namespace, schedule_id)) = key else {
            return Ok(());
        };
        let Some(namespace) = self.namespaces.by_id(namespace) else {
            return Ok(());
        };
        match self.take_schedule(&namespace, &schedule_id).await? {
            Some(in_hand) => self.live(in_hand, Command::Wake).await,
            None => Ok(()),
        }
    }

    /// Takes a schedule in hand, if there is one.
    pub(crate) async fn take_schedule(
        &self,
        namespace: &Namespace,
        schedule_id: &str,
    ) -> Result<Option<InHand>, Status> {
        let turn = self.desk.turn(namespace.id, schedule_id).await;
        let stored = self.stored_schedule(namespace, schedule_id).await?;
        let Some((row, state)) = stored else {
            return Ok(None);
        };
        Ok(Some(InHand {
            _turn: turn,
            namespace: Arc::clone(namespace),
            row: row.row,
            stored: Some(row),
            state,
        }))
    }

    async fn stored_schedule(
        &self,
        namespace: &Namespace,
        schedule_id: &str,
    ) -> Result<Option<(ScheduleRow, State)>, Status> {
        let (namespace, schedule_id) = (namespace.id, schedule_id.to_owned());
        let read = self.read(move |reader| reader.schedule(namespace, &schedule_id));
        let Some(row) = read.await? else {
            return Ok(None);
        };
        let state = decoded(&row)?;
        Ok(Some((row, state)))
    }

    /// Takes a new schedule in hand; or answers the one that has its id.
    pub(crate) async fn new_schedule(
        &self,
        namespace: &Namespace,
        state: State,
    ) -> Result<Result<InHand, Box<State>>, Status> {
        let turn = self.desk.turn(namespace.id, &state.schedule_id).await;
        let stored = self.stored_schedule(namespace, &state.schedule_id).await?;
        if let Some((_, present)) = stored {
            return Ok(Err(Box::new(present)));
        }
        Ok(Ok(InHand {
            _turn: turn,
            namespace: Arc::clone(namespace),
            row: self.desk.next_row(),
            stored: None,
            state,
        }))
    }

    /// Brings the ends of runs, applies a command, and does what follows from both. Returns when
    /// all of it is on disk.
    pub(crate) async fn live(&self, mut in_hand: InHand, cmd: Command) -> Result<(), Status> {
        // First: an end that comes while others are asked about would be missed.
        self.watch_runs(&in_hand);
        self.learn_ends(&mut in_hand).await;
        let mut outcome = life::apply(&mut in_hand.state, cmd, self.now());
        let mut position = None;
        while !outcome.over {
            position = self.put(&mut in_hand, &outcome).or(position);
            for order in std::mem::take(&mut outcome.orders) {
                self.obey(&in_hand, order).await;
            }
            if !self.start_all(&mut in_hand).await {
                break;
            }
            outcome = life::apply(&mut in_hand.state, Command::Settle, self.now());
        }
        if outcome.over {
            return self.remove_schedule(in_hand).await;
        }
        let durable = match position {
            Some(position) => self.durable(position).await,
            None => Ok(()),
        };
        // Only now: whoever it wakes asks the store for the schedule. And also when the disk is
        // full, for then it is written later.
        // None takes no alarm back: it may be that of an end that came meanwhile.
        if outcome.wake_at.is_some() {
            self.set_alarm_of_schedule(in_hand.row, outcome.wake_at);
        }
        durable
    }

    pub(crate) async fn remove_schedule(&self, in_hand: InHand) -> Result<(), Status> {
        self.desk.watch(in_hand.row, Vec::new());
        self.set_alarm_of_schedule(in_hand.row, None);
        if in_hand.stored.is_none() {
            return Ok(());
        }
        let position = self.writes.submit([Change::ScheduleGone(in_hand.row)]);
        self.durable(position).await
    }

    /// What is open of what it started, asked anew.
    pub(crate) async fn learn_ends(&self, in_hand: &mut InHand) -> bool {
        let mut learned = false;
        for execution in in_hand.state.info.running_workflows.clone() {
            match end_of(self, &in_hand.namespace, &execution).await {
                Ok(None) => {}
                Ok(Some(ended)) => {
                    in_hand.state.ended(&execution, ended);
                    learned = true;
                }
                Err(error) => {
                    let workflow_id = &execution.workflow_id;
                    tracing::warn!(workflow_id, %error, "a scheduled workflow cannot be read");
                }
            }
        }
        learned
    }

    /// The end of whatever is open of it, or is about to be started, wakes it.
    fn watch_runs(&self, in_hand: &InHand) {
        let state = &in_hand.state;
        let namespace = in_hand.namespace.id;
        let running = state.info.running_workflows.iter();
        let running = running.map(|one| Key::new(namespace, &one.workflow_id));
        let starting = state.starting.iter();
        let starting = starting.map(|one| Key::new(namespace, &state.workflow_id(&one.start)));
        self.desk
            .watch(in_hand.row, running.chain(starting).collect());
    }

    /// Queues the write, if there is anything to write.
    fn put(&self, in_hand: &mut InHand, outcome: &Outcome) -> Option<Position> {
        self.watch_runs(in_hand);
        let state = &in_hand.state;
        let namespace = in_hand.namespace.id;
        let created = state.info.create_time.as_ref();
        let row = ScheduleRow {
            row: in_hand.row,
            namespace,
            schedule_id: state.schedule_id.clone(),
            created_at: crate::core::time::from_proto(created).as_micros(),
            wake_at: outcome.wake_at.map(Timestamp::as_micros),
            busy: state.is_busy(),
            search_values: state.search_values(),
            body: state.encode_to_vec().into(),
        };
        if in_hand.stored.as_ref() == Some(&row) {
            return None;
        }
        in_hand.stored = Some(row.clone());
        Some(self.writes.submit([Change::Schedule(Box::new(row))]))
    }

    /// Whether anything came to its outcome. What the engine cannot do now stays.
    async fn start_all(&self, in_hand: &mut InHand) -> bool {
        let mut settled = false;
        for starting in in_hand.state.starting.clone() {
            match self.start_one(&in_hand.state, &starting).await {
                Ok(run_id) => in_hand.state.began(starting.number, run_id, self.now()),
                Err(error) if self.is_worth_a_retry(&error, &starting) => continue,
                Err(error) => {
                    let schedule_id = &in_hand.state.schedule_id;
                    tracing::warn!(schedule_id, %error, "a scheduled workflow was not started");
                    in_hand.state.could_not_begin(starting.number);
                }
            }
            settled = true;
        }
        settled
    }

    async fn start_one(&self, state: &State, starting: &Starting) -> Result<String, Status> {
        self.admit()?;
        start::for_schedule(self, state.request(starting)).await
    }

    fn is_worth_a_retry(&self, error: &Status, starting: &Starting) -> bool {
        let passes = matches!(error.code(), Code::Unavailable | Code::ResourceExhausted);
        passes && self.now() < Timestamp::from_micros(starting.deadline)
    }

    /// If it cannot be done it is tried again when the schedule acts the next time.
    async fn obey(&self, in_hand: &InHand, order: Order) {
        let (now, identity) = (self.now(), in_hand.state.identity());
        let done = match order {
            Order::Cancel(of) => {
                let request = RequestCancel {
                    reason: "cancelled by schedule overlap policy".to_owned(),
                    identity,
                    ..RequestCancel::default()
                };
                self.change_chain(in_hand, &of, |run| cancel::apply(run, request, now))
                    .await
            }
            Order::Terminate(of) => {
                let request = Terminate {
                    reason: "terminated by schedule overlap policy".to_owned(),
                    details: None,
                    identity,
                    links: Vec::new(),
                };
                self.change_chain(in_hand, &of, |run| terminate::apply(run, request, now))
                    .await
            }
        };
        if let Err(error) = done
            && error.code() != Code::NotFound
        {
            tracing::warn!(%error, "a scheduled workflow did not make room for the next");
        }
    }

    /// The latest run of the chain that the schedule started.
    async fn change_chain(
        &self,
        in_hand: &InHand,
        of: &WorkflowExecution,
        apply: impl FnOnce(&mut crate::core::Run) -> Result<crate::core::Outcome, Refusal>,
    ) -> Result<Position, Status> {
        self.change(&in_hand.namespace, &of.workflow_id, "", |run| {
            match run.first_run_id == of.run_id {
                true => apply(run),
                false => Err(Refusal::Closed),
            }
        })
        .await
    }
}

pub(crate) fn decoded(row: &ScheduleRow) -> Result<State, Status> {
    State::decode(&*row.body)
        .map_err(|_| Status::data_loss(format!("schedule {} cannot be read", row.row)))
}

#[cfg(test)]
#[path = "shell_tests.rs"]
mod tests;
