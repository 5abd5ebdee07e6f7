//! Whether something may be done in an action's name, and that it was: once.

use ambient::Timestamp;
use db::Tx;
use domain::{ActionId, Tenant, TransferId};

use crate::action::{ActionState, StoredAction};
use crate::error::{NotApproved, StoreError};
use crate::log::{self, Line};
use crate::{Audit, read};

impl Audit {
    /// The action, if it was made for this transfer and approved, and was not used by somebody
    /// else. `by` is the derived key of whoever would use it.
    pub async fn approved(
        &self,
        tenant: &Tenant,
        transfer: TransferId,
        id: ActionId,
        by: &str,
    ) -> Result<Result<StoredAction, NotApproved>, StoreError> {
        let found = self.find(tenant, id).await?;
        Ok(found.map_or(Err(NotApproved::Unknown), |action| {
            fit(action, transfer, by)
        }))
    }

    /// Uses it up. The same `by` may say so again and hears the same; anybody else is refused.
    pub async fn mark_used(
        &self,
        tenant: &Tenant,
        transfer: TransferId,
        id: ActionId,
        by: &str,
    ) -> Result<Result<StoredAction, NotApproved>, StoreError> {
        let (tenant, by) = (*tenant, by.to_owned());
        let used = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let Some(action) = read::in_tx(tx, &tenant, id).await? else {
                    return Ok(Err(NotApproved::Unknown));
                };
                let action = match fit(action, transfer, &by) {
                    Ok(action) if action.used.is_none() => action,
                    answer => return Ok(answer),
                };
                log::append(tx, &tenant, line_of(&action, by)).await?;
                Ok(Ok(action))
            })
        });
        let used: Result<_, db::WriteError<StoreError>> = used.await;
        Ok(used?)
    }
}

fn fit(action: StoredAction, transfer: TransferId, by: &str) -> Result<StoredAction, NotApproved> {
    // Another transfer's action is none at all here.
    if action.transfer != transfer {
        return Err(NotApproved::Unknown);
    }
    match action.state() {
        ActionState::Approved => Ok(action),
        ActionState::Waiting => Err(NotApproved::Waiting),
        ActionState::Denied => Err(NotApproved::Denied),
        ActionState::Used if action.used.as_ref().is_some_and(|used| used.by == by) => Ok(action),
        ActionState::Used => Err(NotApproved::Used),
    }
}

fn line_of(action: &StoredAction, by: String) -> Line {
    Line {
        position: 0,
        action: action.id.to_string(),
        event: log::USED,
        transfer: action.transfer.to_string(),
        kind: action.action.kind().name().to_owned(),
        detail: "{}".to_owned(),
        needs_second: action.needs_second,
        actor: None,
        decision: None,
        reason: None,
        evidence: None,
        used_by: Some(by),
        at: Timestamp::from_micros(0),
    }
}
