//! Recording what happened to a linked movement: its row, the transfer's money facts, history and
//! event, and the ledger entry that justifies it, in one commit. The transfer's status stays.

use db::{Tx, WriteError};
use domain::linked::{LinkedId, Turn};
use domain::transfer::{FlagKind, Happening};
use domain::{EntryId, StepKey, Tenant, TransferId};
use serde_json::json;

use super::{Linked, books, find, store};
use crate::attempt::AttemptState;
use crate::error::{RecordError, StoreError};
use crate::history::{self, Change};
use crate::record::not_posted;
use crate::{Transfer, Transfers, attempts, outbox, plain, row};

impl Transfers {
    /// Whether what a turn says of others is what they said: a bank in the attempts, a network in
    /// its stored message. The engine carries answers; it is no source of them.
    pub async fn turn_is_proven(
        &self,
        tenant: &Tenant,
        transfer: TransferId,
        id: LinkedId,
        turn: &Turn,
    ) -> Result<bool, StoreError> {
        let (order, linked) = (
            self.order(tenant, transfer).await?,
            self.linked(tenant, id).await?,
        );
        let (Some(order), Some(linked)) = (order, linked) else {
            return Ok(false);
        };
        let key = StepKey::of_linked(transfer, id);
        let known = attempts::known(&self.db, tenant, key).await?;
        let decided = linked.decided.split(' ').next().unwrap_or_default();
        Ok(linked.transfer == transfer
            && match turn {
                Turn::Begun => true,
                Turn::GivenBack { bank_reference } => match (order.source.rail(), bank_reference) {
                    (Some(_), Some(said)) => {
                        matches!(known, Some(AttemptState::Done { bank_reference }) if bank_reference == *said)
                    }
                    (None, None) => true,
                    _ => false,
                },
                Turn::Refused { .. } => {
                    matches!(known, None | Some(AttemptState::Rejected(_)))
                }
                Turn::Won => decided == "won",
                Turn::Charged | Turn::Borne => decided == "lost",
            })
    }

    /// Records a turn, or finds that it was recorded before.
    pub async fn turn(
        &self,
        tenant: &Tenant,
        transfer: TransferId,
        id: LinkedId,
        turn: &Turn,
    ) -> Result<Linked, RecordError> {
        let (tenant, turn, mint) = (*tenant, turn.clone(), self.mint.clone());
        let event = outbox::fresh_id(&self.mint)?;
        let recorded = self.db.write(move |tx: &mut Tx| {
            let (turn, mint) = (turn.clone(), mint.clone());
            Box::pin(async move {
                let (mut transfer, mut linked) = locked(tx, &tenant, transfer, id).await?;
                let (from, cause) = (linked.state, turn.cause(linked.kind()));
                let text = json!({ "linked": id, "turn": turn }).to_string();
                let to = match turn.apply_to(from, linked.kind()) {
                    Ok(to) => to,
                    Err(_) if history::has(tx, &transfer, cause, &text).await? => {
                        return Ok(linked);
                    }
                    Err(not_now) => return Err(not_now.into()),
                };
                let (order, pool) = (transfer.order(), transfer.pool);
                let mut posted = None;
                if let Some(entry) = books::entry(&order, pool, &linked, from, &turn) {
                    let entry = ledger::post(tx, &mint, &entry).await.map_err(not_posted)?;
                    posted = Some(entry.entry);
                }
                linked.state = to;
                match &turn {
                    Turn::GivenBack { bank_reference } => {
                        linked.bank_reference = bank_reference.clone();
                    }
                    Turn::Refused { decline } => linked.decline = Some(*decline),
                    Turn::Begun | Turn::Won | Turn::Charged | Turn::Borne => {}
                }
                transfer.facts = books::facts(transfer.facts, &linked, &turn);
                let note = format!("{id}: {}", linked.money);
                let said = Said {
                    cause,
                    note,
                    text,
                    posted,
                };
                written(tx, &mut transfer, &mut linked, event, said).await?;
                Ok(linked)
            })
        });
        let recorded: Result<_, WriteError<RecordError>> = recorded.await;
        Ok(recorded?)
    }

