//! A person's word about a step whose answer never came: it settles the attempts, and stays with them.

use db::{DbError, Tx, params};
use domain::rail::Rejection;
use domain::transfer::Decline;
use domain::{ActionId, StepKey, Tenant, Told};

use crate::attempt::{AttemptState, Finding};
use crate::error::AttemptError;
use crate::{Transfers, attempts, plain};

/// The network's word for a refusal that a person told.
const BY_HAND: &str = "by_hand";

/// The action in which a person said what became of a step, and what that person had seen.
#[derive(Clone, Debug)]
pub struct ByHand {
    pub action: ActionId,
    pub evidence: String,
}

impl Transfers {
    /// Ends the doubt about a step by a person's word, and hears what the step is known to be now:
    /// what the bank itself has said meanwhile is stronger. The action and its evidence stay with
    /// every attempt that was settled by it. Repeating this changes nothing.
    pub async fn settle_by_hand(
        &self,
        tenant: &Tenant,
        key: StepKey,
        told: &Told,
        word: ByHand,
    ) -> Result<Option<AttemptState>, AttemptError> {
        let tenant = *tenant;
        let finding = match told {
            Told::Executed { bank_reference } => Finding::Executed {
                bank_reference: bank_reference.clone(),
            },
            Told::NotExecuted => Finding::Rejected(Rejection {
                decline: Decline::RefusedByBank,
                network_code: BY_HAND.to_owned(),
            }),
        };
        let settle = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                attempts::locked(tx, &tenant, key).await?;
                let before = attempts::standing(tx, &tenant, key).await?;
                // Nothing is left in doubt: a person's word is too late, or was heard before.
                if before.as_ref().is_some_and(AttemptState::is_unresolved) {
                    mark(tx, &tenant, key, word).await?;
                    attempts::settle(tx, &tenant, key, finding).await?;
                    return Ok(attempts::standing(tx, &tenant, key).await?);
                }
                Ok(before)
            })
        });
        let settled: Result<_, db::WriteError<AttemptError>> = settle.await;
        Ok(settled?)
    }
}

/// Says by which action, before the attempts change.
async fn mark(tx: &mut Tx, tenant: &Tenant, key: StepKey, word: ByHand) -> Result<u64, DbError> {
    let mut params = attempts::of_step(tenant, key);
    params.extend(params![word.action.to_string(), plain(&word.evidence)]);
    let sql = "UPDATE rail_attempts SET settled_by = $5, evidence = $6
        WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3 AND step_key = $4
            AND state IN ('open', 'unknown')";
    tx.execute(sql, params).await
}
