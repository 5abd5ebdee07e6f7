//! What a transaction changed, as a few large statements: new accounts, entries with their links,
//! postings, one update for all accounts that moved, holds, refusals, and the end of the lane.

mod forms;
mod still;

use std::collections::BTreeSet;
use std::sync::Arc;

use db::{Cell, DbError, Dialect, Rows, Statement, Step, Value, params};
use domain::Tenant;

use super::fetch::{scope, statement};
use super::{Desk, Lane, LaneState};
use crate::Account;
use crate::book::{Changed, HoldSlot, Slot, Staged, write_refusal};
use crate::chain::{Content, ContentLeg, Hash, Linking};
use forms::{ENTRIES, MOVES, NEW_ACCOUNTS, NEW_HOLDS, POSTINGS, REFUSALS};

impl Desk {
    pub(super) fn steps(&mut self) -> Result<Vec<Step>, DbError> {
        let mut out = self.still_so();
        let mut new = Rows::new(&NEW_ACCOUNTS);
        let mut moved = Rows::new(&MOVES);
        for (tenant, slot) in self.book.changed_accounts() {
            if slot.is_new {
                new.push(new_account(tenant, slot));
            } else {
                moved.push(standing(tenant, slot));
            }
        }
        many(&mut out, new);
        self.write_entries(&mut out)?;
        // Terms with the standing that fits them: the table's own rules look at both.
        let changed = self.book.changes.iter().map(|it| (it.tenant, it.account));
        for (tenant, id) in changed.collect::<BTreeSet<_>>() {
            if let Some(account) = self.book.account(tenant, id) {
                out.push(Step::One(with_terms(tenant, account)));
            }
        }
        many(&mut out, moved);
        let mut holds = Rows::new(&NEW_HOLDS);
        let mut ends = Vec::new();
        for (tenant, slot) in self.book.changed_holds() {
            if slot.is_new {
                holds.push(new_hold(tenant, slot));
            } else {
                ends.push(Step::One(resolved(tenant, slot)));
            }
        }
        many(&mut out, holds);
        out.extend(ends);
        let mut refusals = Rows::new(&REFUSALS);
        for staged in &self.book.refusals {
            let (partner, live) = within(staged.tenant);
            refusals.push([
                partner,
                live,
                staged.key.as_str().into(),
                staged.content.write().as_str().into(),
                write_refusal(&staged.refusal).as_str().into(),
                self.book.now.into(),
            ]);
        }
        many(&mut out, refusals);
        for changed in &self.book.changes {
            out.push(Step::One(change(changed, self.book.now.into())));
        }
        Ok(out)
    }

    fn write_entries(&mut self, out: &mut Vec<Step>) -> Result<(), DbError> {
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
        let count = self.book.entries.len();
        let mut written = Written {
            lane_name: Arc::from(lane.name.as_str()),
            tenant: None,
            linking: Linking::default(),
            entries: Rows::with_room(&ENTRIES, count),
            postings: Rows::with_room(&POSTINGS, count * 2),
        };
        for staged in &self.book.entries {
            written.add(staged, &mut lane);
        }
        many(out, written.entries);
        many(out, written.postings);
        self.lane_after = Some(lane.clone());
        out.push(Step::One(if matches!(self.lane, LaneState::Locked(_)) {
            Statement {
                rows: Some(1),
                ..statement(
                    "UPDATE lanes SET position = $2, hash = $3 WHERE lane = $1 AND position = $4",
                    params![&lane.name, lane.position, &lane.hash.bytes()[..], before],
                )
            }
        } else {
            statement(
                "INSERT INTO lanes (lane, position, hash) VALUES ($1, $2, $3)",
                params![&lane.name, lane.position, &lane.hash.bytes()[..]],
            )
        }));
        Ok(())
    }
}

/// The entries' rows while they are linked one to the next.
struct Written {
    lane_name: Arc<str>,
    /// The tenant of the entry before, as it is written.
    tenant: Option<(Tenant, Arc<str>)>,
    linking: Linking,
    entries: Rows,
    postings: Rows,
}

