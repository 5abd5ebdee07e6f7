//! Finding whose books there are, and the accounts of the house by what they are for.

use db::{Db, DbError, params};
use domain::{Currency, Mode, Tenant};

use crate::{Account, Place, Purpose, stored};

/// Every tenant that has an account, at most `limit` partners; found by leaping from one to the
/// next, because each may have millions of accounts.
pub async fn tenants(db: &Db, limit: u32) -> Result<Vec<Tenant>, DbError> {
    let mut tenants = Vec::new();
    let mut last = String::new();
    for _ in 0..limit {
        let next = "SELECT MIN(partner_id) AS partner_id FROM accounts WHERE partner_id > $1";
        let row = db.fetch_optional(next, params![&last]).await?;
        let Some(partner) = row
            .map(|row| row.opt_text("partner_id"))
            .transpose()?
            .flatten()
        else {
            break;
        };
        for live in [false, true] {
            let any =
                "SELECT partner_id FROM accounts WHERE partner_id = $1 AND livemode = $2 LIMIT 1";
            if let Some(row) = db.fetch_optional(any, params![&partner, live]).await? {
                tenants.push(Tenant {
                    partner: row.parse("partner_id")?,
                    mode: Mode::from_livemode(live),
                });
            }
        }
        last = partner;
    }
    Ok(tenants)
}

/// There is at most one per purpose, place and currency; the first entry that needs it opens it.
pub async fn house_account(
    db: &Db,
    tenant: Tenant,
    purpose: Purpose,
    place: Place,
    currency: Currency,
) -> Result<Option<Account>, DbError> {
    let sql = format!(
        "SELECT {} FROM accounts
         WHERE partner_id = $1 AND livemode = $2 AND purpose = $3 AND rail = $4 AND currency = $5
           AND period = '' AND owner_id IS NULL",
        stored::ACCOUNT
    );
    let scope = params![
        tenant.partner.to_string(),
        tenant.mode.is_live(),
        purpose.name(),
        place.name(),
        currency.code()
    ];
    db.fetch_optional(&sql, scope)
        .await?
        .as_ref()
        .map(Account::read)
        .transpose()
}
