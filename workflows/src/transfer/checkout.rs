//! A payer pays on the provider's own page: it is opened, waited for, and closed when its time is
//! over. From its opening on the money may come, so giving it back is registered before.
//!
//! Whether somebody paid is asked of the provider. Whoever hears of it first (a notice, a person)
//! need only have it asked at once.

use std::time::{Duration, UNIX_EPOCH};

use domain::rail::RailId;
use domain::transfer::{Action, Decline, Happening, Order};
use domain::{Step, StepKey, Timestamp};
use temporalio_workflow::{WorkflowCancellationToken, WorkflowResult};

use super::bank::{self, Outcome, ROUNDS_BEFORE_A_PERSON_LOOKS, TAKEN_BACK};
use super::books::{Pen, Stop};
use super::doubt::{self, Resolution};
use super::run::Undo;
use super::{Ctx, operator};
use crate::activities::{Bank, BankStep, CheckoutAnswer, Verdict};
use crate::options;

const FIRST_LOOK_AFTER: Duration = Duration::from_secs(1);
/// A payer who is done waits for us, and each look lengthens the history.
const SLOWEST_LOOK: Duration = Duration::from_secs(60);

const NOT_PAID: Outcome = Outcome::Refused {
    decline: Decline::NotPaidInTime,
};

/// Returns what the provider calls the payment once it is made.
pub(super) async fn collect(
    ctx: &Ctx,
    order: &Order,
    rail: RailId,
    pen: &mut Pen,
    undo: &mut Undo,
) -> Result<String, Stop> {
    let step = BankStep {
        order: *order,
        key: StepKey::of(order.transfer, Step::Collect),
        rail,
        elsewhere: None,
    };
    undo.register(Step::Collect);
    let ended = match open(ctx, step).await? {
        Opening::Ended(outcome) => outcome,
        Opening::Page(page) => {
            let until = page.until;
            pen.note(Happening::ActionRequired { action: page });
            pen.write().await?;
            until_paid(ctx, step, until).await?
        }
    };
    match ended {
        Outcome::Done { bank_reference } => Ok(bank_reference),
        Outcome::Refused { decline } => {
            undo.forget(Step::Collect);
            Err(Stop::Refused(decline))
        }
    }
}

enum Opening {
    Page(Action),
    Ended(Outcome),
}

/// Opening it again under the same reference gives the same page, so it is tried for long; what is
/// still unknown then is found out like anything else.
async fn open(ctx: &Ctx, step: BankStep) -> WorkflowResult<Opening> {
    for _ in 0..ROUNDS_BEFORE_A_PERSON_LOOKS {
        if !operator::may_leave(ctx, false).await? {
            return Ok(Opening::Ended(TAKEN_BACK));
        }
        let options = options::bank_step(bank::line(ctx, step), &step.key.to_string());
        let answer = ctx
            .execute_activity(Bank::open_checkout, step, options)
            .await;
        let evidence = match answer {
            Ok(CheckoutAnswer::Opened { page }) => return Ok(Opening::Page(page)),
            Ok(CheckoutAnswer::Paid { bank_reference }) => {
                return Ok(Opening::Ended(Outcome::Done { bank_reference }));
            }
            Ok(CheckoutAnswer::Refused { rejection }) => {
                return Ok(Opening::Ended(bank::refused(&rejection)));
            }
            Ok(CheckoutAnswer::Unknown { evidence }) => evidence,
            Err(error) => error.to_string(),
        };
        if let Some(outcome) = found_out(ctx, step, &evidence).await? {
            return Ok(Opening::Ended(outcome));
        }
    }
    // Nobody was ever sent to a page, and no payment is known: nobody will pay.
    Ok(Opening::Ended(NOT_PAID))
}

/// None where nothing ever arrived, and it may be opened again.
async fn found_out(ctx: &Ctx, step: BankStep, evidence: &str) -> WorkflowResult<Option<Outcome>> {
    Ok(match doubt::resolve(ctx, step, evidence).await? {
        Resolution::Executed { bank_reference } => Some(Outcome::Done { bank_reference }),
        Resolution::Refused { rejection } => Some(bank::refused(&rejection)),
        Resolution::NeverArrived { over: true } => Some(NOT_PAID),
        Resolution::NeverArrived { over: false } => None,
    })
}

/// The payer has until then. Whatever time brings, the provider has the last word.
async fn until_paid(ctx: &Ctx, step: BankStep, until: Timestamp) -> WorkflowResult<Outcome> {
    let mut wait = FIRST_LOOK_AFTER;
    loop {
        let left = left(ctx, until);
        let over = left.is_zero() || ctx.state(|transfer| transfer.desk.take_back);
        if !over {
            pause(ctx, wait.min(left)).await?;
        }
        let verdict = match over {
            false => look(ctx, step).await,
            true => close(ctx, step).await,
        };
        match verdict {
            Verdict::Executed { bank_reference } => return Ok(Outcome::Done { bank_reference }),
            Verdict::Refused { .. } | Verdict::NeverArrived { .. }
                if ctx.state(|transfer| transfer.desk.take_back) =>
            {
                return Ok(TAKEN_BACK);
            }
            Verdict::Refused { rejection } => return Ok(bank::refused(&rejection)),
            Verdict::NeverArrived { .. } => return Ok(NOT_PAID),
            Verdict::Contradicts { evidence } => {
                let found = found_out(ctx, step, &evidence).await?;
                return Ok(found.unwrap_or(NOT_PAID));
            }
            // A payment is being made just now: it ends one way or the other.
            Verdict::Open if over => pause(ctx, wait).await?,
            Verdict::Open => {}
        }
        wait = (wait * 2).min(SLOWEST_LOOK);
    }
}

/// Ends early when somebody wants it asked at once, or called off.
async fn pause(ctx: &Ctx, wait: Duration) -> WorkflowResult<()> {
    let (seen, called_off) = ctx.state(|transfer| {
        let desk = &transfer.desk;
        (desk.asked_again, desk.take_back)
    });
    operator::pause(ctx, wait, "until somebody pays", |desk| {
        desk.asked_again > seen || desk.take_back != called_off
    })
    .await
}

/// A question that failed has found out nothing.
async fn look(ctx: &Ctx, step: BankStep) -> Verdict {
    let options = question(ctx, step, "paid?");
    let answer = ctx.execute_activity(Bank::inquire, step, options).await;
    answer.unwrap_or(Verdict::Open)
}

async fn close(ctx: &Ctx, step: BankStep) -> Verdict {
    let options = question(ctx, step, "closes");
    let answer = ctx
        .execute_activity(Bank::close_checkout, step, options)
        .await;
    answer.unwrap_or(Verdict::Open)
}

fn question(ctx: &Ctx, step: BankStep, what: &str) -> temporalio_workflow::ActivityOptions {
    let summary = format!("{} {what}", step.key);
    let never = WorkflowCancellationToken::new();
    options::inquiry(bank::line(ctx, step), &summary, never)
}

/// By the workflow's own time, which a replay repeats.
fn left(ctx: &Ctx, until: Timestamp) -> Duration {
    let since_epoch = ctx
        .workflow_time()
        .and_then(|now| now.duration_since(UNIX_EPOCH).ok());
    let now = since_epoch.unwrap_or_default().as_micros();
    let now = Timestamp::from_micros(i64::try_from(now).unwrap_or(i64::MAX));
    until.since(now)
}
