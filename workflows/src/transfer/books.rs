//! The pen: notes what happens and writes it into our books, several happenings in one commit.

use domain::Step;
use domain::transfer::{Decline, Happening, Order, Status};
use temporalio_common::error::ApplicationFailure;
use temporalio_workflow::{ActivityExecutionError, WorkflowResult, WorkflowTermination};

use super::desk::Waiting;
use super::run::Undo;
use super::{Ctx, Standing, Transfer, operator};
use crate::activities::{Booked, Books, Record};
use crate::mover::Mover;
use crate::{marks, options};

/// Why the happy path ended.
pub(crate) enum Stop {
    /// Known and final: undo what was done.
    Refused(Decline),
    /// The books contradict the workflow, and even that cannot be written into them. Nothing more
    /// may be done by this run; the failure says what contradicts.
    Broken(WorkflowTermination),
}

impl Stop {
    /// For places where the books have no right to refuse.
    pub(super) fn into_termination(self) -> WorkflowTermination {
        match self {
            Self::Broken(termination) => termination,
            Self::Refused(decline) => ApplicationFailure::non_retryable(format!(
                "the books refused what had to be recorded ({decline}); the money facts of the \
                 transfer say where the money is; an operator must look"
            ))
            .into(),
        }
    }
}

impl From<WorkflowTermination> for Stop {
    fn from(termination: WorkflowTermination) -> Self {
        Self::Broken(termination)
    }
}

impl From<Stop> for WorkflowTermination {
    fn from(stop: Stop) -> Self {
        stop.into_termination()
    }
}

pub(super) struct Pen<W: Mover = Transfer> {
    ctx: Ctx<W>,
    order: Order,
    noted: Vec<Happening>,
}

impl<W: Mover> Pen<W> {
    pub(super) fn new(ctx: &Ctx<W>, order: Order) -> Self {
        Self {
            ctx: ctx.clone(),
            order,
            noted: Vec::new(),
        }
    }

    /// Nothing is written yet.
    pub(super) fn note(&mut self, happening: Happening) {
        self.noted.push(happening);
    }

    /// Writes all that was noted, in one commit. When the books refuse the batch it is written one
    /// by one, so that everything up to the refusal stands in the history; the rest is dropped.
    pub(super) async fn write(&mut self) -> Result<(), Stop> {
        let noted = std::mem::take(&mut self.noted);
        match self.record(noted.clone()).await? {
            // Only calling off can come too late.
            Booked::Done | Booked::TooLate => Ok(()),
            Booked::Refused { decline } if noted.len() < 2 => Err(Stop::Refused(decline)),
            Booked::Refused { .. } => {
                for happening in noted {
                    if let Booked::Refused { decline } = self.record(vec![happening]).await? {
                        return Err(Stop::Refused(decline));
                    }
                }
                Ok(())
            }
        }
    }

    /// False when it is too late for it.
    pub(super) async fn call_off(&self) -> Result<bool, Stop> {
        let booked = self.record(vec![Happening::Canceled]).await?;
        Ok(matches!(booked, Booked::Done))
    }

    /// Like [`Pen::write`], where funding may be among the noted: a sender's wallet is debited by
    /// the entry itself, so its undo is registered as the entry is written, and dropped when the
    /// books say that it never was.
    pub(super) async fn write_funding(&mut self, undo: &mut Undo) -> Result<(), Stop> {
        let wallet_is_debited = self.noted.iter().any(|noted| {
            matches!(
                noted,
                Happening::Funded {
                    bank_reference: None
                }
            )
        });
        if !wallet_is_debited {
            return self.write().await;
        }
        undo.register(Step::Collect);
        let written = self.write().await;
        // The whole batch may have been refused at its first happening, so not only while collecting.
        let nothing_moved = self.ctx.state(|run| {
            matches!(
                run.at().status,
                Status::Created
                    | Status::Scheduled
                    | Status::InReview
                    | Status::RequiresAction
                    | Status::Collecting
            )
        });
        if written.is_err() && nothing_moved {
            undo.forget(Step::Collect);
        }
        written
    }

    /// What the books contradict is shown to a person and tried again when that person says so: a
    /// workflow that simply failed would leave the money where it is and nobody the wiser.
    async fn record(&self, happenings: Vec<Happening>) -> Result<Booked, Stop> {
        let step = happenings.first().map_or(Step::Collect, step_of);
        let reached = happenings.iter().rev().find_map(Happening::leads_to);
        let summary = summary(&happenings);
        let booked = loop {
            match once(&self.ctx, &self.order, &happenings).await {
                Ok(booked) => break booked,
                Err(error) => {
                    let why = format!("the books contradict what was to be recorded: {error}");
                    operator::wait(&self.ctx, &self.order, Waiting::only_again(step, why)).await?;
                }
            }
        };
        if let (Booked::Done, Some(status)) = (&booked, reached) {
            self.ctx
                .state_mut(|run| *run.at_mut() = Standing::new(status, summary));
        }
        Ok(booked)
    }
}

/// Writes one happening beside the status. When even that is contradicted the run ends: a transfer
/// that is final, or not there at all, takes no flags.
pub(super) async fn say<W: Mover>(
    ctx: &Ctx<W>,
    order: &Order,
    happening: Happening,
) -> WorkflowResult<()> {
    once(ctx, order, &[happening]).await.map_err(|error| {
        ApplicationFailure::non_retryable(format!("the books contradict this run: {error}"))
    })?;
    Ok(())
}

/// Retried until the database answers; what comes back as an error is a contradiction.
async fn once<W: Mover>(
    ctx: &Ctx<W>,
    order: &Order,
    happenings: &[Happening],
) -> Result<Booked, ActivityExecutionError> {
    let record = Record {
        tenant: order.tenant,
        transfer: order.transfer,
        happenings: happenings.to_vec(),
        linked: ctx.state(Mover::linked),
    };
    let options = options::books(&summary(happenings));
    let booked = ctx
        .execute_local_activity(Books::record, record, options)
        .await?;
    if booked == Booked::Done {
        marks::show(ctx, happenings);
    }
    Ok(booked)
}

fn summary(happenings: &[Happening]) -> String {
    let causes: Vec<_> = happenings.iter().map(Happening::cause).collect();
    causes.join(", ")
}

/// Where a person should look.
const fn step_of(happening: &Happening) -> Step {
    match happening {
        Happening::Scheduled { .. } | Happening::InReview { .. } => Step::Screen,
        Happening::Collecting
        | Happening::ActionRequired { .. }
        | Happening::Declined { .. }
        | Happening::Canceled
        | Happening::Refunded { .. } => Step::Collect,
        Happening::Funded { .. } => Step::Fund,
        Happening::PayingOut | Happening::PayoutRefused { .. } => Step::PayOut,
        Happening::Completed { .. } => Step::Settle,
        Happening::Raised { step, .. } | Happening::Lowered { step, .. } => *step,
    }
}
