//! From opened to started: the row remembers until it is known that the workflow runs.

use std::time::Duration;

use db::{DbError, Tx, params};
use domain::Tenant;
use domain::linked::{Link, LinkedId};

use super::{COLUMNS, Linked, keyed, read};
use crate::error::StoreError;
use crate::{LONGEST_PAGE, Transfers};

impl Transfers {
    /// The workflow runs (or ran already). Repeating this, or coming late, changes nothing.
    pub async fn linked_started(&self, tenant: &Tenant, id: LinkedId) -> Result<(), StoreError> {
        let params = keyed(tenant, id);
        self.db
            .write(move |tx: &mut Tx| {
                let params = params.clone();
                Box::pin(async move {
                    tx.execute(
                        "UPDATE linked_movements SET start_pending = 0
                         WHERE partner_id = $1 AND livemode = $2 AND linked_id = $3
                             AND start_pending = 1",
                        params,
                    )
                    .await
                    .map_err(StoreError::from)
                })
            })
            .await?;
        Ok(())
    }

    /// What was opened some time ago and is not known to run, over all tenants: the starter serves
    /// all of them.
    pub async fn linked_to_start(
        &self,
        older_than: Duration,
        limit: u32,
    ) -> Result<Vec<Link>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM linked_movements
             WHERE start_pending = 1 AND created_at <= $1 ORDER BY created_at LIMIT $2"
        );
        let until = self.clock.now().before(older_than);
        let params = params![until, limit.min(LONGEST_PAGE)];
        let rows = self.db.fetch_all(&sql, params).await?;
        let mut links = Vec::with_capacity(rows.len());
        for linked in rows.iter().map(read) {
            let linked = linked?;
            let order = self.order(&linked.tenant, linked.transfer).await?;
            links.extend(order.map(|order| linked.link(order)));
        }
        Ok(links)
    }
}

/// Storing says that the workflow runs; here it is not known to.
pub(super) async fn again(tx: &mut Tx, linked: &Linked) -> Result<(), DbError> {
    tx.execute(
        "UPDATE linked_movements SET start_pending = 1
         WHERE partner_id = $1 AND livemode = $2 AND linked_id = $3",
        keyed(&linked.tenant, linked.id),
    )
    .await?;
    Ok(())
}
