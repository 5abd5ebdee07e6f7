//! API keys: shown once, stored as a hash, looked up by their id, compared in constant time.

use db::{DbError, Row, Tx, params};
use domain::{KeyId, Tenant, Timestamp};
use subtle::ConstantTimeEq;
use vault::Zeroizing;

use crate::presented::Presented;
use crate::users::{checked_text, scope};
use crate::{Identity, IdentityError, Scopes};

const LONGEST_NAME: usize = 140;

#[derive(Clone, Debug)]
pub struct NewKey {
    /// For people, so that they know which key to revoke.
    pub name: String,
    pub scopes: Scopes,
    pub expires_at: Option<Timestamp>,
}

/// The only time that the whole key is seen. `Debug` does not show it.
pub struct IssuedKey {
    pub id: KeyId,
    pub text: Zeroizing<String>,
}

impl std::fmt::Debug for IssuedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IssuedKey({})", self.id)
    }
}

/// Who is calling, proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub tenant: Tenant,
    pub key: KeyId,
    pub scopes: Scopes,
}

/// Tell the caller the same in the first three cases; the log may know which it was.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("this is no key of ours")]
    Unknown,
    #[error("the key {0} has expired")]
    Expired(KeyId),
    #[error("the key {0} was revoked")]
    Revoked(KeyId),
    #[error("nobody can be authenticated at the moment")]
    Database(#[from] DbError),
}

impl Identity {
    /// Who shows this text? Any text of any length may be asked about.
    pub async fn authenticate(&self, text: &str) -> Result<Caller, AuthError> {
        let presented = Presented::read(text).ok_or(AuthError::Unknown)?;
        let rows = self
            .db
            .fetch_all(
                "SELECT partner_id, hash, scopes, expires_at, revoked_at FROM api_keys
                 WHERE key_id = $1 AND livemode = $2 LIMIT 2",
                params![presented.key.to_string(), presented.mode.is_live()],
            )
            .await?;
        // Ids are random beyond chance. Two rows would mean a forged one, and then neither counts.
        let [row] = rows.as_slice() else {
            return Err(AuthError::Unknown);
        };
        let stored = row.bytes("hash")?;
        if !bool::from(presented.hash().as_slice().ct_eq(&stored)) {
            return Err(AuthError::Unknown);
        }
        self.caller(&presented, row)
    }

    fn caller(&self, presented: &Presented, row: &Row) -> Result<Caller, AuthError> {
        if row.opt_timestamp("revoked_at")?.is_some() {
            return Err(AuthError::Revoked(presented.key));
        }
        let expires_at = row.opt_timestamp("expires_at")?;
        if expires_at.is_some_and(|at| at <= self.clock.now()) {
            return Err(AuthError::Expired(presented.key));
        }
        Ok(Caller {
            tenant: Tenant {
                partner: row.parse("partner_id")?,
                mode: presented.mode,
            },
            key: presented.key,
            scopes: Scopes::read(&row.text("scopes")?),
        })
    }

    pub async fn create_key(
        &self,
        tenant: &Tenant,
        new: NewKey,
    ) -> Result<IssuedKey, IdentityError> {
        let tenant = *tenant;
        let (draft, issued) = self.draft_key(&tenant, new)?;
        self.db
            .write(move |tx: &mut Tx| Box::pin(async move { draft.insert(tx, &tenant).await }))
            .await?;
        Ok(issued)
    }

    /// From the next request on the key opens nothing.
    pub async fn revoke_key(&self, tenant: &Tenant, key: KeyId) -> Result<(), IdentityError> {
        let tenant = *tenant;
        let revoked = self
            .db
            .write(move |tx: &mut Tx| {
                Box::pin(async move {
                    let mut params = scope(&tenant);
                    params.extend(params![key.to_string(), tx.now()]);
                    tx.execute(
                        "UPDATE api_keys SET revoked_at = coalesce(revoked_at, $4)
                         WHERE partner_id = $1 AND livemode = $2 AND key_id = $3",
                        params,
                    )
                    .await
                    .map_err(IdentityError::from)
                })
            })
            .await?;
        match revoked {
            0 => Err(IdentityError::NotFound("key")),
            _ => Ok(()),
        }
    }

    pub(crate) fn draft_key(
        &self,
        tenant: &Tenant,
        new: NewKey,
    ) -> Result<(Draft, IssuedKey), IdentityError> {
        let name = checked_text("name", &new.name, LONGEST_NAME)?;
        let id = KeyId::from_bits(self.mint.next()?);
        let presented = Presented::mint(tenant.mode, id)?;
        let draft = Draft {
            id,
            name,
            hash: presented.hash(),
            scopes: new.scopes,
            expires_at: new.expires_at,
        };
        let text = presented.reveal();
        Ok((draft, IssuedKey { id, text }))
    }
}

#[derive(Clone)]
pub(crate) struct Draft {
    id: KeyId,
    name: String,
    hash: [u8; 32],
    scopes: Scopes,
    expires_at: Option<Timestamp>,
}

impl Draft {
    pub(crate) async fn insert(self, tx: &mut Tx, tenant: &Tenant) -> Result<(), IdentityError> {
        let mut params = scope(tenant);
        params.extend(params![
            self.id.to_string(),
            self.name,
            self.hash.as_slice(),
            self.scopes.to_string(),
            tx.now(),
            self.expires_at
        ]);
        tx.execute(
            "INSERT INTO api_keys (partner_id, livemode, key_id, name, hash, scopes, created_at,
                 expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            params,
        )
        .await?;
        Ok(())
    }
}
