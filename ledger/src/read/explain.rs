//! Why an account holds what it holds: the transfers that have money in it, and the holds that
//! have promised some of it. What they add up to is compared with the balance.

use ambient::Timestamp;
use db::{Db, DbError, Tx, params};
use domain::{AccountId, HoldId, Money, Tenant, TransferId};

use crate::stored;

/// What one transfer has in an account right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// `None`: what entries that belong to no transfer have in it, all together.
    pub transfer: Option<TransferId>,
    pub money: Money,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenHold {
    pub id: HoldId,
    pub transfer: Option<TransferId>,
    pub money: Money,
    pub expires_at: Option<Timestamp>,
}

/// An account at one moment, and what makes it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    pub balance: Money,
    pub held: Money,
    /// The first of them, in the order of the transfers.
    pub shares: Vec<Share>,
    /// How many there are and what they add up to, also those that are not shown.
    pub all_shares: i64,
    pub shares_sum: Money,
    pub holds: Vec<OpenHold>,
    pub all_holds: i64,
    pub holds_sum: Money,
}

impl Explained {
    /// Whether the shares make up the balance, and the holds what is held.
    pub fn adds_up(&self) -> bool {
        self.shares_sum == self.balance && self.holds_sum == self.held
    }
}

/// Looks at every posting of the account, so on an account with millions of them this takes
/// seconds. At most `limit` shares and holds are shown; all of them are counted.
pub async fn explain(
    db: &Db,
    tenant: Tenant,
    account: AccountId,
    limit: u32,
) -> Result<Option<Explained>, DbError> {
    // One unchanging state: a posting between two queries would look like a fault.
    db.snapshot(move |tx| Box::pin(look(tx, tenant, account, limit)))
        .await
}

/// What each transfer has in the account, as rows of `transfer_id, currency, amount`.
const SHARES: &str = "SELECT e.transfer_id, p.currency, SUM(p.amount) AS amount
     FROM postings p
     JOIN entries e ON e.partner_id = p.partner_id AND e.livemode = p.livemode AND e.id = p.entry_id
     WHERE p.partner_id = $1 AND p.livemode = $2 AND p.account_id = $3
     GROUP BY e.transfer_id, p.currency HAVING SUM(p.amount) <> 0";

async fn look(
    tx: &mut Tx,
    tenant: Tenant,
    account: AccountId,
    limit: u32,
) -> Result<Option<Explained>, DbError> {
    let (partner, live) = (tenant.partner.to_string(), tenant.mode.is_live());
    let id = account.to_string();
    let standing = "SELECT currency, balance, held FROM accounts
         WHERE partner_id = $1 AND livemode = $2 AND id = $3";
    let standing = tx
        .fetch_optional(standing, params![&partner, live, &id])
        .await?;
    let Some(standing) = standing else {
        return Ok(None);
    };
    let sums = format!(
        "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS amount FROM ({SHARES}) AS shares"
    );
    let shown = format!(
        "SELECT transfer_id, currency, CAST(amount AS BIGINT) AS amount FROM ({SHARES}) AS shares
         ORDER BY COALESCE(transfer_id, '') LIMIT $4"
    );
    let (all_shares, shares_sum) = counted(tx, &sums, params![&partner, live, &id]).await?;
    let shares = tx
        .fetch_all(&shown, params![&partner, live, &id, limit])
        .await?;
    let holds =
        "FROM holds WHERE partner_id = $1 AND livemode = $2 AND account_id = $3 AND state = 'open'";
    let sums =
        format!("SELECT COUNT(*) AS n, CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS amount {holds}");
    let shown = format!(
        "SELECT id, transfer_id, currency, amount, expires_at {holds} ORDER BY id LIMIT $4"
    );
    let (all_holds, holds_sum) = counted(tx, &sums, params![&partner, live, &id]).await?;
    let holds = tx
        .fetch_all(&shown, params![&partner, live, &id, limit])
        .await?;

    let balance = stored::money(&standing, "balance")?;
    let in_its_currency = |minor: i64| {
        Money::from_minor(minor, balance.currency())
            .map_err(|_| DbError::column("amount", "a sum in range", "a larger one"))
    };
    let shares = shares.iter().map(|row| {
        Ok(Share {
            transfer: stored::maybe(row, "transfer_id")?,
            money: stored::money(row, "amount")?,
        })
    });
    let holds = holds.iter().map(|row| {
        Ok(OpenHold {
            id: row.parse("id")?,
            transfer: stored::maybe(row, "transfer_id")?,
            money: stored::money(row, "amount")?,
            expires_at: row.opt_timestamp("expires_at")?,
        })
    });
    Ok(Some(Explained {
        balance,
        held: stored::money(&standing, "held")?,
        shares: shares.collect::<Result<_, DbError>>()?,
        all_shares,
        shares_sum: in_its_currency(shares_sum)?,
        holds: holds.collect::<Result<_, DbError>>()?,
        all_holds,
        holds_sum: in_its_currency(holds_sum)?,
    }))
}

async fn counted(tx: &mut Tx, sql: &str, scope: Vec<db::Value>) -> Result<(i64, i64), DbError> {
    let row = tx.fetch_optional(sql, scope).await?;
    let row = row.ok_or_else(|| DbError::column("n", "a count", "none"))?;
    Ok((row.int("n")?, row.int("amount")?))
}
