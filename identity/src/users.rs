//! Users: the persons behind wallets and bank accounts. Their names are sealed.

use db::{Row, Tx, Value, params};
use domain::{Tenant, Timestamp, UserId};
use vault::Key;

use crate::{Identity, IdentityError, LONGEST_PAGE, subjects};

const LONGEST_NAME: usize = 140;
const NAME: &str = "user/name";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    /// None once the person was erased.
    pub name: Option<String>,
    pub created_at: Timestamp,
}

impl Identity {
    pub async fn create_user(&self, tenant: &Tenant, name: &str) -> Result<UserId, IdentityError> {
        let tenant = *tenant;
        let draft = self.draft_user(&tenant, name)?;
        let user = draft.user;
        self.db
            .write(move |tx: &mut Tx| Box::pin(async move { draft.insert(tx, &tenant).await }))
            .await?;
        Ok(user)
    }

    pub async fn user(&self, tenant: &Tenant, id: UserId) -> Result<Option<User>, IdentityError> {
        let sql = format!("{SELECT} AND u.user_id = $3");
        let mut params = scope(tenant);
        params.push(id.to_string().into());
        let row = self.db.fetch_optional(&sql, params).await?;
        row.map(|row| self.read_user(tenant, &row)).transpose()
    }

    /// A page in order of creation, beginning after a user.
    pub async fn users(
        &self,
        tenant: &Tenant,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<User>, IdentityError> {
        let sql = format!("{SELECT} AND u.user_id > $3 ORDER BY u.user_id LIMIT $4");
        let mut params = scope(tenant);
        params.push(after.map_or_else(String::new, |id| id.to_string()).into());
        params.push(i64::from(limit.min(LONGEST_PAGE)).into());
        let rows = self.db.fetch_all(&sql, params).await?;
        rows.iter().map(|row| self.read_user(tenant, row)).collect()
    }

    /// Blocks a person, or lets them send again. What was begun before goes on to its end.
    pub async fn set_blocked(
        &self,
        tenant: &Tenant,
        id: UserId,
        blocked: bool,
    ) -> Result<(), IdentityError> {
        let mut params = scope(tenant);
        params.push(id.to_string().into());
        let found = self
            .db
            .write(move |tx: &mut Tx| {
                Box::pin(async move {
                    params.push(blocked.then(|| tx.now()).into());
                    let sql = "UPDATE users SET blocked_at = $4
                         WHERE partner_id = $1 AND livemode = $2 AND user_id = $3";
                    Ok::<_, IdentityError>(tx.execute(sql, params).await?)
                })
            })
            .await?;
        match found {
            0 => Err(IdentityError::NotFound("user")),
            _ => Ok(()),
        }
    }

    fn read_user(&self, tenant: &Tenant, row: &Row) -> Result<User, IdentityError> {
        let id = row.parse("user_id")?;
        let key = self.unwrap_key(tenant, id, row)?;
        let name = key
            .map(|key| open_text(&key, NAME, &row.bytes("sealed_name")?))
            .transpose()?;
        Ok(User {
            id,
            name,
            created_at: row.timestamp("created_at")?,
        })
    }

    /// Everything that can fail without a database, made before the transaction begins.
    pub(crate) fn draft_user(&self, tenant: &Tenant, name: &str) -> Result<Draft, IdentityError> {
        let name = checked_text("name", name, LONGEST_NAME)?;
        let user = UserId::from_bits(self.mint.next()?);
        let (key, wrapped) = self.vault.new_subject_key(&subjects::owner(tenant, user))?;
        let sealed_name = key.seal(NAME, name.as_bytes())?;
        Ok(Draft {
            user,
            key,
            wrapped,
            sealed_name,
        })
    }
}

#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) user: UserId,
    pub(crate) key: Key,
    wrapped: Vec<u8>,
    sealed_name: Vec<u8>,
}

impl Draft {
    pub(crate) async fn insert(self, tx: &mut Tx, tenant: &Tenant) -> Result<(), IdentityError> {
        let mut params = scope(tenant);
        params.extend(params![self.user.to_string(), self.sealed_name, tx.now()]);
        tx.execute(
            "INSERT INTO users (partner_id, livemode, user_id, sealed_name, created_at)
             VALUES ($1, $2, $3, $4, $5)",
            params,
        )
        .await?;
        subjects::insert(tx, tenant, self.user, self.wrapped).await
    }
}

const SELECT: &str = "SELECT u.user_id, u.sealed_name, u.created_at, k.wrapped_key
    FROM users u
    JOIN subject_keys k ON k.partner_id = u.partner_id AND k.livemode = u.livemode
        AND k.subject_id = u.user_id
    WHERE u.partner_id = $1 AND u.livemode = $2";

/// The first two parameters of every statement here.
pub(crate) fn scope(tenant: &Tenant) -> Vec<Value> {
    params![tenant.partner.to_string(), tenant.mode.is_live()]
}

pub(crate) fn open_text(key: &Key, purpose: &str, sealed: &[u8]) -> Result<String, IdentityError> {
    let plain = key.open(purpose, sealed)?;
    String::from_utf8(plain.to_vec()).map_err(|_| IdentityError::Unreadable("text"))
}

pub(crate) fn checked_text(
    field: &'static str,
    text: &str,
    longest: usize,
) -> Result<String, IdentityError> {
    let text = text.trim();
    let reason = if text.is_empty() {
        "must not be empty"
    } else if text.chars().count() > longest {
        "is too long"
    } else if text.chars().any(char::is_control) {
        "must not contain control characters"
    } else {
        return Ok(text.to_owned());
    };
    Err(IdentityError::Invalid { field, reason })
}
