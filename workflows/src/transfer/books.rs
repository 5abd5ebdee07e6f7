//! The pen: notes what happens and writes it into our books, several happenings in one commit.

use domain::Step;
use domain::transfer::{Decline, Happening, Order};
use temporalio_common::error::ApplicationFailure;
use temporalio_workflow::WorkflowTermination;

use super::run::Undo;
use super::{Ctx, Standing};
use crate::activities::{Booked, Books, Record};
use crate::options;

/// Why the happy path ended.
pub(super) enum Stop {
    /// Known and final: undo what was done.
    Refused(Decline),
    /// The books contradict the workflow. Nothing more may be done by this run; the transfer keeps
    /// its last recorded status and the failure says what contradicts.
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

pub(super) struct Pen {
    ctx: Ctx,
    order: Order,
    noted: Vec<Happening>,
}

impl Pen {
    pub(super) fn new(ctx: &Ctx, order: Order) -> Self {
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
            Booked::Done => Ok(()),
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
        let still_collecting = self
            .ctx
            .state(|transfer| transfer.standing.status == domain::transfer::Status::Collecting);
        if written.is_err() && still_collecting {
            undo.forget(Step::Collect);
        }
        written
    }

    async fn record(&self, happenings: Vec<Happening>) -> Result<Booked, Stop> {
        let summary = happenings
            .iter()
            .map(Happening::cause)
            .collect::<Vec<_>>()
            .join(", ");
        let reached = happenings.iter().rev().find_map(Happening::leads_to);
        let record = Record {
            tenant: self.order.tenant,
            transfer: self.order.transfer,
            happenings,
        };
        let booked = self
            .ctx
            .execute_local_activity(Books::record, record, options::books(&summary))
            .await
            // Retried until the database answers; what comes back as an error is a contradiction.
            .map_err(|error| {
                ApplicationFailure::non_retryable(format!("the books contradict this run: {error}"))
            })
            .map_err(WorkflowTermination::from)?;
        if let (Booked::Done, Some(status)) = (&booked, reached) {
            self.ctx.state_mut(|transfer| {
                transfer.standing = Standing {
                    status,
                    doing: summary,
                };
            });
        }
        Ok(booked)
    }
}
