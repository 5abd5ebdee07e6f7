//! When a step first left for its bank, and that it did: a bank recognises our reference for a while
//! from then on, whatever is found out about the attempt itself.

use db::{DbError, Tx, params};
use domain::{StepKey, Tenant, Timestamp};

use crate::attempts::of_step;

/// Of what did not arrive it is kept that it left: from then on counts for how long the bank
/// recognises our reference.
pub(crate) async fn remember(
    tx: &mut Tx,
    tenant: &Tenant,
    key: StepKey,
    until: Timestamp,
) -> Result<(), DbError> {
    let mut params = of_step(tenant, key);
    params.extend(params![until, "nothing was heard of it"]);
    let sql = "UPDATE rail_attempts SET evidence = $6
        WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3 AND step_key = $4
            AND state = 'open' AND evidence IS NULL AND opened_at <= $5";
    tx.execute(sql, params).await?;
    Ok(())
}

/// Whatever was in doubt once has its evidence; what surely never left has none.
pub(crate) async fn first(
    tx: &mut Tx,
    tenant: &Tenant,
    key: StepKey,
) -> Result<Option<Timestamp>, DbError> {
    let row = tx
        .fetch_optional(
            "SELECT min(opened_at) AS first FROM rail_attempts
             WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3 AND step_key = $4
                 AND (state <> 'not_sent' OR evidence IS NOT NULL)",
            of_step(tenant, key),
        )
        .await?;
    row.map_or(Ok(None), |row| row.opt_timestamp("first"))
}
