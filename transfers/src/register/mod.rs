//! The transfers' area in a transaction of the writer: rows that jobs look at are fetched and locked
//! together, and what they change is written in a few statements for all of them.
//!
//! Everything inside a transaction that reads or moves a transfer's row, or adds to its history, its
//! events or the idempotency keys, goes through here ([`crate::row`], [`crate::history`],
//! [`crate::outbox`]). A job may have statements of its own beside it: what is held back here is
//! written before each of them, so that it finds the truth. What is fair to decide is said nowhere
//! here.

mod ask;
mod forms;
mod pile;
mod write;

use std::collections::{BTreeSet, HashMap};

use db::{Area, Cell, DbError, Dialect, Row, Statement, Step, Tx, Whose};
use domain::{HoldId, StepKey, Tenant, Timestamp, TransferId};

use crate::NetworkStatus;
use crate::row::{self, Stored};
use ask::{Asked, Needs};
use pile::Pile;

/// A key under which something was accepted, within a tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) operation: &'static str,
    pub(crate) key: String,
}

/// A transfer by its tenant.
pub(crate) type Named = (Tenant, TransferId);

/// A row as it stands in this transaction.
#[derive(Clone, Debug)]
struct Slot {
    stored: Stored,
    /// The version that the database has of it.
    written: i64,
}

/// What was there before; the outer `None`: it was not known.
#[derive(Debug)]
struct Undo(Named, Option<Option<Slot>>);

#[derive(Debug)]
pub(crate) struct Register {
    dialect: Dialect,
    needs: Needs,
    asked: Option<Asked>,
    /// `None`: there is no such transfer.
    rows: HashMap<Named, Option<Slot>>,
    /// Rows that may differ from what the database has.
    touched: BTreeSet<Named>,
    /// Rows that the running job has looked at.
    looked: Vec<Named>,
    /// The running job has statements of its own.
    statements: bool,
    /// What banks called their refusals, where that was asked.
    words: HashMap<(Tenant, StepKey), Option<NetworkStatus>>,
    /// Open holds on limits, where they were asked for.
    limits: HashMap<Named, Vec<HoldId>>,
    /// Which idempotency keys are taken, where that was asked.
    taken: HashMap<(Tenant, Key), bool>,
    /// The last position that the outbox had, and no event of this transaction stands at or before.
    end: Option<i64>,
    orders: Pile<Vec<Cell>>,
    keys: Pile<Vec<Cell>>,
    history: Pile<Vec<Cell>>,
    events: Pile<Vec<Cell>>,
    started: Pile<Named>,
    fresh_keys: Pile<(Tenant, Key)>,
    journal: Vec<Undo>,
}

impl Default for Register {
    fn default() -> Self {
        Self {
            dialect: Dialect::Sqlite,
            needs: Needs::default(),
            asked: None,
            rows: HashMap::new(),
            touched: BTreeSet::new(),
            looked: Vec::new(),
            statements: false,
            words: HashMap::new(),
            limits: HashMap::new(),
            taken: HashMap::new(),
            end: None,
            orders: Pile::default(),
            keys: Pile::default(),
            history: Pile::default(),
            events: Pile::default(),
            started: Pile::default(),
            fresh_keys: Pile::default(),
            journal: Vec::new(),
        }
    }
}

impl Register {
    /// Whether it was looked for.
    pub(crate) fn knows(&self, named: Named) -> bool {
        self.rows.contains_key(&named)
    }

    /// The row, if it was fetched and is there.
    pub(crate) fn row(&self, named: Named) -> Option<&Stored> {
        let slot = self.rows.get(&named)?.as_ref()?;
        Some(&slot.stored)
    }

    fn look(&mut self, named: Named) -> Option<Stored> {
        self.looked.push(named);
        self.row(named).cloned()
    }

    /// A row that was moved on from a version. `false`: it is not what it was taken for.
    pub(crate) fn store(&mut self, stored: Stored, read: i64) -> bool {
        let named = (stored.transfer.tenant, stored.transfer.id);
        let Some(Some(slot)) = self.rows.get(&named) else {
            return false;
        };
        if slot.stored.transfer.version != read {
            return false;
        }
        let written = slot.written;
        self.set(named, Some(Slot { stored, written }));
        true
    }

    fn set(&mut self, named: Named, slot: Option<Slot>) {
        self.touched.insert(named);
        let before = self.rows.insert(named, slot);
        self.journal.push(Undo(named, before));
    }

