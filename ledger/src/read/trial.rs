//! The trial balance: every kind of account with its sum. The lines of one currency sum to zero.

use ambient::Timestamp;
use db::{Db, DbError, Row, params};
use domain::{Money, Tenant};

use crate::{Place, Purpose, stored};

/// All accounts of one kind together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialLine {
    pub purpose: Purpose,
    pub place: Place,
    pub accounts: i64,
    pub balance: Money,
}

/// As it is now.
pub async fn trial_balance(db: &Db, tenant: Tenant) -> Result<Vec<TrialLine>, DbError> {
    let rows = db
        .fetch_all(
            "SELECT purpose, rail, currency, COUNT(*) AS accounts,
                    CAST(SUM(balance) AS BIGINT) AS balance
             FROM accounts WHERE partner_id = $1 AND livemode = $2
             GROUP BY purpose, rail, currency ORDER BY currency, purpose, rail",
            params![tenant.partner.to_string(), tenant.mode.is_live()],
        )
        .await?;
    rows.iter().map(line).collect()
}

/// As it was before an instant, of the accounts that there were then. An account that nothing
/// moved since is read as it stands; of the others the postings since are passed over, newest
/// first, so this costs what has happened since then and not what happened ever.
pub async fn trial_balance_before(
    db: &Db,
    tenant: Tenant,
    at: Timestamp,
) -> Result<Vec<TrialLine>, DbError> {
    let rows = db
        .fetch_all(
            "SELECT purpose, rail, currency, COUNT(*) AS accounts,
                    CAST(SUM(balance) AS BIGINT) AS balance
             FROM (SELECT a.purpose, a.rail, a.currency,
                          CASE WHEN a.moved_at < $3 THEN a.balance
                               ELSE COALESCE((SELECT p.balance_after FROM postings p
                                              WHERE p.partner_id = a.partner_id AND p.livemode = a.livemode
                                                AND p.account_id = a.id AND p.posted_at < $3
                                              ORDER BY p.account_version DESC LIMIT 1), 0)
                          END AS balance
                   FROM accounts a
                   WHERE a.partner_id = $1 AND a.livemode = $2 AND a.opened_at < $3) AS standing
             GROUP BY purpose, rail, currency ORDER BY currency, purpose, rail",
            params![tenant.partner.to_string(), tenant.mode.is_live(), at],
        )
        .await?;
    rows.iter().map(line).collect()
}

fn line(row: &Row) -> Result<TrialLine, DbError> {
    Ok(TrialLine {
        purpose: row.parse("purpose")?,
        place: row.parse("rail")?,
        accounts: row.int("accounts")?,
        balance: stored::money(row, "balance")?,
    })
}
