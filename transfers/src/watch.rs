//! Transfers that should be under way, for whoever looks whether their workflows still are, and
//! whose a transfer is. Both look at all tenants.

use std::time::Duration;

use db::params;
use domain::transfer::Order;
use domain::{Mode, Tenant, TransferId};

use crate::error::StoreError;
use crate::row::{COLUMNS, Stored};
use crate::{LONGEST_PAGE, Transfers};

/// One of them.
#[derive(Clone, Debug)]
pub struct UnderWay {
    pub order: Order,
    pub operator_note: Option<String>,
}

impl Transfers {
    /// Whose a transfer is: for an operator who knows its id alone, beside the database.
    pub async fn tenant_of(&self, id: TransferId) -> Result<Option<Tenant>, StoreError> {
        let sql = "SELECT partner_id, livemode FROM transfers WHERE transfer_id = $1 LIMIT 1";
        let row = self.db.fetch_optional(sql, params![id.to_string()]).await?;
        let read = row.map(|row| -> Result<_, db::DbError> {
            Ok(Tenant {
                partner: row.parse("partner_id")?,
                mode: Mode::from_livemode(row.bool("livemode")?),
            })
        });
        Ok(read.transpose()?)
    }

    /// Not final, known to be started, and untouched for some time; in the order of their ids,
    /// behind the given one.
    ///
    /// It looks at all tenants, as the starter does: runs end from outside in one engine for all.
    pub async fn unfinished(
        &self,
        behind: Option<TransferId>,
        untouched_for: Duration,
        limit: u32,
    ) -> Result<Vec<UnderWay>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM transfers
             WHERE status NOT IN ('completed', 'refunded', 'failed', 'canceled')
                 AND transfer_id > $1 AND start_pending = 0 AND updated_at <= $2
             ORDER BY transfer_id LIMIT $3"
        );
        let behind = behind.map_or(String::new(), |id| id.to_string());
        let until = self.clock.now().before(untouched_for);
        let params = params![behind, until, limit.min(LONGEST_PAGE)];
        let rows = self.db.fetch_all(&sql, params).await?;
        let found = rows.iter().filter_map(|row| match Stored::read(row) {
            Ok(stored) => Some(UnderWay {
                order: stored.transfer.order(),
                operator_note: stored.transfer.operator_note,
            }),
            Err(error) => {
                tracing::error!(%error, "a transfer cannot be read and is not looked after");
                None
            }
        });
        Ok(found.collect())
    }
}
