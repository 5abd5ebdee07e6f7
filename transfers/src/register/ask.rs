//! What is asked of the database for all jobs of a transaction together, and what its answers say.
//! Rows first, locked in one order, so that no two processes wait for each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use db::{DbError, Row, Statement, Value, params};
use domain::{StepKey, Tenant, TransferId};

use super::{Key, Named, Register, Slot};
use crate::row::{self, COLUMNS, Stored};
use crate::{NetworkStatus, outbox, scope};

/// Elements in one question.
const LONGEST: usize = 4_096;

/// What was declared and is not fetched.
#[derive(Debug, Default)]
pub(super) struct Needs {
    rows: BTreeSet<Named>,
    keys: BTreeSet<(Tenant, Key)>,
    words: BTreeSet<(Tenant, String)>,
    limits: BTreeSet<Named>,
    end: bool,
}

/// The question whose answer is awaited.
#[derive(Debug)]
pub(super) enum Asked {
    Rows(Tenant, Vec<TransferId>),
    Keys(Tenant, &'static str, Vec<String>),
    Words(Tenant, Vec<String>),
    Limits(Tenant, Vec<TransferId>),
    End,
}

impl Register {
    pub(crate) fn need_row(&mut self, named: Named) {
        if !self.rows.contains_key(&named) {
            self.needs.rows.insert(named);
        }
    }

    pub(crate) fn need_key(&mut self, tenant: Tenant, key: &Key) {
        let named = (tenant, key.clone());
        if !self.taken.contains_key(&named) {
            self.needs.keys.insert(named);
        }
    }

    /// What the bank itself called its refusal of a step.
    pub(crate) fn need_word(&mut self, tenant: Tenant, key: StepKey) {
        if !self.words.contains_key(&(tenant, key)) {
            self.needs.words.insert((tenant, key.to_string()));
        }
    }

    pub(crate) fn need_limits(&mut self, named: Named) {
        if !self.limits.contains_key(&named) {
            self.needs.limits.insert(named);
        }
    }

    /// Events are going to be added.
    pub(crate) const fn need_end(&mut self) {
        self.needs.end = self.end.is_none();
    }

    pub(super) fn next_query(&mut self) -> Option<Statement> {
        let asked = self.next_question()?;
        let (sql, params) = self.query(&asked);
        self.asked = Some(asked);
        Some(Statement {
            sql: Arc::from(sql),
            params,
            rows: None,
        })
    }

    fn next_question(&mut self) -> Option<Asked> {
        if let Some((tenant, ids)) = chunk(&mut self.needs.rows) {
            return Some(Asked::Rows(tenant, ids));
        }
        if let Some((tenant, keys)) = chunk(&mut self.needs.keys) {
            let operation = keys.first()?.operation;
            let (now, later): (Vec<_>, Vec<_>) =
                keys.into_iter().partition(|key| key.operation == operation);
            let later = later.into_iter().map(|key| (tenant, key));
            self.needs.keys.extend(later);
            let now = now.into_iter().map(|key| key.key).collect();
            return Some(Asked::Keys(tenant, operation, now));
        }
        if let Some((tenant, keys)) = chunk(&mut self.needs.words) {
            return Some(Asked::Words(tenant, keys));
        }
        if let Some((tenant, ids)) = chunk(&mut self.needs.limits) {
            return Some(Asked::Limits(tenant, ids));
        }
        std::mem::take(&mut self.needs.end).then_some(Asked::End)
    }

