//! A second person agrees or does not. Never the one who made the action.

use ambient::Timestamp;
use db::Tx;
use domain::{ActionId, Actor, Tenant};

use crate::action::{ActionState, Decision, StoredAction};
use crate::error::DecideError;
use crate::log::{self, Line};
use crate::{Audit, plain, read};

impl Audit {
    pub async fn approve(
        &self,
        tenant: &Tenant,
        id: ActionId,
        checker: Actor,
        reason: &str,
    ) -> Result<StoredAction, DecideError> {
        self.decide(tenant, id, checker, reason, Decision::Approved)
            .await
    }

    pub async fn deny(
        &self,
        tenant: &Tenant,
        id: ActionId,
        checker: Actor,
        reason: &str,
    ) -> Result<StoredAction, DecideError> {
        self.decide(tenant, id, checker, reason, Decision::Denied)
            .await
    }

    async fn decide(
        &self,
        tenant: &Tenant,
        id: ActionId,
        checker: Actor,
        reason: &str,
        decision: Decision,
    ) -> Result<StoredAction, DecideError> {
        let (tenant, reason) = (*tenant, plain(reason));
        let decided = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let found = read::in_tx(tx, &tenant, id).await?;
                let action = found.ok_or(DecideError::NoSuchAction)?;
                if action.maker == checker {
                    return Err(DecideError::SamePerson(checker));
                }
                if !action.needs_second {
                    return Err(DecideError::NotNeeded);
                }
                if action.state() != ActionState::Waiting {
                    return Err(DecideError::Decided(action.state().name()));
                }
                let line = line_of(&action, checker, decision, reason);
                log::append(tx, &tenant, line).await?;
                let stored = read::in_tx(tx, &tenant, id).await?;
                stored.ok_or(DecideError::NoSuchAction)
            })
        });
        let decided: Result<_, db::WriteError<DecideError>> = decided.await;
        Ok(decided?)
    }
}

fn line_of(action: &StoredAction, checker: Actor, decision: Decision, reason: String) -> Line {
    Line {
        position: 0,
        action: action.id.to_string(),
        event: log::DECIDED,
        transfer: action.transfer.to_string(),
        kind: action.action.kind().name().to_owned(),
        // What was agreed to stands in the first row.
        detail: "{}".to_owned(),
        needs_second: action.needs_second,
        actor: Some(checker.to_string()),
        decision: Some(decision.name().to_owned()),
        reason: Some(reason),
        evidence: None,
        used_by: None,
        at: Timestamp::from_micros(0),
    }
}
