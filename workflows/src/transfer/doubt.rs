//! A bank's answer never came: wait as the rail asks, inquire by our own reference, and never guess.

use domain::rail::Rejection;
use domain::transfer::{FlagKind, Happening};
use temporalio_workflow::WorkflowResult;

use super::Ctx;
use super::books::Pen;
use crate::activities::{Bank, BankStep, Verdict};
use crate::options;

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
    let (resolution, proof) = loop {
        ctx.timer(options::wait(
            wait,
            &format!("before asking about {}", step.key),
        ))
        .await;
        let asked = ctx
            .execute_activity(
                Bank::inquire,
                step,
                options::inquiry(&format!("{}?", step.key)),
            )
            .await;
        match asked {
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
            // No answer to a question is no answer to the doubt.
            Ok(Verdict::Open) | Err(_) => wait = (wait * 2).min(promises.slowest_inquiry),
        }
    };
    flag(&mut pen, step, proof, false).await?;
    Ok(resolution)
}

async fn flag(pen: &mut Pen, step: BankStep, note: &str, raise: bool) -> WorkflowResult<()> {
    let (flag, step, note) = (FlagKind::InDoubt, step.key.step, note.to_owned());
    pen.note(if raise {
        Happening::Raised { flag, step, note }
    } else {
        Happening::Lowered { flag, step, note }
    });
    Ok(pen.write().await?)
}
