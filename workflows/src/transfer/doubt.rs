//! A bank's answer never came: wait as the rail asks, inquire by our own reference, and never guess.
//! A person who found it out elsewhere is believed as well, with evidence.

use std::pin::pin;
use std::time::Duration;

use domain::rail::{RailPromises, Rejection};
use domain::transfer::{FlagKind, Happening};
use futures::FutureExt;
use temporalio_workflow::{WorkflowCancellationToken, WorkflowResult, select};

use super::books::Pen;
use super::operator::detached;
use super::{Ctx, bank, operator};
use crate::activities::{Bank, BankStep, Settled, Verdict};
use crate::options;

const QUESTIONS_AT_THE_RAILS_PACE: u32 = 500;
const SLOWEST: Duration = Duration::from_secs(4 * 3_600);

pub(super) enum Resolution {
    Executed {
        bank_reference: String,
    },
    Refused {
        rejection: Rejection,
    },
    NeverArrived {
        /// It is not sent again all the same.
        over: bool,
    },
}

/// Returns only with proof. Until then the transfer is flagged `in_doubt`, for everyone to see.
pub(super) async fn resolve(
    ctx: &Ctx,
    step: BankStep,
    evidence: &str,
) -> WorkflowResult<Resolution> {
    let mut pen = Pen::new(ctx, step.order);
    flag(&mut pen, step, evidence, true).await?;
    let promises = step.rail.promises();
    let mut wait = promises.first_inquiry_after;
    let (mut asked, mut contradicted) = (0_u32, false);
    ctx.state_mut(|transfer| {
        transfer.desk.doubt = Some(step.key);
        transfer.desk.told = None;
    });
    let (resolution, proof) = loop {
        pause(ctx, step, wait).await?;
        let verdict = match inquire(ctx, step).await? {
            Heard::Bank(verdict) => verdict,
            Heard::Person(Settled::Executed { bank_reference }) => {
                break (
                    Resolution::Executed { bank_reference },
                    "a person found that the bank executed it",
                );
            }
            Heard::Person(Settled::Refused { rejection }) => {
                break (
                    Resolution::Refused { rejection },
                    "a person found that the bank did not execute it",
                );
            }
        };
        match verdict {
            Verdict::Executed { bank_reference } => {
                break (
                    Resolution::Executed { bank_reference },
                    "the bank executed it",
                );
            }
            Verdict::Refused { rejection } => {
                break (Resolution::Refused { rejection }, "the bank refused it");
            }
            Verdict::NeverArrived { over } => {
                break (
                    Resolution::NeverArrived { over },
                    "it never arrived at the bank",
                );
            }
            // No answer to a question is no answer to the doubt, and neither is one about something
            // that we did not order: that is kept apart, for a person to see.
            other @ (Verdict::Contradicts { .. } | Verdict::Open) => {
                if let (Verdict::Contradicts { evidence }, false) = (other, contradicted) {
                    contradicted = true;
                    let ways = ctx.state(|it| it.desk.ways_out(it.standing.status));
                    let note =
                        format!("the bank contradicts our order: {evidence}; possible: {ways}");
                    person(&mut pen, step, note, true).await?;
                }
                asked = asked.saturating_add(1);
                wait = next_wait(wait, asked, promises);
            }
        }
    };
    ctx.state_mut(|transfer| transfer.desk.doubt = None);
    if contradicted {
        person(&mut pen, step, proof.to_owned(), false).await?;
    }
    flag(&mut pen, step, proof, false).await?;
    Ok(resolution)
}

/// Who ended the waiting.
enum Heard {
    Bank(Verdict),
    Person(Settled),
}

/// As long as the rail asks, unless a person wants it asked now or knows the answer.
async fn pause(ctx: &Ctx, step: BankStep, wait: Duration) -> WorkflowResult<()> {
    if told(ctx).is_some() {
        return Ok(());
    }
    let seen = ctx.state(|transfer| transfer.desk.asked_again);
    let summary = format!("before asking about {}", step.key);
    operator::pause(ctx, wait, &summary, |desk| {
        desk.told.is_some() || desk.asked_again > seen
    })
    .await
}

/// A bank that is away is asked for as long as it takes; a person need not wait for that.
async fn inquire(ctx: &Ctx, step: BankStep) -> WorkflowResult<Heard> {
    if let Some(settled) = told(ctx) {
        return Ok(Heard::Person(settled));
    }
    let token = WorkflowCancellationToken::new();
    let asked = options::inquiry(
        bank::line(ctx, step),
        &format!("{}?", step.key),
        token.clone(),
    );
    let mut answer = pin!(ctx.execute_activity(Bank::inquire, step, asked).fuse());
    let mut person =
        pin!(ctx.wait_condition_with_options(|transfer| transfer.desk.told.is_some(), detached()));
    let answer = select! {
        answer = answer => Some(answer),
        said = person => {
            said?;
            token.cancel();
            None
        }
    };
    Ok(match (answer, told(ctx)) {
        // An inquiry that failed has found out nothing.
        (Some(answer), _) => Heard::Bank(answer.unwrap_or(Verdict::Open)),
        (None, Some(settled)) => Heard::Person(settled),
        (None, None) => Heard::Bank(Verdict::Open),
    })
}

fn told(ctx: &Ctx) -> Option<Settled> {
    ctx.state(|transfer| transfer.desk.told.clone())
}

/// Every question lengthens the history, and an engine ends a run whose history has grown too long.
/// So a bank that decides nothing for hours is asked ever more rarely, and a doubt may last years.
fn next_wait(wait: Duration, asked: u32, promises: RailPromises) -> Duration {
    let slowest = if asked < QUESTIONS_AT_THE_RAILS_PACE {
        promises.slowest_inquiry
    } else {
        promises.slowest_inquiry.max(SLOWEST)
    };
    (wait * 2).min(slowest)
}

async fn flag(pen: &mut Pen, step: BankStep, note: &str, raise: bool) -> WorkflowResult<()> {
    change(pen, FlagKind::InDoubt, step, note.to_owned(), raise).await
}

async fn person(pen: &mut Pen, step: BankStep, note: String, raise: bool) -> WorkflowResult<()> {
    change(pen, FlagKind::NeedsOperator, step, note, raise).await
}

async fn change(
    pen: &mut Pen,
    flag: FlagKind,
    step: BankStep,
    note: String,
    raise: bool,
) -> WorkflowResult<()> {
    let step = step.key.step;
    pen.note(if raise {
        Happening::Raised { flag, step, note }
    } else {
        Happening::Lowered { flag, step, note }
    });
    Ok(pen.write().await?)
}

#[cfg(test)]
mod tests {
    use domain::rail::RailId;

    use super::*;

    /// A timer, the activity, and the workflow tasks between them.
    const EVENTS_A_QUESTION: u64 = 11;
    /// Where Temporal ends a run.
    const LONGEST_HISTORY: u64 = 51_200;

    #[test]
    fn a_year_in_doubt_fits_into_a_history() {
        for rail in RailId::ALL {
            let promises = rail.promises();
            let (mut wait, mut passed, mut asked) =
                (promises.first_inquiry_after, Duration::ZERO, 0);
            while passed < Duration::from_secs(365 * 86_400) {
                passed += wait;
                asked += 1;
                wait = next_wait(wait, asked, promises);
            }
            assert!(
                u64::from(asked) * EVENTS_A_QUESTION < LONGEST_HISTORY,
                "{rail}: {asked}"
            );
        }
    }
}
