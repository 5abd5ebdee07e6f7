//! What a person may tell a transfer, one file a message: when it is taken, and what it changes.
//!
//! A message carries nothing but the id of an action. Whether that action was made for this
//! transfer, is of this kind, was approved and not used before is asked of the audit before
//! anything happens; whoever reaches the engine can send a message, and moves nothing by it.

mod approve;
mod cancel;
mod deny;
mod hold;
mod note;
mod refund;
mod release;
mod resolve_doubt;
mod retry_elsewhere;
mod retry_now;

use std::fmt;

use domain::transfer::Status;
use domain::{Action, ActionId, ActionKind};
use serde::{Deserialize, Serialize};
use temporalio_common::error::ApplicationFailure;

use super::desk::Desk;
use super::{Ctx, Refused};
use crate::activities::{Act, Acted, Approval, Asked, Audit, Settled};
use crate::mover::Mover;
use crate::options;

/// All that a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub action: ActionId,
}

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub next: String,
}

/// Why a message is not taken: a word for machines, a sentence for people. Nothing happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct No {
    pub(crate) code: &'static str,
    pub(crate) why: String,
}

impl No {
    pub(crate) fn new(code: &'static str, why: impl Into<String>) -> Self {
        Self {
            code,
            why: why.into(),
        }
    }
}

impl fmt::Display for No {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// As the engine hands it back: the sentence, and below it the word for machines as the type of a
/// failure. The SDK keeps the type of what lies below alone.
#[derive(Debug)]
struct Failed {
    why: String,
    typed: ApplicationFailure,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Failed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.typed)
    }
}

pub(crate) fn failure(no: &No) -> Refused {
    typed(no.code.to_owned(), &no.why)
}

fn typed(code: String, why: &str) -> Refused {
    let typed = ApplicationFailure::builder(why.to_owned())
        .type_name(code)
        .non_retryable(true)
        .build();
    let why = why.to_owned();
    Box::new(Failed { why, typed })
}

pub(crate) fn final_already(status: Status) -> No {
    No::new(
        "final",
        format!("the transfer is {status}; nothing can be changed about it any more"),
    )
}

pub(crate) fn too_many() -> No {
    No::new(
        "too_many",
        "there were too many messages about this transfer",
    )
}

/// Whether it would be taken as things stand; the transfer is not final.
pub(crate) fn may(kind: ActionKind, desk: &Desk, status: Status) -> Result<(), No> {
    match kind {
        ActionKind::RetryNow => retry_now::may(desk),
        ActionKind::RetryElsewhere => retry_elsewhere::may(desk),
        ActionKind::ResolveDoubt => resolve_doubt::may(desk),
        ActionKind::Refund => refund::may(desk, status),
        ActionKind::Cancel => cancel::may(desk, status),
        ActionKind::Hold => hold::may(desk),
        ActionKind::Release => release::may(desk),
        ActionKind::Note => Ok(()),
        ActionKind::Approve => approve::may(desk),
        ActionKind::Deny => deny::may(desk),
    }
}

fn apply(action: &Action, id: ActionId, settled: Option<Settled>, desk: &mut Desk) -> String {
    match action {
        Action::RetryNow => retry_now::apply(desk),
        Action::RetryElsewhere { account, .. } => retry_elsewhere::apply(desk, id, *account),
        Action::ResolveDoubt { .. } => resolve_doubt::apply(desk, settled),
        Action::Refund => refund::apply(desk),
        Action::Cancel => cancel::apply(desk),
        Action::Hold => hold::apply(desk),
        Action::Release => release::apply(desk),
        Action::Note => note::apply(),
        Action::Approve => approve::apply(desk),
        Action::Deny => deny::apply(desk),
    }
}

/// The action fits what stands here, beyond its kind.
fn fits(action: &Action, desk: &Desk) -> Result<(), No> {
    match action {
        Action::ResolveDoubt { key, .. } => resolve_doubt::fits(desk, *key),
        _ => Ok(()),
    }
}

/// Its validator has said yes. Verifies the action, has it recorded, and acts on what is stored.
pub(crate) async fn take<W: Mover>(
    ctx: &Ctx<W>,
    kind: ActionKind,
    message: Message,
) -> Result<Said, Refused> {
    let (order, linked) = ctx.state(|run| (run.order(), run.linked()));
    let asked = Asked {
        tenant: order.tenant,
        transfer: order.transfer,
        action: message.action,
        run: ctx.run_id().to_owned(),
        linked,
    };
    let named = format!("{kind} {}", message.action);
    let approval = ctx
        .execute_local_activity(Audit::approved, asked.clone(), options::books(&named))
        .await?;
    let action = match approval {
        Approval::Given { action } if action.kind() == kind => action,
        Approval::Given { action } => {
            let why = format!("the action is {}, not {kind}", action.kind());
            return Err(failure(&No::new("another_kind", why)));
        }
        Approval::Missing { code, why } => return Err(typed(code, &why)),
    };
    // It may have gone on while the audit was asked; and one action is taken once.
    let step = ctx.state_mut(|run| {
        let (status, desk) = (run.at().status, run.desk_mut());
        desk.may(kind, status)?;
        fits(&action, desk)?;
        if !desk.take(message.action) {
            return Err(No::new("used", "this very action was taken before"));
        }
        Ok(desk.step(status))
    });
    let step = step.map_err(|no| failure(&no))?;
    let act = Act { asked, step };
    let acted = ctx
        .execute_local_activity(Audit::act, act, options::books(&named))
        .await?;
    ctx.state_mut(|run| match acted {
        Acted::Done { settled } => {
            let next = apply(&action, message.action, settled, run.desk_mut());
            Ok(Said { next })
        }
        Acted::Refused { code, why } => {
            run.desk_mut().put_back(message.action);
            Err(typed(code, &why))
        }
    })
}

#[cfg(test)]
mod tests;