impl Written {
    fn partner(&mut self, tenant: Tenant) -> Arc<str> {
        match &self.tenant {
            Some((last, name)) if *last == tenant => Arc::clone(name),
            _ => {
                let name = text(tenant.partner);
                self.tenant = Some((tenant, Arc::clone(&name)));
                name
            }
        }
    }

    /// The next link of the lane, as a row and its postings.
    fn add(&mut self, staged: &Staged, lane: &mut Lane) {
        let entry = &staged.entry;
        let partner = self.partner(entry.tenant);
        let live = entry.tenant.mode.is_live();
        let id = text(staged.id);
        let transfer = entry.transfer.map(text);
        let corrects = entry.corrects.map(text);
        let linked_to = entry.linked_to.map(text);
        let hold = entry.hold.map(text);
        let accounts: Vec<_> = staged.legs.iter().map(|leg| text(leg.account)).collect();
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
        let content = Content {
            partner: &partner,
            live,
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
        lane.hash = self.linking.link(&lane.hash, &content);
        for ((leg, account), number) in legs.iter().zip(&accounts).zip(0_i64..) {
            self.postings.push([
                (&partner).into(),
                live.into(),
                account.into(),
                leg.version.into(),
                (&id).into(),
                number.into(),
                leg.currency.into(),
                leg.amount.into(),
                leg.balance_after.into(),
                staged.posted_at.into(),
            ]);
        }
        self.entries.push([
            partner.into(),
            live.into(),
            (&self.lane_name).into(),
            id.into(),
            entry.key.as_str().into(),
            entry.template.name().into(),
            transfer.into(),
            corrects.into(),
            linked_to.into(),
            hold.into(),
            staged.posted_at.into(),
            lane.position.into(),
            lane.hash.bytes().to_vec().into(),
        ]);
    }
}

fn many(out: &mut Vec<Step>, rows: Rows) {
    if !rows.is_empty() {
        out.push(Step::Many(rows));
    }
}

pub(super) fn text(id: impl ToString) -> Arc<str> {
    Arc::from(id.to_string().as_str())
}

fn within(tenant: Tenant) -> (Cell, Cell) {
    (text(tenant.partner).into(), tenant.mode.is_live().into())
}

fn new_account(tenant: Tenant, slot: &Slot) -> [Cell; 15] {
    let account = &slot.account;
    let (partner, live) = within(tenant);
    [
        partner,
        live,
        text(account.id).into(),
        account.reference.purpose().name().into(),
        account.reference.place().name().into(),
        account.currency().code().into(),
        account.period.as_str().into(),
        account.state.name().into(),
        account.balance.minor().into(),
        account.held.minor().into(),
        account.version.into(),
        account.floor.map(domain::Money::minor).into(),
        account.ceiling.map(domain::Money::minor).into(),
        account.opened_at.into(),
        account.moved_at.into(),
    ]
}

fn standing(tenant: Tenant, slot: &Slot) -> [Cell; 7] {
    let account = &slot.account;
    let (partner, live) = within(tenant);
    [
        partner,
        live,
        text(account.id).into(),
        account.balance.minor().into(),
        account.held.minor().into(),
        account.version.into(),
        account.moved_at.into(),
    ]
}

fn new_hold(tenant: Tenant, slot: &HoldSlot) -> [Cell; 14] {
    let hold = &slot.hold;
    let (partner, live) = within(tenant);
    [
        partner,
        live,
        text(hold.id).into(),
        hold.key.as_str().into(),
        text(hold.account).into(),
        hold.money.currency().code().into(),
        hold.money.minor().into(),
        hold.posted.minor().into(),
        hold.state.name().into(),
        hold.transfer.map(text).into(),
        hold.entry.map(text).into(),
        hold.opened_at.into(),
        hold.expires_at.into(),
        hold.resolved_at.into(),
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
