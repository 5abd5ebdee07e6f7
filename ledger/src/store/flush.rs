//! What a transaction changed, as a few large statements: new accounts, entries with their links,
//! postings, one update for all accounts that moved, holds, refusals, and the end of the lane.

use std::collections::BTreeSet;
use std::sync::Arc;

use db::{DbError, Dialect, Statement, Value, params};
use domain::Tenant;

use super::fetch::{scope, statement};
use super::{Desk, Lane, LaneState};
use crate::Account;
use crate::book::{Changed, HoldSlot, Slot, Staged, write_refusal};
use crate::chain::{Content, ContentLeg, Hash, link};

/// Rows in one statement. Each number is one text that is prepared once, so there are few of them,
/// and any count of rows is a few statements.
const SIZES: [usize; 10] = [512, 256, 128, 64, 32, 16, 8, 4, 2, 1];

const ENTRIES: &str = "INSERT INTO entries (partner_id, livemode, lane, id, key, template, transfer_id, \
    corrects, linked_to, hold_id, posted_at, position, hash) VALUES ";
const POSTINGS: &str = "INSERT INTO postings (partner_id, livemode, entry_id, leg, account_id, currency, \
    amount, account_version, balance_after, posted_at) VALUES ";
const NEW_ACCOUNTS: &str = "INSERT INTO accounts (partner_id, livemode, id, purpose, rail, currency, \
    period, state, balance, held, version, floor, ceiling, opened_at, moved_at) VALUES ";
const NEW_HOLDS: &str = "INSERT INTO holds (partner_id, livemode, id, key, account_id, currency, amount, \
    posted, state, transfer_id, entry_id, opened_at, expires_at, resolved_at) VALUES ";
const REFUSALS: &str =
    "INSERT INTO refusals (partner_id, livemode, key, content, refusal, refused_at) VALUES ";

impl Desk {
    pub(super) fn statements(&mut self) -> Result<Vec<Statement>, DbError> {
        let mut out = Vec::new();
        let (new, moved): (Vec<_>, Vec<_>) = self
            .book
            .changed_accounts()
            .partition(|(_, slot)| slot.is_new);
        for (tenant, slot) in new {
            rows(
                &mut out,
                NEW_ACCOUNTS,
                "",
                scope(tenant),
                &[new_account(slot)],
            );
        }
        self.write_entries(&mut out)?;
        // Terms with the standing that fits them: the table's own rules look at both.
        let changed = self.book.changes.iter().map(|it| (it.tenant, it.account));
        for (tenant, id) in changed.collect::<BTreeSet<_>>() {
            if let Some(account) = self.book.account(tenant, id) {
                out.push(with_terms(tenant, account));
            }
        }
        for of in moved.chunk_by(|one, two| one.0 == two.0) {
            let standing: Vec<_> = of.iter().map(|(_, slot)| standing(slot)).collect();
            if let Some((tenant, _)) = of.first() {
                moves(&mut out, scope(*tenant), &standing);
            }
        }
        for (tenant, slot) in self.book.changed_holds() {
            if slot.is_new {
                rows(&mut out, NEW_HOLDS, "", scope(tenant), &[new_hold(slot)]);
            } else {
                out.push(resolved(tenant, slot));
            }
        }
        for staged in &self.book.refusals {
            let row = params![
                &staged.key,
                staged.content.write(),
                write_refusal(&staged.refusal),
                self.book.now
            ];
            rows(&mut out, REFUSALS, "", scope(staged.tenant), &[row]);
        }
        for changed in &self.book.changes {
            out.push(change(changed, self.book.now.into()));
        }
        Ok(out)
    }

