//! Posting: the rules, with the rows locked around them, and the same key only once.

use std::collections::BTreeMap;

use ambient::Mint;
use db::{DbError, Tx, Value, params};
use domain::{AccountId, EntryId};

use crate::account::open_house;
use crate::rules::{self, Booked};
use crate::{Account, Entry, LedgerError, PostError, Refusal, stored};

/// The entry in the book: posted now, or long ago under the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    pub entry: EntryId,
    pub replayed: bool,
}

/// Posts an entry inside the caller's transaction. Same key and content: the same entry, and
/// nothing changes. Same key and other content: refused with the field that differs.
///
/// A refusal leaves no trace but house accounts that hold nothing, so the caller may go on and
/// record it in the same transaction.
pub async fn post(tx: &mut Tx, mint: &Mint, entry: &Entry) -> Result<Posted, PostError> {
    rules::well_formed(entry)?;
    if let Some(posted) = replay(tx, entry).await? {
        return Ok(posted);
    }
    rules::in_time(entry, tx.now())?;
    let accounts = locked(tx, mint, entry).await?;
    let legs = match rules::plan(entry, &accounts) {
        Ok(legs) => legs,
        // Another process may have posted this very entry while we waited for its locks; then it
        // is a replay, whatever the rules think of doing it twice.
        Err(refusal) => return replay(tx, entry).await?.ok_or(PostError::Refused(refusal)),
    };
    let id = EntryId::from_bits(mint.next()?);
    let inserted = tx
        .execute(
            "INSERT INTO entries (partner_id, livemode, id, key, template, transfer_id, posted_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (partner_id, livemode, key) DO NOTHING",
            params![
                entry.tenant.partner.to_string(),
                entry.tenant.mode.is_live(),
                id.to_string(),
                entry.key(),
                entry.template.name(),
                entry.transfer.map(|transfer| transfer.to_string()),
                tx.now()
            ],
        )
        .await?;
    if inserted == 0 {
        let other = DbError::column("key", "the entry that has it", "none");
        return replay(tx, entry).await?.ok_or_else(|| other.into());
    }
    write(tx, entry, id, &legs).await?;
    Ok(Posted {
        entry: id,
        replayed: false,
    })
}

async fn write(
    tx: &mut Tx,
    entry: &Entry,
    id: EntryId,
    legs: &[Booked],
) -> Result<(), LedgerError> {
    let (partner, live) = (
        entry.tenant.partner.to_string(),
        entry.tenant.mode.is_live(),
    );
    let mut row = params![&partner, live, id.to_string()];
    let mut rows = Vec::with_capacity(legs.len());
    for (leg, number) in legs.iter().zip(0_i64..) {
        let first = row.len() + 1;
        let places: Vec<_> = (first..first + 7)
            .map(|place| format!("${place}"))
            .collect();
        rows.push(format!("($1, $2, $3, {})", places.join(", ")));
        row.extend(params![
            number,
            leg.account.to_string(),
            leg.money.currency().code(),
            leg.money.minor(),
            leg.version,
            leg.balance.minor(),
            tx.now()
        ]);
    }
    let sql = format!(
        "INSERT INTO postings (partner_id, livemode, entry_id, leg, account_id, currency, amount, account_version, balance_after, posted_at)
         VALUES {}",
        rows.join(", ")
    );
    tx.execute(&sql, row).await?;

    // The last leg of each account carries its new standing; in id order, as they were locked.
    let mut standing: BTreeMap<AccountId, (&Booked, i64)> = BTreeMap::new();
    for leg in legs {
        let (last, count) = standing.entry(leg.account).or_insert((leg, 0));
        *last = leg;
        *count += 1;
    }
    for (account, (last, count)) in standing {
        let changed = tx
            .execute(
                "UPDATE accounts SET balance = $4, version = $5, moved_at = $7
                 WHERE partner_id = $1 AND livemode = $2 AND id = $3 AND version = $6",
                params![
                    &partner,
                    live,
                    account.to_string(),
                    last.balance.minor(),
                    last.version,
                    last.version - count,
                    tx.now()
                ],
            )
            .await?;
        if changed != 1 {
            return Err(DbError::column("version", "the one that was locked", "another").into());
        }
    }
    Ok(())
}

