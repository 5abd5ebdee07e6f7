//! What a person had done about a transfer: a row of its history under that person's name, an event,
//! and the flag that goes with it. No money ever moves here.

use db::Tx;
use domain::transfer::FlagKind;
use domain::{ActionId, ActionKind, Actor, LinkedId, Step, Tenant, TransferId};
use serde_json::json;

use crate::error::{RecordError, StoreError};
use crate::history::{self, Change};
use crate::linked::record;
use crate::{Transfers, outbox, plain, row};

/// One action, once it was found approved.
#[derive(Clone, Debug)]
pub struct Acted {
    pub action: ActionId,
    pub kind: ActionKind,
    pub by: Actor,
    pub reason: String,
    /// Where the transfer was: what a hold is shown at.
    pub step: Step,
    /// What it was told to, where that is not the transfer but follows it.
    pub linked: Option<LinkedId>,
}

impl Transfers {
    /// Records it, once for an action. False where the transfer is final: then nothing is written.
    pub async fn acted(
        &self,
        tenant: &Tenant,
        id: TransferId,
        acted: &Acted,
    ) -> Result<bool, RecordError> {
        let (tenant, acted) = (*tenant, acted.clone());
        let event = outbox::fresh_id(&self.mint)?;
        let recorded = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let found = row::lock(tx, &tenant, id).await?;
                let mut transfer = found.ok_or(RecordError::NoSuchTransfer)?.transfer;
                let cause = cause_of(acted.kind);
                let text = json!({ "action": acted.action }).to_string();
                if history::has(tx, &transfer, cause, &text).await? {
                    return Ok(true);
                }
                let over = match acted.linked {
                    None => transfer.status.is_final(),
                    Some(linked) => {
                        let (_, linked) = record::locked(tx, &tenant, id, linked).await?;
                        linked.state.is_final()
                    }
                };
                if over {
                    return Ok(false);
                }
                let read = transfer.version;
                transfer.version += 1;
                transfer.updated_at = tx.now();
                transfer.flags = match acted.kind {
                    ActionKind::Hold => {
                        let (kind, now) = (FlagKind::OnHold, tx.now());
                        transfer.flags.raised(kind, acted.step, now)
                    }
                    ActionKind::Release => transfer.flags.lowered(FlagKind::OnHold),
                    _ => transfer.flags,
                };
                let actor = format!("{}{}", history::OPERATOR, acted.by);
                let note = plain(&acted.reason);
                let change = Change {
                    cause,
                    actor: &actor,
                    note: Some(&note),
                    happening: Some(&text),
                    entry: None,
                };
                history::append(tx, &transfer, change).await?;
                outbox::append(tx, event, &transfer, &format!("transfer.{cause}")).await?;
                if !row::store(tx, &transfer, read).await? {
                    return Err(StoreError::Overtaken.into());
                }
                Ok(true)
            })
        });
        let recorded: Result<_, db::WriteError<RecordError>> = recorded.await;
        Ok(recorded?)
    }
}

/// The word for it in status histories and events.
const fn cause_of(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::RetryNow => "retry_asked",
        ActionKind::RetryElsewhere => "retry_elsewhere_asked",
        ActionKind::ResolveDoubt => "doubt_settled_by_hand",
        ActionKind::Refund => "refund_asked",
        ActionKind::Cancel => "cancel_asked",
        ActionKind::Hold => "held",
        ActionKind::Release => "released",
        ActionKind::Note => "noted",
        ActionKind::Approve => "review_approved",
        ActionKind::Deny => "review_denied",
    }
}
