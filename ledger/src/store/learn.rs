//! What the answers say: each question's rows become what the book knows. What was asked for and is
//! not among them is known not to be there.

use std::collections::BTreeSet;
use std::sync::Arc;

use db::{DbError, Row};
use domain::{AccountId, Tenant};

use super::{Asked, Desk, Lane, LaneState};
use crate::book::{Content, Known, read_refusal};
use crate::chain::Hash;
use crate::{Account, AccountRef, stored};

impl Desk {
    pub(super) fn answered(&mut self, asked: Asked, rows: &[Row]) -> Result<(), DbError> {
        match asked {
            Asked::Lane => self.lane = lane(rows)?,
            Asked::House(tenant) => {
                self.house_read.insert(tenant);
                for row in rows {
                    self.house_account(tenant, row)?;
                }
            }
            Asked::Accounts(tenant, ids) => {
                for row in rows {
                    let account = Account::read(row)?;
                    if let Some(unlocked) = &mut self.unlocked {
                        unlocked.insert((tenant, account.id), Some(Arc::new(account.clone())));
                    }
                    self.book.learn_account(tenant, account.id, Some(account));
                }
                for id in ids {
                    if !self.book.knows_account(tenant, id) {
                        self.book.learn_account(tenant, id, None);
                    }
                }
            }
            Asked::Keys(tenant, keys) => self.keys(tenant, keys, rows)?,
            Asked::Entries(tenant, _) => self.entries(tenant, rows)?,
            Asked::HoldKeys(tenant, _) => {
                for row in rows {
                    let (account, money) = (stored::named(row)?, stored::money(row, "amount")?);
                    let transfer = stored::opt_id(row, "transfer_id")?;
                    let content = Content::held(transfer, account, money);
                    let id = row.parse("id")?;
                    let known = Known::Hold(id, Arc::new(content));
                    self.book.learn_key(tenant, &row.text("key")?, known);
                    self.need_hold(tenant, id);
                }
            }
            Asked::Refusals(tenant, _) => {
                for row in rows {
                    let key = row.text("key")?;
                    // Whoever was refused may have lost its locks with its savepoint, and the key
                    // was used before its refusal was written: what is booked is true.
                    if self.book.knows_key(tenant, &key) {
                        continue;
                    }
                    let content = Content::read(&row.text("content")?).map_err(|_| {
                        DbError::column("content", "an entry's content", "other text")
                    })?;
                    let refusal = read_refusal(&row.text("refusal")?)
                        .map_err(|_| DbError::column("refusal", "a refusal", "other text"))?;
                    let known = Known::Refused(Arc::new(content), refusal);
                    self.book.learn_key(tenant, &key, known);
                }
            }
            Asked::Homes(tenant, ids) => {
                let mut homeless: BTreeSet<_> = ids.into_iter().collect();
                for row in rows {
                    let id = row.parse("id")?;
                    homeless.remove(&id);
                    self.needs.holds.insert((tenant, id));
                    self.need_account(tenant, row.parse("account_id")?);
                }
                for id in homeless {
                    self.book.learn_hold(tenant, id, None);
                }
            }
            Asked::Holds(tenant, _) => {
                for row in rows {
                    let hold = stored::hold(row)?;
                    self.book.learn_hold(tenant, hold.id, Some(hold));
                }
            }
        }
        Ok(())
    }

    fn house_account(&mut self, tenant: Tenant, row: &Row) -> Result<(), DbError> {
        let id: AccountId = row.parse("id")?;
        let account = AccountRef::stored(row.parse("purpose")?, row.parse("rail")?, id)
            .ok_or_else(|| DbError::column("rail", "the place of this purpose", "another"))?;
        let named = (tenant, account, row.parse("currency")?);
        self.house.insert(named, id);
        Ok(())
    }

    fn keys(&mut self, tenant: Tenant, keys: Vec<String>, rows: &[Row]) -> Result<(), DbError> {
        for row in rows {
            let key = (tenant, row.text("key")?);
            let taken = match row.text("kind")?.as_str() {
                "entry" => &mut self.needs.entries,
                "hold" => &mut self.needs.hold_keys,
                _ => &mut self.needs.refusals,
            };
            taken.insert(key);
        }
        for key in keys {
            let key = (tenant, key);
            let needs = [
                &self.needs.entries,
                &self.needs.hold_keys,
                &self.needs.refusals,
            ];
            if !needs.iter().any(|taken| taken.contains(&key)) {
                self.book.learn_key(tenant, &key.1, Known::Fresh);
            }
        }
        Ok(())
    }

    fn entries(&mut self, tenant: Tenant, rows: &[Row]) -> Result<(), DbError> {
        for postings in rows.chunk_by(|one, two| one.text("id").ok() == two.text("id").ok()) {
            let Some(first) = postings.first() else {
                continue;
            };
            let legs = postings
                .iter()
                .map(|row| Ok((stored::named(row)?, stored::money(row, "amount")?)))
                .collect::<Result<_, DbError>>()?;
            let content = Content {
                template: first.text("template")?,
                transfer: stored::opt_id(first, "transfer_id")?,
                corrects: stored::opt_id(first, "corrects")?,
                linked_to: stored::opt_id(first, "linked_to")?,
                hold: stored::opt_id(first, "hold_id")?,
                legs,
            };
            let known = Known::Entry(first.parse("id")?, Arc::new(content));
            self.book.learn_key(tenant, &first.text("key")?, known);
        }
        Ok(())
    }
}

fn lane(rows: &[Row]) -> Result<LaneState, DbError> {
    let Some(row) = rows.first() else {
        return Ok(LaneState::NoneFree);
    };
    let hash = Hash::try_from(&row.bytes("hash")?[..])
        .map_err(|_| DbError::column("hash", "32 bytes", "others"))?;
    Ok(LaneState::Locked(Lane {
        name: row.text("lane")?,
        position: row.int("position")?,
        hash,
    }))
}