    fn write_entries(&self, out: &mut Vec<Statement>) -> Result<(), DbError> {
        let Some(first) = self.book.entries.first() else {
            return Ok(());
        };
        let mut lane = match &self.lane {
            LaneState::Locked(lane) => lane.clone(),
            LaneState::NoneFree => Lane {
                name: match self.dialect {
                    Dialect::Sqlite => "main".to_owned(),
                    // Named after its first entry, so no two processes ever make the same one.
                    Dialect::Postgres => format!("lane-{}", first.id),
                },
                position: 0,
                hash: Hash::NONE,
            },
            LaneState::Unasked => {
                return Err(DbError::column("lane", "a lane to write to", "none"));
            }
        };
        let before = lane.position;
        let mut staged: Vec<&Staged> = self.book.entries.iter().collect();
        // Stable: the entries of a tenant stay in their order.
        staged.sort_by_key(|staged| staged.entry.tenant);
        for of in staged.chunk_by(|one, two| one.entry.tenant == two.entry.tenant) {
            let Some(one) = of.first() else { continue };
            let scope = scope(one.entry.tenant);
            let mut entries = Vec::with_capacity(of.len());
            let mut postings = Vec::with_capacity(of.len() * 2);
            for staged in of {
                self.linked(staged, &scope, &mut lane, &mut entries, &mut postings);
            }
            let mut shared = scope.clone();
            shared.push(Value::Text(lane.name.clone()));
            rows(out, ENTRIES, "", shared, &entries);
            rows(out, POSTINGS, "", scope, &postings);
        }
        out.push(if matches!(self.lane, LaneState::Locked(_)) {
            Statement {
                rows: Some(1),
                ..statement(
                    "UPDATE lanes SET position = $2, hash = $3 WHERE lane = $1 AND position = $4",
                    params![lane.name, lane.position, &lane.hash.bytes()[..], before],
                )
            }
        } else {
            statement(
                "INSERT INTO lanes (lane, position, hash) VALUES ($1, $2, $3)",
                params![lane.name, lane.position, &lane.hash.bytes()[..]],
            )
        });
        Ok(())
    }

    /// The next link of the lane, as a row and its postings.
    fn linked(
        &self,
        staged: &Staged,
        scope: &[Value],
        lane: &mut Lane,
        entries: &mut Vec<Vec<Value>>,
        postings: &mut Vec<Vec<Value>>,
    ) {
        let entry = &staged.entry;
        let id = staged.id.to_string();
        let maybe = |text: Option<String>| text;
        let transfer = maybe(entry.transfer.map(|id| id.to_string()));
        let corrects = maybe(entry.corrects.map(|id| id.to_string()));
        let linked_to = maybe(entry.linked_to.map(|id| id.to_string()));
        let hold = maybe(entry.hold.map(|id| id.to_string()));
        let accounts: Vec<_> = staged
            .legs
            .iter()
            .map(|leg| leg.account.to_string())
            .collect();
        let legs: Vec<_> = staged
            .legs
            .iter()
            .zip(&accounts)
            .map(|(leg, account)| ContentLeg {
                account,
                currency: leg.money.currency().code(),
                amount: leg.money.minor(),
                version: leg.version,
                balance_after: leg.balance.minor(),
            })
            .collect();
        lane.position += 1;
        let partner = match scope.first() {
            Some(Value::Text(partner)) => partner.as_str(),
            _ => "",
        };
        let content = Content {
            partner,
            live: entry.tenant.mode.is_live(),
            id: &id,
            key: &entry.key,
            template: entry.template.name(),
            transfer: transfer.as_deref(),
            corrects: corrects.as_deref(),
            linked_to: linked_to.as_deref(),
            hold: hold.as_deref(),
            posted_at: staged.posted_at,
            lane: &lane.name,
            position: lane.position,
            legs: &legs,
        };
        lane.hash = link(&lane.hash, &content);
        for (leg, number) in legs.iter().zip(0_i64..) {
            postings.push(params![
                &id,
                number,
                leg.account,
                leg.currency,
                leg.amount,
                leg.version,
                leg.balance_after,
                staged.posted_at
            ]);
        }
        entries.push(params![
            id,
            &entry.key,
            entry.template.name(),
            transfer,
            corrects,
            linked_to,
            hold,
            staged.posted_at,
            lane.position,
            &lane.hash.bytes()[..]
        ]);
    }
}

fn new_account(slot: &Slot) -> Vec<Value> {
    let account = &slot.account;
    params![
        account.id.to_string(),
        account.reference.purpose().name(),
        account.reference.place().name(),
        account.currency().code(),
        &account.period,
        account.state.name(),
        account.balance.minor(),
        account.held.minor(),
        account.version,
        account.floor.map(domain::Money::minor),
        account.ceiling.map(domain::Money::minor),
        account.opened_at,
        account.moved_at
    ]
}

fn standing(slot: &Slot) -> Vec<Value> {
    let account = &slot.account;
    params![
        account.id.to_string(),
        account.balance.minor(),
        account.held.minor(),
        account.version,
        account.moved_at
    ]
}

fn new_hold(slot: &HoldSlot) -> Vec<Value> {
    let hold = &slot.hold;
    params![
        hold.id.to_string(),
        &hold.key,
        hold.account.to_string(),
        hold.money.currency().code(),
        hold.money.minor(),
        hold.posted.minor(),
        hold.state.name(),
        hold.transfer.map(|id| id.to_string()),
        hold.entry.map(|id| id.to_string()),
        hold.opened_at,
        hold.expires_at,
        hold.resolved_at
    ]
}

