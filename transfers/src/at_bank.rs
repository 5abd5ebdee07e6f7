//! What a bank's word is compared with: the order of the step that it names, and what is known of it.

use db::params;
use domain::rail::RailId;
use domain::transfer::{Order, Status};
use domain::{Mode, StepKey, Tenant};

use crate::attempt::AttemptState;
use crate::error::StoreError;
use crate::row::{self, Stored};
use crate::{Transfers, attempts};

/// A step that was asked of a bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtBank {
    pub order: Order,
    pub status: Status,
    /// None where nothing of it can have arrived.
    pub known: Option<AttemptState>,
}

impl Transfers {
    /// By our reference alone, over all tenants: a bank names no tenant. Only a step that this rail
    /// was asked for is one; what would be two tenants' is nobody's.
    pub async fn at_bank(&self, rail: RailId, key: StepKey) -> Result<Option<AtBank>, StoreError> {
        let sql = "SELECT DISTINCT partner_id, livemode FROM rail_attempts
            WHERE step_key = $1 AND rail = $2 LIMIT 2";
        let params = params![key.to_string(), rail.name()];
        let rows = self.db.fetch_all(sql, params).await?;
        let [row] = rows.as_slice() else {
            return Ok(None);
        };
        let tenant = Tenant {
            partner: row.parse("partner_id")?,
            mode: Mode::from_livemode(row.bool("livemode")?),
        };
        let (sql, of_step) = (attempts::deciding(), attempts::of_step(&tenant, key));
        let known = self.db.fetch_optional(&sql, of_step).await?;
        let known = known.as_ref().map(attempts::read).transpose()?;
        let found = row::sealed(&self.db, &tenant, key.transfer).await?;
        Ok(found.map(|Stored { transfer, .. }| AtBank {
            order: transfer.order(),
            status: transfer.status,
            known: known.map(|attempt| attempt.state),
        }))
    }
}
