//! A person makes an action.

use ambient::Timestamp;
use db::Tx;
use domain::{Action, ActionId, Actor, Tenant, TransferId};

use crate::action::StoredAction;
use crate::error::StoreError;
use crate::log::{self, Line};
use crate::{Audit, plain, read};

#[derive(Clone, Debug)]
pub struct Proposal {
    pub tenant: Tenant,
    pub transfer: TransferId,
    pub action: Action,
    pub maker: Actor,
    /// Never empty; whoever asks sees to that.
    pub reason: String,
    pub evidence: Option<String>,
    /// Whether somebody else has to agree: see [`Action::needs_second_person`].
    pub needs_second: bool,
}

impl Audit {
    pub async fn propose(&self, proposal: Proposal) -> Result<StoredAction, StoreError> {
        let id = ActionId::from_bits(self.mint.next()?);
        let detail = serde_json::to_string(&proposal.action)?;
        let tenant = proposal.tenant;
        let line = Line {
            position: 0,
            action: id.to_string(),
            event: log::MADE,
            transfer: proposal.transfer.to_string(),
            kind: proposal.action.kind().name().to_owned(),
            detail,
            needs_second: proposal.needs_second,
            actor: Some(proposal.maker.to_string()),
            decision: None,
            reason: Some(plain(&proposal.reason)),
            evidence: proposal.evidence.as_deref().map(plain),
            used_by: None,
            at: Timestamp::from_micros(0),
        };
        let stored = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                log::append(tx, &tenant, line).await?;
                let stored = read::in_tx(tx, &tenant, id).await?;
                stored.ok_or_else(|| read::damaged("nothing").into())
            })
        });
        let stored: Result<_, db::WriteError<StoreError>> = stored.await;
        Ok(stored?)
    }
}