    fn query(&self, asked: &Asked) -> (String, Vec<Value>) {
        let listed = self.dialect.one_of("$3");
        let among = |tenant: &Tenant, texts: Vec<String>| {
            let mut params = scope(tenant);
            params.push(Value::List(texts));
            params
        };
        match asked {
            Asked::Rows(tenant, ids) => {
                let lock = self.dialect.for_update();
                let sql = format!(
                    "SELECT {COLUMNS} FROM transfers
                     WHERE partner_id = $1 AND livemode = $2 AND transfer_id {listed}
                     ORDER BY transfer_id{lock}"
                );
                (sql, among(tenant, texts(ids)))
            }
            Asked::Keys(tenant, operation, keys) => {
                let sql = format!(
                    "SELECT idempotency_key FROM idempotency_keys
                     WHERE partner_id = $1 AND livemode = $2 AND operation = $4
                         AND idempotency_key {listed}"
                );
                let mut params = among(tenant, keys.clone());
                params.push((*operation).into());
                (sql, params)
            }
            Asked::Words(tenant, keys) => {
                // A step's own key begins with its transfer, but only the table knows how.
                let ids: BTreeSet<_> = keys
                    .iter()
                    .filter_map(|key| key.parse::<StepKey>().ok())
                    .map(|key| key.transfer.to_string())
                    .collect();
                let sql = format!(
                    "SELECT step_key, rail, network_code FROM rail_attempts
                     WHERE partner_id = $1 AND livemode = $2 AND transfer_id {listed}
                         AND step_key {} AND state = 'rejected' AND network_code IS NOT NULL
                     ORDER BY step_key, attempt",
                    self.dialect.one_of("$4")
                );
                let mut params = among(tenant, ids.into_iter().collect());
                params.push(Value::List(keys.clone()));
                (sql, params)
            }
            Asked::Limits(tenant, ids) => {
                let sql = format!(
                    "SELECT h.transfer_id, h.id FROM holds h
                     JOIN accounts a ON a.partner_id = h.partner_id AND a.livemode = h.livemode
                         AND a.id = h.account_id
                     WHERE h.partner_id = $1 AND h.livemode = $2 AND h.transfer_id {listed}
                         AND h.state = 'open' AND a.purpose = 'limit'
                     ORDER BY h.id"
                );
                (sql, among(tenant, texts(ids)))
            }
            Asked::End => (outbox::end(self.dialect), params![]),
        }
    }

    pub(super) fn answered(&mut self, asked: Asked, rows: &[Row]) -> Result<(), DbError> {
        match asked {
            Asked::Rows(tenant, ids) => {
                for row in rows {
                    let stored = Stored::read(row).map_err(unreadable)?;
                    let named = (tenant, stored.transfer.id);
                    let written = stored.transfer.version;
                    self.set(named, Some(Slot { stored, written }));
                }
                for id in ids {
                    if !self.rows.contains_key(&(tenant, id)) {
                        self.set((tenant, id), None);
                    }
                }
            }
            Asked::Keys(tenant, operation, keys) => {
                let there: BTreeSet<_> = rows
                    .iter()
                    .map(|row| row.text("idempotency_key"))
                    .collect::<Result<_, _>>()?;
                for key in keys {
                    let taken = there.contains(&key);
                    self.taken.insert((tenant, Key { operation, key }), taken);
                }
            }
            Asked::Words(tenant, keys) => self.words_are(tenant, &keys, rows)?,
            Asked::Limits(tenant, ids) => {
                let mut holds: BTreeMap<TransferId, Vec<_>> =
                    ids.into_iter().map(|id| (id, Vec::new())).collect();
                for row in rows {
                    let id = row.parse("transfer_id")?;
                    holds.entry(id).or_default().push(row.parse("id")?);
                }
                let holds = holds.into_iter().map(|(id, holds)| ((tenant, id), holds));
                self.limits.extend(holds);
            }
            Asked::End => {
                let end = rows.first().map(|row| row.int("position"));
                self.end = end.transpose()?;
            }
        }
        Ok(())
    }

    /// The newest refusal of a step comes last, and counts.
    fn words_are(&mut self, tenant: Tenant, keys: &[String], rows: &[Row]) -> Result<(), DbError> {
        for key in keys {
            let key = key
                .parse()
                .map_err(|_| DbError::column("step_key", "a step's key", "other text"))?;
            self.words.insert((tenant, key), None);
        }
        for row in rows {
            let word = NetworkStatus {
                scheme: row.parse("rail")?,
                code: row.text("network_code")?,
            };
            self.words
                .insert((tenant, row.parse("step_key")?), Some(word));
        }
        Ok(())
    }
}

fn texts(ids: &[TransferId]) -> Vec<String> {
    ids.iter().map(TransferId::to_string).collect()
}

fn unreadable(error: crate::StoreError) -> DbError {
    match error {
        crate::StoreError::Database(error) => error,
        _ => row::damaged("metadata", "what this version has written"),
    }
}

/// Takes the first tenant's elements, at most as many as the longest list.
fn chunk<T: Ord + Clone>(set: &mut BTreeSet<(Tenant, T)>) -> Option<(Tenant, Vec<T>)> {
    let tenant = set.first()?.0;
    let mut some = Vec::new();
    while some.len() < LONGEST
        && let Some(first) = set.first()
        && first.0 == tenant
    {
        some.extend(set.pop_first().map(|(_, one)| one));
    }
    Some((tenant, some))
}
