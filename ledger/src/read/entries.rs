//! The entries of a transfer, with their postings.

use ambient::Timestamp;
use db::{Db, DbError, Row, params};
use domain::{AccountId, EntryId, Money, Tenant, TransferId};

use crate::{Place, Purpose, Template, stored};

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
