//! Partners: the companies that everything else belongs to.

use db::{Tx, params};
use domain::{Mode, PartnerId, Tenant};

use crate::{Identity, IdentityError};

const LONGEST_NAME: usize = 140;

impl Identity {
    pub async fn create_partner(&self, mode: Mode, name: &str) -> Result<Tenant, IdentityError> {
        let partner = PartnerId::from_bits(self.mint.next()?);
        let tenant = Tenant { partner, mode };
        let name = checked_name(name)?;
        self.db
            .write(move |tx: &mut Tx| Box::pin(async move { insert(tx, &tenant, &name).await }))
            .await?;
        Ok(tenant)
    }

    pub async fn partner_name(&self, tenant: &Tenant) -> Result<Option<String>, IdentityError> {
        let row = self
            .db
            .fetch_optional(
                "SELECT name FROM partners WHERE partner_id = $1 AND livemode = $2",
                params![tenant.partner.to_string(), tenant.mode.is_live()],
            )
            .await?;
        Ok(row.map(|row| row.text("name")).transpose()?)
    }
}

/// Whether it is new: a partner that is there already stays as it is.
pub(crate) async fn insert(
    tx: &mut Tx,
    tenant: &Tenant,
    name: &str,
) -> Result<bool, IdentityError> {
    let now = tx.now();
    let inserted = tx
        .execute(
            "INSERT INTO partners (partner_id, livemode, name, created_at)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (partner_id, livemode) DO NOTHING",
            params![tenant.partner.to_string(), tenant.mode.is_live(), name, now],
        )
        .await?;
    Ok(inserted == 1)
}

fn checked_name(name: &str) -> Result<String, IdentityError> {
    crate::users::checked_text("name", name, LONGEST_NAME)
}
