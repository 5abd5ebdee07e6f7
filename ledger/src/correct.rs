//! Taking an entry back. What stands in the book is never changed: a correction moves exactly the
//! same money the other way and names the entry, at most once. What should have been posted
//! instead is an entry of its own, [`Entry::replacing`] it.

use ambient::Mint;
use db::{DbError, Tx, params};
use domain::{EntryId, Tenant, TransferId};

use crate::store::Desk;
use crate::{AccountRef, Entry, Leg, PostError, Posted, Template, post, stored};

/// Why an entry was not taken back.
#[derive(Debug, thiserror::Error)]
pub enum CorrectError {
    #[error("there is no entry {0} here; nothing was posted")]
    Unknown(EntryId),
    #[error("{0} is a correction itself: post again what it took back; nothing was posted")]
    IsCorrection(EntryId),
    #[error("the correction could not be posted")]
    Post(#[from] PostError),
}

impl From<DbError> for CorrectError {
    fn from(error: DbError) -> Self {
        Self::Post(error.into())
    }
}

/// Takes an entry back. Doing it again answers with the same correction. It obeys every rule: who has spent the money meanwhile is refused like any payer.
pub async fn correct(
    tx: &mut Tx,
    mint: &Mint,
    tenant: Tenant,
    wrong: EntryId,
) -> Result<Posted, CorrectError> {
    let found = match staged(tx, tenant, wrong) {
        Some(found) => Some(found),
        None => read(tx, tenant, wrong).await?,
    };
    let Some(Booked {
        template,
        transfer,
        legs,
    }) = found
    else {
        return Err(CorrectError::Unknown(wrong));
    };
    if template == Template::Correction {
        return Err(CorrectError::IsCorrection(wrong));
    }
    let correction = Entry::correction(tenant, wrong, transfer, &legs)
        .ok_or_else(|| DbError::column("leg", "the postings of an entry", "none"))?;
    Ok(post(tx, mint, &correction).await?)
}

struct Booked {
    template: Template,
    transfer: Option<TransferId>,
    legs: Vec<Leg>,
}

/// An entry of this very transaction is not in the tables yet.
fn staged(tx: &mut Tx, tenant: Tenant, entry: EntryId) -> Option<Booked> {
    let staged = &tx.area::<Desk>().book.entries;
    let found = staged
        .iter()
        .find(|staged| staged.id == entry && staged.entry.tenant == tenant)?;
    Some(Booked {
        template: found.entry.template,
        transfer: found.entry.transfer,
        legs: found.entry.legs.clone(),
    })
}

async fn read(tx: &mut Tx, tenant: Tenant, entry: EntryId) -> Result<Option<Booked>, DbError> {
    let rows = tx
        .fetch_all(
            "SELECT e.template, e.transfer_id, p.amount, p.currency, p.account_id, a.purpose, a.rail
             FROM entries e
             JOIN postings p ON p.partner_id = e.partner_id AND p.livemode = e.livemode AND p.entry_id = e.id
             JOIN accounts a ON a.partner_id = p.partner_id AND a.livemode = p.livemode AND a.id = p.account_id
             WHERE e.partner_id = $1 AND e.livemode = $2 AND e.id = $3
             ORDER BY p.leg",
            params![
                tenant.partner.to_string(),
                tenant.mode.is_live(),
                entry.to_string()
            ],
        )
        .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let transfer = match first.opt_text("transfer_id")? {
        None => None,
        Some(_) => Some(first.parse("transfer_id")?),
    };
    let legs = rows.iter().map(|row| {
        let id = row.parse("account_id")?;
        let account = AccountRef::stored(row.parse("purpose")?, row.parse("rail")?, id)
            .ok_or_else(|| DbError::column("rail", "the place of this purpose", "another"))?;
        let money = stored::money(row, "amount")?;
        Ok(Leg { account, money })
    });
    Ok(Some(Booked {
        template: first.parse("template")?,
        transfer,
        legs: legs.collect::<Result<_, DbError>>()?,
    }))
}
