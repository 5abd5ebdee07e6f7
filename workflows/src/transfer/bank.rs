//! Steps at a bank. Each returns only when the fate of the money is known.

use std::time::Duration;

use domain::rail::{RailId, Rejection};
use domain::transfer::{Decline, Order};
use domain::{Step, StepKey};
use temporalio_workflow::{ActivityExecutionError, WorkflowResult};

use super::Ctx;
use super::desk::{Desk, Waiting};
use super::doubt::{self, Resolution};
use super::operator::{self, Decision};
use crate::activities::{Bank, BankAnswer, BankStep};
use crate::mover::Mover;
use crate::options::{self, Line};
use crate::patches::Patch;

/// A step's known end.
pub(crate) enum Outcome {
    Done { bank_reference: String },
    Refused { decline: Decline },
}

/// How often a step that provably never arrived is sent again before a person looks at it.
pub(super) const ROUNDS_BEFORE_A_PERSON_LOOKS: u32 = 5;

/// A person wanted it back before it left.
pub(super) const TAKEN_BACK: Outcome = Outcome::Refused {
    decline: Decline::TakenBack,
};

/// Ever longer: each time lengthens the history, and an outage may last.
fn until_sent_again(unsent: u32) -> Duration {
    const LONGEST: Duration = Duration::from_secs(3_600);
    Duration::from_secs(15)
        .saturating_mul(1 << unsent.min(8))
        .min(LONGEST)
}

/// What a rail is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Movement {
    Debit,
    PayOut,
    Authorise,
    Capture,
    Void,
    Refund,
}

/// Takes the money from the sender's bank.
pub(super) async fn debit(ctx: &Ctx, order: &Order, rail: RailId) -> WorkflowResult<Outcome> {
    let key = StepKey::of(order.transfer, Step::Collect);
    settle(
        ctx,
        BankStep {
            order: *order,
            key,
            rail,
            elsewhere: None,
        },
        Movement::Debit,
    )
    .await
}

/// Pays the receiver's bank.
pub(super) async fn pay_out(ctx: &Ctx, order: &Order, rail: RailId) -> WorkflowResult<Outcome> {
    let key = StepKey::of(order.transfer, Step::PayOut);
    settle(
        ctx,
        BankStep {
            order: *order,
            key,
            rail,
            elsewhere: None,
        },
        Movement::PayOut,
    )
    .await
}

/// Pays the sender back. There is nothing left to undo behind this, so a refusal is no end: a
/// person looks at it, and it is tried again when that person says so: under a new key, as the
/// refused one is dead at the bank for ever.
pub(super) async fn give_back(ctx: &Ctx, order: &Order, rail: RailId) -> WorkflowResult<String> {
    let mut step = BankStep {
        order: *order,
        key: StepKey::undo(order.transfer, Step::Collect),
        rail,
        elsewhere: None,
    };
    loop {
        match settle(ctx, step, Movement::PayOut).await? {
            Outcome::Done { bank_reference } => return Ok(bank_reference),
            Outcome::Refused { decline } => {
                let waiting = Waiting {
                    step: Step::Collect,
                    why: format!("the sender's bank refused to take the money back: {decline}"),
                    may_go_elsewhere: true,
                    may_be_taken_back: false,
                };
                match operator::wait(ctx, order, waiting).await? {
                    // As it was ordered: elsewhere is decided for one round.
                    Decision::Again { by_action: true } => {
                        step.elsewhere = None;
                        step.key = step.key.next_round();
                    }
                    Decision::Elsewhere(elsewhere) => {
                        step.elsewhere = Some(elsewhere);
                        step.key = step.key.next_round();
                    }
                    Decision::Again { by_action: false } | Decision::TakeBack => {}
                }
            }
        }
    }
}

/// Sends a step and finds out what became of it, however long that takes. The reference at the
/// bank stays the same on every attempt.
pub(crate) async fn settle<W: Mover>(
    ctx: &Ctx<W>,
    mut step: BankStep,
    movement: Movement,
) -> WorkflowResult<Outcome> {
    let mut rounds = 0;
    let mut unsent = 0;
    loop {
        if !operator::may_leave(ctx, step.key.undo).await? {
            return Ok(TAKEN_BACK);
        }
        let evidence = match send(ctx, step, movement).await {
            Ok(BankAnswer::Done { bank_reference }) => return Ok(Outcome::Done { bank_reference }),
            Ok(BankAnswer::Refused { rejection }) => return Ok(refused(&rejection)),
            Ok(BankAnswer::Unknown { evidence }) => evidence,
            Ok(BankAnswer::NotSent { .. }) => {
                // No doubt and no round: there is nothing to find out about what never left.
                unsent += 1;
                let (wait, summary) = (until_sent_again(unsent), step.key.to_string());
                let taken_back = |desk: &Desk| desk.take_back && !step.key.undo;
                operator::pause(ctx, wait, &summary, taken_back).await?;
                continue;
            }
            // A worker that died or ran out of time says nothing about the bank.
            Err(error) => error.to_string(),
        };
        match doubt::resolve(ctx, step, &evidence).await? {
            Resolution::Executed { bank_reference } => return Ok(Outcome::Done { bank_reference }),
            Resolution::Refused { rejection } => return Ok(refused(&rejection)),
            Resolution::NeverArrived { over }
                if over || step.rail.promises().deduplicates_for.is_none() =>
            {
                return Ok(Outcome::Refused {
                    decline: Decline::RefusedByBank,
                });
            }
            Resolution::NeverArrived { .. } => {
                rounds += 1;
                if rounds % ROUNDS_BEFORE_A_PERSON_LOOKS == 0 {
                    let waiting = Waiting {
                        step: step.key.step,
                        why: format!("sent {rounds} times, and it never arrived at the bank"),
                        may_go_elsewhere: matches!(movement, Movement::PayOut),
                        may_be_taken_back: !step.key.undo,
                    };
                    match operator::wait(ctx, &step.order, waiting).await? {
                        Decision::Again { .. } => {}
                        Decision::Elsewhere(elsewhere) => {
                            step.elsewhere = Some(elsewhere);
                            step.key = step.key.next_round();
                        }
                        Decision::TakeBack => return Ok(TAKEN_BACK),
                    }
                }
            }
        }
    }
}

async fn send<W: Mover>(
    ctx: &Ctx<W>,
    step: BankStep,
    movement: Movement,
) -> Result<BankAnswer, ActivityExecutionError> {
    let options = options::bank_step(line(ctx, step), &step.key.to_string());
    match movement {
        Movement::Debit => ctx.execute_activity(Bank::debit, step, options).await,
        Movement::PayOut => ctx.execute_activity(Bank::pay_out, step, options).await,
        Movement::Authorise => ctx.execute_activity(Bank::authorise, step, options).await,
        Movement::Capture => ctx.execute_activity(Bank::capture, step, options).await,
        Movement::Void => ctx.execute_activity(Bank::void, step, options).await,
        Movement::Refund => ctx.execute_activity(Bank::refund, step, options).await,
    }
}

/// Which queue carries the calls of a step.
pub(super) fn line<W: Mover>(ctx: &Ctx<W>, step: BankStep) -> Line {
    Line {
        tenant: step.order.tenant,
        rail: step.rail,
        own_queues: Patch::RailQueues.holds(ctx),
    }
}

pub(super) fn refused(rejection: &Rejection) -> Outcome {
    Outcome::Refused {
        decline: rejection.decline,
    }
}