    pub(crate) fn limits(&self, named: Named) -> Option<&[HoldId]> {
        self.limits.get(&named).map(Vec::as_slice)
    }

    /// The outer `None`: it was not asked for.
    pub(crate) fn word(&self, tenant: Tenant, key: StepKey) -> Option<Option<&NetworkStatus>> {
        self.words.get(&(tenant, key)).map(Option::as_ref)
    }

    pub(crate) fn is_taken(&self, tenant: Tenant, key: &Key) -> bool {
        let named = (tenant, key.clone());
        self.taken.get(&named).copied().unwrap_or(false)
    }

    /// An accepted order, with the key that it came under. Its row is there from now on.
    pub(crate) fn accept(&mut self, stored: Stored, order: Vec<Cell>, key: Key, row: Vec<Cell>) {
        let named = (stored.transfer.tenant, stored.transfer.id);
        // The order is written before anything that follows from it.
        let written = stored.transfer.version;
        self.orders.push(order);
        self.keys.push(row);
        self.set(named, Some(Slot { stored, written }));
        self.taken.insert((named.0, key.clone()), true);
        self.fresh_keys.push((named.0, key));
    }

    pub(crate) fn add_history(&mut self, row: Vec<Cell>) {
        self.history.push(row);
    }

    /// `row`: all but its position, which comes last.
    pub(crate) fn add_event(&mut self, row: Vec<Cell>) -> Result<(), DbError> {
        let end = self
            .end
            .ok_or_else(|| row::damaged("position", "one that was asked for"))?;
        let place =
            i64::try_from(self.events.len()).map_err(|_| row::damaged("position", "room"))?;
        let mut row = row;
        row.push((end + 1 + place).into());
        self.events.push(row);
        Ok(())
    }

    /// Its workflow is known to run.
    pub(crate) fn started(&mut self, named: Named) {
        self.started.push(named);
    }
}

/// Fetches the row, if it is not known, and keeps everybody else from changing it until the
/// transaction ends.
pub(crate) async fn locked(tx: &mut Tx, named: Named) -> Result<Option<Stored>, DbError> {
    tx.area::<Register>().need_row(named);
    tx.settle().await?;
    Ok(tx.area::<Register>().look(named))
}

impl Area for Register {
    fn begin(&mut self, _now: Timestamp, dialect: Dialect) {
        *self = Self {
            dialect,
            ..Self::default()
        };
    }

    fn wants(&mut self) -> Result<Option<Statement>, DbError> {
        Ok(self.next_query())
    }

    fn learn(&mut self, rows: &[Row]) -> Result<(), DbError> {
        match self.asked.take() {
            Some(asked) => self.answered(asked, rows),
            None => Ok(()),
        }
    }

    fn keep(&mut self) {
        self.journal.clear();
        let looked = std::mem::take(&mut self.looked);
        if std::mem::take(&mut self.statements) {
            // It may have changed by a statement what it looked at.
            for named in looked {
                let clean = |slot: &Slot| slot.written == slot.stored.transfer.version;
                if matches!(self.rows.get(&named), Some(Some(slot)) if clean(slot)) {
                    self.rows.remove(&named);
                }
            }
        }
        self.orders.keep();
        self.keys.keep();
        self.history.keep();
        self.events.keep();
        self.started.keep();
        self.fresh_keys.keep();
    }

    fn undo(&mut self) {
        while let Some(Undo(named, before)) = self.journal.pop() {
            match before {
                Some(slot) => drop(self.rows.insert(named, slot)),
                None => drop(self.rows.remove(&named)),
            }
        }
        self.looked.clear();
        // What a job's own statements showed it goes with the job.
        self.words.clear();
        self.limits.clear();
        self.statements = false;
        self.orders.undo();
        self.keys.undo();
        self.history.undo();
        self.events.undo();
        self.started.undo();
        for key in self.fresh_keys.undo() {
            self.taken.insert(key, false);
        }
    }

    fn overdue(&mut self, whose: Whose) -> Result<Vec<Step>, DbError> {
        if whose == Whose::All {
            self.statements = true;
            // Whatever the statement changes, these are asked again.
            self.words.clear();
            self.limits.clear();
        }
        Ok(self.steps(whose))
    }

    fn flush(&mut self) -> Result<Vec<Step>, DbError> {
        Ok(self.steps(Whose::All))
    }
}
