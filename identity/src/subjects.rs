//! The keys of persons. Everything that names a person is sealed under their own key.

use db::{Row, Tx, params};
use domain::{Mode, Tenant, UserId};
use vault::Key;

use crate::{Identity, IdentityError};

impl Identity {
    /// The key of a person; none when they were erased, or are nobody here.
    pub async fn subject_key(
        &self,
        tenant: &Tenant,
        user: UserId,
    ) -> Result<Option<Key>, IdentityError> {
        let row = self
            .db
            .fetch_optional(
                "SELECT wrapped_key FROM subject_keys
                 WHERE partner_id = $1 AND livemode = $2 AND subject_id = $3",
                params![
                    tenant.partner.to_string(),
                    tenant.mode.is_live(),
                    user.to_string()
                ],
            )
            .await?;
        row.map_or(Ok(None), |row| self.unwrap_key(tenant, user, &row))
    }

    /// The key of a person who must be there.
    pub(crate) async fn key_of_a_person(
        &self,
        tenant: &Tenant,
        user: UserId,
    ) -> Result<Key, IdentityError> {
        match self.subject_key(tenant, user).await? {
            Some(key) => Ok(key),
            None if self.user(tenant, user).await?.is_some() => Err(IdentityError::Erased),
            None => Err(IdentityError::NotFound("user")),
        }
    }

    /// Destroys a person's key, and with it everything that was ever sealed under it. The books
    /// stay true: they hold ids and amounts only.
    pub async fn erase(&self, tenant: &Tenant, user: UserId) -> Result<(), IdentityError> {
        let tenant = *tenant;
        let erased = self
            .db
            .write(move |tx: &mut Tx| {
                Box::pin(async move {
                    let now = tx.now();
                    tx.execute(
                        "UPDATE subject_keys
                         SET wrapped_key = NULL, erased_at = coalesce(erased_at, $4)
                         WHERE partner_id = $1 AND livemode = $2 AND subject_id = $3",
                        params![
                            tenant.partner.to_string(),
                            tenant.mode.is_live(),
                            user.to_string(),
                            now
                        ],
                    )
                    .await
                    .map_err(IdentityError::from)
                })
            })
            .await?;
        match erased {
            0 => Err(IdentityError::NotFound("user")),
            _ => Ok(()),
        }
    }

    /// Whether our master key opens what this database holds; where nothing is sealed yet any does.
    /// A process with another key would only fail later, at the first name it needs.
    pub async fn check_master_key(&self) -> Result<(), IdentityError> {
        let row = self
            .db
            .fetch_optional(
                "SELECT partner_id, livemode, subject_id, wrapped_key FROM subject_keys
                 WHERE wrapped_key IS NOT NULL ORDER BY partner_id, livemode, subject_id LIMIT 1",
                params![],
            )
            .await?;
        let Some(row) = row else { return Ok(()) };
        let tenant = Tenant {
            partner: row.parse("partner_id")?,
            mode: Mode::from_livemode(row.bool("livemode")?),
        };
        self.unwrap_key(&tenant, row.parse("subject_id")?, &row)
            .map(drop)
    }

    /// From a row that has the column `wrapped_key`.
    pub(crate) fn unwrap_key(
        &self,
        tenant: &Tenant,
        user: UserId,
        row: &Row,
    ) -> Result<Option<Key>, IdentityError> {
        row.opt_bytes("wrapped_key")?
            .map(|wrapped| {
                let key = self.vault.subject_key(&owner(tenant, user), &wrapped);
                key.map_err(IdentityError::from)
            })
            .transpose()
    }
}

/// Binds a wrapped key to its owner: moved to another row, it does not open.
pub(crate) fn owner(tenant: &Tenant, user: UserId) -> String {
    let mode = if tenant.mode.is_live() {
        "live"
    } else {
        "sandbox"
    };
    format!("{}/{mode}/{user}", tenant.partner)
}

pub(crate) async fn insert(
    tx: &mut Tx,
    tenant: &Tenant,
    user: UserId,
    wrapped: Vec<u8>,
) -> Result<(), IdentityError> {
    let now = tx.now();
    tx.execute(
        "INSERT INTO subject_keys (partner_id, livemode, subject_id, wrapped_key, created_at)
         VALUES ($1, $2, $3, $4, $5)",
        params![
            tenant.partner.to_string(),
            tenant.mode.is_live(),
            user.to_string(),
            wrapped,
            now
        ],
    )
    .await?;
    Ok(())
}
