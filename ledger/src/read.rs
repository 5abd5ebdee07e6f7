//! Reading the book. Every query begins with the tenant; none of them locks anything.

use ambient::Timestamp;
use db::{Db, DbError, Row, params};
use domain::{AccountId, EntryId, Money, Tenant, TransferId};

use crate::{Account, Place, Purpose, Template, account, stored};

/// An entry with its postings, in the order of its legs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryView {
    pub id: EntryId,
    pub key: String,
    pub template: Template,
    pub posted_at: Timestamp,
    pub postings: Vec<PostingView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostingView {
    pub account: AccountId,
    pub purpose: Purpose,
    pub place: Place,
    pub money: Money,
    pub balance_after: Money,
}

/// All accounts of one kind together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialLine {
    pub purpose: Purpose,
    pub place: Place,
    pub accounts: i64,
    pub balance: Money,
}

/// What one transfer has in an account right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub transfer: TransferId,
    pub money: Money,
}

/// What an account holds; `None` where there is no such account in this tenant.
pub async fn balance(db: &Db, tenant: Tenant, id: AccountId) -> Result<Option<Money>, DbError> {
    Ok(account(db, tenant, id)
        .await?
        .map(|Account { balance, .. }| balance))
}

/// What a transfer did to the book, oldest first. A transfer has a handful of entries; the bound
/// is a guard, not a page.
pub async fn entries_of_transfer(
    db: &Db,
    tenant: Tenant,
    transfer: TransferId,
) -> Result<Vec<EntryView>, DbError> {
    let rows = db
        .fetch_all(
            "SELECT e.id, e.key, e.template, e.posted_at, p.account_id, p.currency, p.amount,
                    p.balance_after, a.purpose, a.rail
             FROM entries e
             JOIN postings p ON p.partner_id = e.partner_id AND p.livemode = e.livemode AND p.entry_id = e.id
             JOIN accounts a ON a.partner_id = p.partner_id AND a.livemode = p.livemode AND a.id = p.account_id
             WHERE e.partner_id = $1 AND e.livemode = $2 AND e.transfer_id = $3
             ORDER BY e.id, p.leg LIMIT 1000",
            params![
                tenant.partner.to_string(),
                tenant.mode.is_live(),
                transfer.to_string()
            ],
        )
        .await?;
    let mut entries: Vec<EntryView> = Vec::new();
    for row in &rows {
        let id = row.parse("id")?;
        let posting = posting(row)?;
        match entries.last_mut() {
            Some(entry) if entry.id == id => entry.postings.push(posting),
            _ => entries.push(EntryView {
                id,
                key: row.text("key")?,
                template: row.parse("template")?,
                posted_at: row.timestamp("posted_at")?,
                postings: vec![posting],
            }),
        }
    }
    Ok(entries)
}

fn posting(row: &Row) -> Result<PostingView, DbError> {
    Ok(PostingView {
        account: row.parse("account_id")?,
        purpose: row.parse("purpose")?,
        place: row.parse("rail")?,
        money: stored::money(row, "amount")?,
        balance_after: stored::money(row, "balance_after")?,
    })
}

/// Every kind of account with its sum. The lines of one currency sum to zero.
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
    let lines = rows.iter().map(|row| {
        Ok(TrialLine {
            purpose: row.parse("purpose")?,
            place: row.parse("rail")?,
            accounts: row.int("accounts")?,
            balance: stored::money(row, "balance")?,
        })
    });
    lines.collect()
}

/// Explains a pool's or suspense account's balance: the transfers that have money in it, largest
/// id last, at most `limit` of them.
pub async fn explain(
    db: &Db,
    tenant: Tenant,
    account: AccountId,
    limit: u32,
) -> Result<Vec<Share>, DbError> {
    let rows = db
        .fetch_all(
            "SELECT e.transfer_id, p.currency, CAST(SUM(p.amount) AS BIGINT) AS amount
             FROM postings p
             JOIN entries e ON e.partner_id = p.partner_id AND e.livemode = p.livemode AND e.id = p.entry_id
             WHERE p.partner_id = $1 AND p.livemode = $2 AND p.account_id = $3
               AND e.transfer_id IS NOT NULL
             GROUP BY e.transfer_id, p.currency HAVING SUM(p.amount) <> 0
             ORDER BY e.transfer_id LIMIT $4",
            params![
                tenant.partner.to_string(),
                tenant.mode.is_live(),
                account.to_string(),
                limit
            ],
        )
        .await?;
    let shares = rows.iter().map(|row| {
        Ok(Share {
            transfer: row.parse("transfer_id")?,
            money: stored::money(row, "amount")?,
        })
    });
    shares.collect()
}
