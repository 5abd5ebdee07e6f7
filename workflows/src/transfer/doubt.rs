//! A bank's answer never came: wait as the rail asks, inquire by our own reference, and never guess.

use std::time::Duration;

use domain::rail::{RailPromises, Rejection};
use domain::transfer::{FlagKind, Happening};
use temporalio_workflow::WorkflowResult;

use super::books::Pen;
use super::{Ctx, bank};
use crate::activities::{Bank, BankStep, Verdict};
use crate::options;

const QUESTIONS_AT_THE_RAILS_PACE: u32 = 500;
const SLOWEST: Duration = Duration::from_secs(4 * 3_600);

pub(super) enum Resolution {
    Executed { bank_reference: String },
    Refused { rejection: Rejection },
    NeverArrived,
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
    let (resolution, proof) = loop {
        ctx.timer(options::wait(
            wait,
            &format!("before asking about {}", step.key),
        ))
        .await;
        let answer = ctx
            .execute_activity(
                Bank::inquire,
                step,
                options::inquiry(bank::line(ctx, step), &format!("{}?", step.key)),
            )
            .await;
        match answer {
            Ok(Verdict::Executed { bank_reference }) => {
                break (
                    Resolution::Executed { bank_reference },
                    "the bank executed it",
                );
            }
            Ok(Verdict::Refused { rejection }) => {
                break (Resolution::Refused { rejection }, "the bank refused it");
            }
            Ok(Verdict::NeverArrived) => {
                break (Resolution::NeverArrived, "it never arrived at the bank");
            }
            // No answer to a question is no answer to the doubt, and neither is one about something
            // that we did not order: that is kept apart, for a person to see.
            other => {
                if let (Ok(Verdict::Contradicts { evidence }), false) = (other, contradicted) {
                    contradicted = true;
                    let note = format!("the bank contradicts our order: {evidence}");
                    person(&mut pen, step, note, true).await?;
                }
                asked = asked.saturating_add(1);
                wait = next_wait(wait, asked, promises);
            }
        }
    };
    if contradicted {
        person(&mut pen, step, proof.to_owned(), false).await?;
    }
    flag(&mut pen, step, proof, false).await?;
    Ok(resolution)
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
