//! Has an action recorded, once: what a person found out settles the attempts, the history says who
//! did it and why, and the audit that it was used. Each may be repeated after a crash.

use domain::Action;
use temporalio_sdk::activities::ActivityError;
use transfers::{Acted as Row, AttemptError, AttemptState, ByHand, RecordError};
use workflows::activities::{Act, Acted, Settled};

use super::{Audit, code_of};
use crate::failure;

pub(super) async fn act(audit: &Audit, act: Act) -> Result<Acted, ActivityError> {
    let by = act.asked.used_by();
    let asked = act.asked;
    let (tenant, transfer) = (&asked.tenant, asked.transfer);
    let approved = audit
        .audit
        .approved(tenant, transfer, asked.action, &by)
        .await
        .map_err(failure::try_again)?;
    let stored = match approved {
        Ok(stored) => stored,
        Err(why) => return Ok(refused(code_of(why), why.to_string())),
    };
    let settled = match &stored.action {
        Action::ResolveDoubt { key, told } => {
            // An action of one transfer says nothing about another's step.
            if key.transfer != transfer {
                return Ok(refused("another_step", "it is about another transfer"));
            }
            let word = ByHand {
                action: asked.action,
                evidence: stored.evidence.clone().unwrap_or_default(),
            };
            let known = audit
                .transfers
                .settle_by_hand(tenant, *key, told, word)
                .await;
            match known.map_err(unsettled)? {
                Some(AttemptState::Done { bank_reference }) => {
                    Some(Settled::Executed { bank_reference })
                }
                Some(AttemptState::Rejected(rejection)) => Some(Settled::Refused { rejection }),
                _ => {
                    return Ok(refused(
                        "nothing_sent",
                        "no attempt of this step is in doubt",
                    ));
                }
            }
        }
        _ => None,
    };
    let row = Row {
        action: asked.action,
        kind: stored.action.kind(),
        by: stored.maker,
        reason: stored.reason,
        step: act.step,
        linked: asked.linked,
    };
    let recorded = audit.transfers.acted(tenant, transfer, &row).await;
    if !recorded.map_err(unrecorded)? {
        return Ok(refused("final", "the transfer became final meanwhile"));
    }
    let used = audit
        .audit
        .mark_used(tenant, transfer, asked.action, &by)
        .await
        .map_err(failure::try_again)?;
    Ok(match used {
        Ok(_) => Acted::Done { settled },
        Err(why) => refused(code_of(why), why.to_string()),
    })
}

fn refused(code: &str, why: impl Into<String>) -> Acted {
    Acted::Refused {
        code: code.to_owned(),
        why: why.into(),
    }
}

fn unsettled(error: AttemptError) -> ActivityError {
    match error {
        AttemptError::Store(_) => failure::try_again(error),
        _ => failure::contradiction(error),
    }
}

fn unrecorded(error: RecordError) -> ActivityError {
    match error {
        RecordError::Store(_) => failure::try_again(error),
        _ => failure::contradiction(error),
    }
}
