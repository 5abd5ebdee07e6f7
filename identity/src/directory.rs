//! Who the partners are, over all tenants (a stated exemption from the tenant scope): for the
//! console, which has no tenant of its own.

use db::params;
use domain::{Mode, PartnerId, Tenant};

use crate::{Identity, IdentityError, LONGEST_PAGE};

impl Identity {
    /// Partners of one mode with their names, in order of creation.
    pub async fn partners(
        &self,
        mode: Mode,
        limit: u32,
    ) -> Result<Vec<(Tenant, String)>, IdentityError> {
        let rows = self
            .db
            .fetch_all(
                "SELECT partner_id, name FROM partners WHERE livemode = $1
                 ORDER BY partner_id LIMIT $2",
                params![mode.is_live(), limit.min(LONGEST_PAGE)],
            )
            .await?;
        let partners = rows.iter().map(|row| {
            let partner: PartnerId = row.parse("partner_id")?;
            Ok((Tenant { partner, mode }, row.text("name")?))
        });
        partners.collect()
    }
}
