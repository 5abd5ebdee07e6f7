//! What a transaction changed, as a few large statements: accepted orders with their keys, one update
//! for all rows that moved, what is known to run, history, events.

use std::collections::BTreeMap;

use db::{Cell, Form, Kind, Rows, Statement, Step, Value, Whose};
use domain::Tenant;

use super::forms::{MOVES, ORDERS};
use super::{Named, Register, Undo};
use crate::{row, scope};

static HISTORY: Form = Form::inserts(
    "transfer_status_history",
    &[
        ("partner_id", Kind::Text),
        ("livemode", Kind::Int),
        ("transfer_id", Kind::Text),
        ("sequence", Kind::Int),
        ("status", Kind::Text),
        ("cause", Kind::Text),
        ("actor", Kind::Text),
        ("note", Kind::Text),
        ("happening", Kind::Text),
        ("entry_id", Kind::Text),
        ("at", Kind::Int),
    ],
);

static EVENTS: Form = Form::inserts(
    "outbox",
    &[
        ("partner_id", Kind::Text),
        ("livemode", Kind::Int),
        ("transfer_id", Kind::Text),
        ("sequence", Kind::Int),
        ("event_id", Kind::Text),
        ("kind", Kind::Text),
        ("data", Kind::Text),
        ("at", Kind::Int),
        ("position", Kind::Int),
    ],
);

static KEYS: Form = Form::inserts(
    "idempotency_keys",
    &[
        ("partner_id", Kind::Text),
        ("livemode", Kind::Int),
        ("operation", Kind::Text),
        ("idempotency_key", Kind::Text),
        ("transfer_id", Kind::Text),
        ("subject_id", Kind::Text),
        ("sealed_command", Kind::Bytes),
        ("created_at", Kind::Int),
    ],
);

impl Register {
    pub(super) fn steps(&mut self, whose: Whose) -> Vec<Step> {
        let kept = whose == Whose::Kept;
        let mut out = Vec::new();
        many(&mut out, &ORDERS, self.orders.write(kept));
        many(&mut out, &KEYS, self.keys.write(kept));
        let moved = self.moved(kept);
        many(&mut out, &MOVES, &moved);
        let mut started: BTreeMap<Tenant, Vec<String>> = BTreeMap::new();
        for (tenant, id) in self.started.write(kept) {
            started.entry(*tenant).or_default().push(id.to_string());
        }
        let one_of = self.dialect.one_of("$3");
        out.extend(started.into_iter().map(|(tenant, mut ids)| {
            ids.sort();
            let mut params = scope(&tenant);
            params.push(Value::List(ids));
            let sql = format!(
                "UPDATE transfers SET start_pending = 0
                 WHERE partner_id = $1 AND livemode = $2 AND transfer_id {one_of}
                     AND start_pending = 1"
            );
            Step::One(Statement {
                sql: sql.into(),
                params,
                rows: None,
            })
        }));
        many(&mut out, &HISTORY, self.history.write(kept));
        many(&mut out, &EVENTS, self.events.write(kept));
        out
    }

    /// Rows that the database has in an older version, and from now on in this one.
    fn moved(&mut self, kept: bool) -> Vec<Vec<Cell>> {
        let mut rows = Vec::new();
        let mut done: Vec<(Named, i64)> = Vec::new();
        for named in &self.touched {
            // What the running job did with it is not meant: only what was there before.
            let before = self.journal.iter().find(|Undo(of, _)| kept && of == named);
            let slot = match before {
                Some(Undo(_, before)) => before.as_ref().and_then(Option::as_ref),
                None => self.rows.get(named).and_then(Option::as_ref),
            };
            let Some(slot) = slot else { continue };
            let transfer = &slot.stored.transfer;
            if transfer.version != slot.written {
                rows.push(row::move_of(transfer, slot.written));
                done.push((*named, transfer.version));
            }
        }
        for (named, version) in done {
            if let Some(Some(slot)) = self.rows.get_mut(&named) {
                slot.written = version;
            }
            let of_it = self.journal.iter_mut().filter(|Undo(of, _)| *of == named);
            for Undo(_, before) in of_it.filter(|_| kept) {
                if let Some(Some(slot)) = before {
                    slot.written = version;
                }
            }
        }
        rows
    }
}

fn many(out: &mut Vec<Step>, form: &'static Form, rows: &[Vec<Cell>]) {
    if rows.is_empty() {
        return;
    }
    let mut all = Rows::with_room(form, rows.len());
    rows.iter().for_each(|row| all.add(row.clone()));
    out.push(Step::Many(all));
}
