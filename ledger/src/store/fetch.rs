//! What is asked of the database, and in which order: the lane, house accounts, whose account a hold
//! is on (which never changes), accounts (locked, by tenant and id, so that no two processes wait for
//! each other), then keys and holds (locked in the same way). What is read after its account was
//! locked cannot be out of date.

use std::collections::BTreeSet;
use std::sync::Arc;

use db::{Statement, Value, params};
use domain::Tenant;

use super::{Asked, Desk, LaneState};
use crate::chain::FOUNDING;
use crate::stored;

/// Elements in one question.
const LONGEST: usize = 4_096;

impl Desk {
    pub(super) fn next_query(&mut self) -> Option<Statement> {
        let asked = self.next_question()?;
        let query = self.query(&asked);
        self.asked = Some(asked);
        Some(query)
    }

    fn next_question(&mut self) -> Option<Asked> {
        if self.needs.lane && matches!(self.lane, LaneState::Unasked) {
            return Some(Asked::Lane);
        }
        while let Some(named) = self.needs.house.first().copied() {
            if let Some(id) = self.house.get(&named).copied() {
                self.needs.house.remove(&named);
                self.need_account(named.0, id);
            } else if self.house_read.contains(&named.0) {
                // There is none yet: its first entry opens it.
                self.needs.house.remove(&named);
            } else {
                return Some(Asked::House(named.0));
            }
        }
        if let Some((tenant, ids)) = chunk(&mut self.needs.homes) {
            return Some(Asked::Homes(tenant, ids));
        }
        if let Some((tenant, ids)) = chunk(&mut self.needs.accounts) {
            return Some(Asked::Accounts(tenant, ids));
        }
        if let Some((tenant, keys)) = chunk(&mut self.needs.keys) {
            return Some(Asked::Keys(tenant, keys));
        }
        if let Some((tenant, keys)) = chunk(&mut self.needs.entries) {
            return Some(Asked::Entries(tenant, keys));
        }
        if let Some((tenant, keys)) = chunk(&mut self.needs.hold_keys) {
            return Some(Asked::HoldKeys(tenant, keys));
        }
        if let Some((tenant, keys)) = chunk(&mut self.needs.refusals) {
            return Some(Asked::Refusals(tenant, keys));
        }
        let (tenant, ids) = chunk(&mut self.needs.holds)?;
        Some(Asked::Holds(tenant, ids))
    }

    fn query(&self, asked: &Asked) -> Statement {
        let locks = self.unlocked.is_none();
        let lock = if locks { self.dialect.for_update() } else { "" };
        let listed = self.dialect.one_of("$3");
        match asked {
            Asked::Lane => {
                let free = if locks {
                    self.dialect.for_update_of_free()
                } else {
                    ""
                };
                let sql = format!(
                    "SELECT lane, position, hash FROM lanes WHERE lane <> '{FOUNDING}' ORDER BY lane LIMIT 1{free}"
                );
                statement(&sql, Vec::new())
            }
            Asked::House(tenant) => {
                let sql = "SELECT id, purpose, rail, currency FROM accounts
                     WHERE partner_id = $1 AND livemode = $2 AND owner_id IS NULL";
                statement(sql, scope(*tenant))
            }
            Asked::Accounts(tenant, ids) => {
                let params = among(*tenant, ids);
                let columns = stored::ACCOUNT;
                let sql = format!(
                    "SELECT {columns} FROM accounts
                     WHERE partner_id = $1 AND livemode = $2 AND id {listed} ORDER BY id{lock}"
                );
                statement(&sql, params)
            }
            Asked::Keys(tenant, keys) => {
                let params = among(*tenant, keys);
                // Key by key, whatever a planner thinks of a table that it has not counted yet:
                // it would rather read all that a tenant has than look for a list.
                let used = |kind: &str, table: &str| {
                    format!(
                        "WHEN (SELECT 1 FROM {table} WHERE partner_id = $1 AND livemode = $2 AND key = k.value) = 1
                             THEN '{kind}'"
                    )
                };
                let sql = format!(
                    "SELECT kind, key FROM (SELECT k.value AS key, CASE {} {} {} END AS kind FROM {}) AS used
                     WHERE kind IS NOT NULL",
                    used("entry", "entries"),
                    used("hold", "holds"),
                    used("refusal", "refusals"),
                    self.dialect.each_of("$3", "k")
                );
                statement(&sql, params)
            }
            Asked::Entries(tenant, keys) => {
                let params = among(*tenant, keys);
                let sql = format!(
                    "SELECT e.id, e.key, e.template, e.transfer_id, e.corrects, e.linked_to, e.hold_id,
                            p.amount, p.currency, a.id AS account_id, a.purpose, a.rail
                     FROM entries e
                     JOIN postings p ON p.partner_id = e.partner_id AND p.livemode = e.livemode AND p.entry_id = e.id
                     JOIN accounts a ON a.partner_id = p.partner_id AND a.livemode = p.livemode AND a.id = p.account_id
                     WHERE e.partner_id = $1 AND e.livemode = $2 AND e.key {listed}
                     ORDER BY e.id, p.leg"
                );
                statement(&sql, params)
            }
            Asked::HoldKeys(tenant, keys) => {
                let params = among(*tenant, keys);
                let sql = format!(
                    "SELECT h.id, h.key, h.amount, h.currency, h.transfer_id, a.id AS account_id, a.purpose, a.rail
                     FROM holds h
                     JOIN accounts a ON a.partner_id = h.partner_id AND a.livemode = h.livemode AND a.id = h.account_id
                     WHERE h.partner_id = $1 AND h.livemode = $2 AND h.key {listed}"
                );
                statement(&sql, params)
            }
            Asked::Refusals(tenant, keys) => {
                let params = among(*tenant, keys);
                let sql = format!(
                    "SELECT key, content, refusal FROM refusals
                     WHERE partner_id = $1 AND livemode = $2 AND key {listed}"
                );
                statement(&sql, params)
            }
            Asked::Homes(tenant, ids) => {
                let params = among(*tenant, ids);
                let sql = format!(
                    "SELECT id, account_id FROM holds
                     WHERE partner_id = $1 AND livemode = $2 AND id {listed}"
                );
                statement(&sql, params)
            }
            Asked::Holds(tenant, ids) => {
                let params = among(*tenant, ids);
                let columns = stored::HOLD;
                let sql = format!(
                    "SELECT {columns} FROM holds
                     WHERE partner_id = $1 AND livemode = $2 AND id {listed} ORDER BY id{lock}"
                );
                statement(&sql, params)
            }
        }
    }
}

pub(super) fn statement(sql: &str, params: Vec<Value>) -> Statement {
    Statement {
        sql: Arc::from(sql),
        params,
        rows: None,
    }
}

pub(super) fn scope(tenant: Tenant) -> Vec<Value> {
    params![tenant.partner.to_string(), tenant.mode.is_live()]
}

/// Takes the first tenant's elements, at most as many as the longest list.
fn chunk<T: Ord + Clone>(set: &mut BTreeSet<(Tenant, T)>) -> Option<(Tenant, Vec<T>)> {
    let tenant = set.first()?.0;
    let mut taken = Vec::new();
    while taken.len() < LONGEST && set.first().is_some_and(|(of, _)| *of == tenant) {
        taken.extend(set.pop_first().map(|(_, element)| element));
    }
    Some((tenant, taken))
}

/// The scope's two parameters, and the list.
fn among<T: ToString>(tenant: Tenant, elements: &[T]) -> Vec<Value> {
    let mut params = scope(tenant);
    params.push(Value::List(elements.iter().map(T::to_string).collect()));
    params
}
