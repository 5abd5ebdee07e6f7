//! All wallets of a tenant, a page at a time.

use db::{Db, DbError, params};
use domain::{AccountId, Tenant};

use crate::{Account, stored};

/// The most wallets in one page, and one more so that a caller can see whether there are more.
const LONGEST_PAGE: u32 = 101;

/// In order of opening, beginning after an account.
pub async fn wallets(
    db: &Db,
    tenant: Tenant,
    after: Option<AccountId>,
    limit: u32,
) -> Result<Vec<Account>, DbError> {
    let sql = format!(
        "SELECT {} FROM accounts
         WHERE partner_id = $1 AND livemode = $2 AND purpose = 'wallet' AND id > $3
         ORDER BY id LIMIT $4",
        stored::ACCOUNT
    );
    let scope = params![
        tenant.partner.to_string(),
        tenant.mode.is_live(),
        after.map_or_else(String::new, |id| id.to_string()),
        limit.min(LONGEST_PAGE)
    ];
    db.fetch_all(&sql, scope)
        .await?
        .iter()
        .map(Account::read)
        .collect()
}
