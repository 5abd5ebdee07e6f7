//! From accepted to started: the row remembers until it is known that the workflow runs.

use std::time::Duration;

use db::{Tx, params};
use domain::transfer::Order;
use domain::{Tenant, TransferId};

use crate::error::StoreError;
use crate::register::Register;
use crate::row::{COLUMNS, Stored};
use crate::{LONGEST_PAGE, Transfers};

impl Transfers {
    /// The workflow runs (or ran already). Repeating this, or coming late, changes nothing.
    pub async fn started(&self, tenant: &Tenant, id: TransferId) -> Result<(), StoreError> {
        let named = (*tenant, id);
        let started: Result<(), db::WriteError<StoreError>> = self
            .db
            .write(move |tx: &mut Tx| {
                Box::pin(async move {
                    tx.area::<Register>().started(named);
                    Ok(())
                })
            })
            .await;
        started?;
        Ok(())
    }

    /// What was accepted some time ago and is not known to run: of each tenant and way in turn, the
    /// oldest first, so that many of one's do not hide another's, nor those that wait for room on
    /// one rail those that do not. `skip` of them are passed over: those that were looked at before
    /// and have to wait.
    ///
    /// The one query here that looks at all tenants: the starter serves all of them.
    pub async fn to_start(
        &self,
        older_than: Duration,
        skip: u32,
        limit: u32,
    ) -> Result<Vec<Order>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM (
                 SELECT {COLUMNS}, row_number() OVER (
                     PARTITION BY partner_id, livemode, source_rail, destination_rail
                     ORDER BY created_at, transfer_id) AS turn
                 FROM transfers WHERE start_pending = 1 AND created_at <= $1) AS waiting
             ORDER BY turn, created_at, transfer_id LIMIT $2 OFFSET $3"
        );
        let until = self.clock.now().before(older_than);
        let params = params![until, limit.min(LONGEST_PAGE), skip];
        let rows = self.db.fetch_all(&sql, params).await?;
        let orders = rows.iter().filter_map(|row| match Stored::read(row) {
            Ok(stored) => Some(stored.transfer.order()),
            // One damaged row must not keep everybody else's transfers from starting.
            Err(error) => {
                tracing::error!(%error, "an accepted transfer cannot be read and is not started");
                None
            }
        });
        Ok(orders.collect())
    }
}