    /// Raises and lowers what is unusual about a linked movement; it knows no other happening.
    pub async fn flag_linked(
        &self,
        tenant: &Tenant,
        transfer: TransferId,
        id: LinkedId,
        happening: &Happening,
    ) -> Result<(), RecordError> {
        let (tenant, happening) = (*tenant, happening.clone());
        let event = outbox::fresh_id(&self.mint)?;
        let recorded = self.db.write(move |tx: &mut Tx| {
            let happening = happening.clone();
            Box::pin(async move {
                let (mut transfer, mut linked) = locked(tx, &tenant, transfer, id).await?;
                let (kind, before, now) = (linked.kind(), linked.flags, tx.now());
                let not_now = domain::linked::NotNow {
                    kind,
                    from: linked.state,
                    to: linked.state,
                };
                let note = match &happening {
                    Happening::Raised { flag, step, note } if !linked.state.is_final() => {
                        linked.flags = before.raised(*flag, *step, now);
                        if matches!(flag, FlagKind::NeedsOperator) {
                            linked.operator_note = Some(plain(note));
                        }
                        note
                    }
                    Happening::Lowered { flag, note, .. } => {
                        linked.flags = before.lowered(*flag);
                        if matches!(flag, FlagKind::NeedsOperator) {
                            linked.operator_note = None;
                        }
                        note
                    }
                    _ => return Err(not_now.into()),
                };
                if linked.flags == before {
                    return Ok(());
                }
                let text = json!({ "linked": id, "happening": happening }).to_string();
                let note = plain(&format!("{id}: {note}"));
                let said = Said {
                    cause: happening.cause(),
                    note,
                    text,
                    posted: None,
                };
                written(tx, &mut transfer, &mut linked, event, said).await
            })
        });
        let recorded: Result<_, WriteError<RecordError>> = recorded.await;
        Ok(recorded?)
    }

    /// What the network has decided about a dispute, as its stored message says; none until then.
    pub async fn decided(&self, tenant: &Tenant, id: LinkedId) -> Result<Option<bool>, StoreError> {
        let linked = self.linked(tenant, id).await?;
        Ok(
            linked.and_then(|linked| match linked.decided.split(' ').next() {
                Some("won") => Some(true),
                Some("lost") => Some(false),
                _ => None,
            }),
        )
    }
}

/// The transfer's row first: it serialises all that follows it.
pub(crate) async fn locked(
    tx: &mut Tx,
    tenant: &Tenant,
    transfer: TransferId,
    id: LinkedId,
) -> Result<(Transfer, Linked), RecordError> {
    let found = row::lock(tx, tenant, transfer).await?;
    let transfer = found.ok_or(RecordError::NoSuchTransfer)?.transfer;
    let linked = find(tx, tenant, id).await?;
    let linked = linked
        .filter(|linked| linked.transfer == transfer.id)
        .ok_or(RecordError::NoSuchTransfer)?;
    Ok((transfer, linked))
}

struct Said {
    cause: &'static str,
    note: String,
    text: String,
    posted: Option<EntryId>,
}

async fn written(
    tx: &mut Tx,
    transfer: &mut Transfer,
    linked: &mut Linked,
    event: domain::EventId,
    said: Said,
) -> Result<(), RecordError> {
    let read = transfer.version;
    transfer.version += 1;
    transfer.updated_at = tx.now();
    linked.updated_at = tx.now();
    let change = Change {
        cause: said.cause,
        actor: history::WORKFLOW,
        note: Some(&said.note),
        happening: Some(&said.text),
        entry: said.posted,
    };
    history::append(tx, transfer, change).await?;
    outbox::append(tx, event, transfer, &format!("transfer.{}", said.cause)).await?;
    store(tx, linked).await?;
    if !row::store(tx, transfer, read).await? {
        return Err(StoreError::Overtaken.into());
    }
    Ok(())
}