/// Another process may have resolved it just before: then no row is changed, and nothing is kept.
fn resolved(tenant: Tenant, slot: &HoldSlot) -> Statement {
    let hold = &slot.hold;
    let mut params = scope(tenant);
    params.extend(params![
        hold.id.to_string(),
        hold.state.name(),
        hold.posted.minor(),
        hold.entry.map(|id| id.to_string()),
        hold.resolved_at
    ]);
    Statement {
        rows: Some(1),
        ..statement(
            "UPDATE holds SET state = $4, posted = $5, entry_id = $6, resolved_at = $7
             WHERE partner_id = $1 AND livemode = $2 AND id = $3 AND state = 'open'",
            params,
        )
    }
}

fn with_terms(tenant: Tenant, account: &Account) -> Statement {
    let mut params = scope(tenant);
    params.extend(params![
        account.id.to_string(),
        account.state.name(),
        account.floor.map(domain::Money::minor),
        account.ceiling.map(domain::Money::minor),
        account.balance.minor(),
        account.held.minor(),
        account.version,
        account.moved_at
    ]);
    Statement {
        rows: Some(1),
        ..statement(
            "UPDATE accounts SET state = $4, floor = $5, ceiling = $6, balance = $7, held = $8,
                 version = $9, moved_at = $10
             WHERE partner_id = $1 AND livemode = $2 AND id = $3",
            params,
        )
    }
}

fn change(changed: &Changed, now: Value) -> Statement {
    let mut params = scope(changed.tenant);
    params.extend(params![
        changed.account.to_string(),
        changed.state.name(),
        changed.terms.floor.map(domain::Money::minor),
        changed.terms.ceiling.map(domain::Money::minor)
    ]);
    params.extend([Value::Text(changed.reason.clone()), now]);
    statement(
        "INSERT INTO account_changes (partner_id, livemode, account_id, number, state, floor, ceiling, reason, changed_at)
         SELECT $1, $2, $3, COALESCE(MAX(number), 0) + 1, $4, CAST($5 AS BIGINT), CAST($6 AS BIGINT), $7, $8
         FROM account_changes WHERE partner_id = $1 AND livemode = $2 AND account_id = $3",
        params,
    )
}

/// One statement for all accounts of a tenant that moved.
fn moves(out: &mut Vec<Statement>, shared: Vec<Value>, standing: &[Vec<Value>]) {
    let head = "UPDATE accounts SET balance = v.column2, held = v.column3, version = v.column4, \
        moved_at = v.column5 FROM (VALUES ";
    let tail = ") AS v WHERE accounts.partner_id = $1 AND accounts.livemode = $2 AND accounts.id = v.column1";
    rows(out, head, tail, shared, standing);
}

/// A statement for each of a few sizes of rows. Every row is preceded by the shared values in an
/// INSERT; an UPDATE names them in its tail.
fn rows(out: &mut Vec<Statement>, head: &str, tail: &str, shared: Vec<Value>, rows: &[Vec<Value>]) {
    let mut rest = rows;
    for size in SIZES {
        while rest.len() >= size {
            let (now, later) = rest.split_at(size);
            let width = now.first().map_or(0, Vec::len);
            let mut params = Vec::with_capacity(shared.len() + size * width);
            params.extend(shared.iter().cloned());
            for row in now {
                params.extend(row.iter().cloned());
            }
            let sql = text(head, tail, shared.len(), width, size);
            let rows = Some(u64::try_from(size).unwrap_or(u64::MAX));
            out.push(Statement { sql, params, rows });
            rest = later;
        }
    }
}

fn text(head: &str, tail: &str, shared: usize, width: usize, size: usize) -> Arc<str> {
    use std::fmt::Write as _;
    let mut sql = head.to_owned();
    let of_all: String = if tail.is_empty() {
        (1..=shared).map(|place| format!("${place}, ")).collect()
    } else {
        String::new()
    };
    for row in 0..size {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        sql.push_str(&of_all);
        for column in 0..width {
            let comma = if column == 0 { "" } else { ", " };
            let place = shared + row * width + column + 1;
            // Writing to a String cannot fail.
            let _infallible = write!(sql, "{comma}${place}");
        }
        sql.push(')');
    }
    sql.push_str(tail);
    sql.into()
}