/// The accounts of the entry, locked in the order of their ids so that no two entries wait for
/// each other. House accounts that are missing are opened.
async fn locked(tx: &mut Tx, mint: &Mint, entry: &Entry) -> Result<Vec<Account>, LedgerError> {
    let accounts = select(tx, entry).await?;
    let missing: Vec<_> = entry
        .legs
        .iter()
        .filter(|leg| leg.account.owned().is_none())
        .filter(|leg| {
            !accounts.iter().any(|known| {
                known.reference == leg.account && known.currency() == leg.money.currency()
            })
        })
        .collect();
    if missing.is_empty() {
        return Ok(accounts);
    }
    for leg in missing {
        open_house(tx, mint, entry.tenant, leg.account, leg.money.currency()).await?;
    }
    select(tx, entry).await
}

async fn select(tx: &mut Tx, entry: &Entry) -> Result<Vec<Account>, LedgerError> {
    let mut values = params![
        entry.tenant.partner.to_string(),
        entry.tenant.mode.is_live()
    ];
    let mut place = |value: Value| {
        values.push(value);
        format!("${}", values.len())
    };
    let mut wanted = Vec::with_capacity(entry.legs.len());
    for leg in &entry.legs {
        wanted.push(match leg.account.owned() {
            Some(id) => format!("id = {}", place(id.to_string().into())),
            None => format!(
                "(purpose = {} AND rail = {} AND currency = {} AND owner_id IS NULL)",
                place(leg.account.purpose().name().into()),
                place(leg.account.place().name().into()),
                place(leg.money.currency().code().into())
            ),
        });
    }
    let sql = format!(
        "SELECT {} FROM accounts WHERE partner_id = $1 AND livemode = $2 AND ({}) ORDER BY id{}",
        stored::ACCOUNT,
        wanted.join(" OR "),
        tx.dialect().for_update()
    );
    let rows = tx.fetch_all(&sql, values).await?;
    Ok(rows.iter().map(Account::read).collect::<Result<_, _>>()?)
}

/// The entry that has this key already, if its content is the same.
async fn replay(tx: &mut Tx, entry: &Entry) -> Result<Option<Posted>, PostError> {
    let rows = tx
        .fetch_all(
            "SELECT e.id, e.template, e.transfer_id, p.amount, p.currency,
                    a.id AS account_id, a.purpose, a.rail
             FROM entries e
             JOIN postings p ON p.partner_id = e.partner_id AND p.livemode = e.livemode AND p.entry_id = e.id
             JOIN accounts a ON a.partner_id = p.partner_id AND a.livemode = p.livemode AND a.id = p.account_id
             WHERE e.partner_id = $1 AND e.livemode = $2 AND e.key = $3
             ORDER BY p.leg",
            params![
                entry.tenant.partner.to_string(),
                entry.tenant.mode.is_live(),
                entry.key()
            ],
        )
        .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let transfer = entry.transfer.map(|transfer| transfer.to_string());
    let mut differs = None;
    let mut compare = |field, same: bool| {
        if !same {
            differs.get_or_insert(field);
        }
    };
    compare("template", first.text("template")? == entry.template.name());
    compare("transfer", first.opt_text("transfer_id")? == transfer);
    compare("legs", rows.len() == entry.legs.len());
    for (row, leg) in rows.iter().zip(&entry.legs) {
        compare(
            "currency",
            row.text("currency")? == leg.money.currency().code(),
        );
        compare("amount", row.int("amount")? == leg.money.minor());
        let same_account = match leg.account.owned() {
            Some(id) => row.text("account_id")? == id.to_string(),
            None => {
                row.text("purpose")? == leg.account.purpose().name()
                    && row.text("rail")? == leg.account.place().name()
            }
        };
        compare("account", same_account);
    }
    match differs {
        Some(field) => Err(Refusal::KeyReused { field }.into()),
        None => Ok(Some(Posted {
            entry: first.parse("id")?,
            replayed: true,
        })),
    }
}
