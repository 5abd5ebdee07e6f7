//! The model: no disk, no index, every answer by looking at everything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::Opens;
use crate::store::*;
use crate::visibility::{Compare, Field, Value};

#[derive(Clone, Debug, Default)]
pub(super) struct Model(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    heads: BTreeMap<i64, Head>,
    records: BTreeMap<i64, BTreeMap<i64, Bytes>>,
    schedules: BTreeMap<i64, ScheduleRow>,
}

impl Model {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, wanted: impl Fn(&Head) -> bool) -> Option<Head> {
        let kept = self.kept();
        let mut newest_first = kept.heads.values().rev();
        newest_first.find(|head| wanted(head)).cloned()
    }

    fn matching(&self, namespace: i64, filter: &Filter) -> Vec<Head> {
        let kept = self.kept();
        let of_namespace = kept.heads.values();
        of_namespace
            .filter(|head| head.namespace == namespace && matches(head, filter))
            .cloned()
            .collect()
    }
}

/// As much of the query language as stores are asked here; its own tests are beside it.
fn matches(head: &Head, filter: &Filter) -> bool {
    match filter {
        Filter::Everything => true,
        Filter::Is(Field::Status, Compare::Equal, Value::Integer(status)) => {
            i64::from(head.status) == *status
        }
        other => panic!("the model knows no {other:?}"),
    }
}

pub(super) fn position(head: &Head) -> (i64, i64, i64) {
    let closed_at = head.closed_at.unwrap_or(NOT_CLOSED);
    (closed_at, head.started_at, head.row)
}

impl Opens for Model {
    type Committer = Self;

    fn open(&mut self) -> (Self, Arc<dyn Reader>) {
        (self.clone(), Arc::new(self.clone()))
    }
}

impl Committer for Model {
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let mut kept = self.kept();
        for change in changes.iter().cloned() {
            match change {
                Change::Head(head) => {
                    kept.heads.insert(head.row, *head);
                }
                Change::Record { row, number, body } | Change::Instead { row, number, body } => {
                    kept.records.entry(row).or_default().insert(number, body);
                }
                Change::Schedule(schedule) => {
                    kept.schedules.insert(schedule.row, *schedule);
                }
                Change::ScheduleGone(row) => {
                    kept.schedules.remove(&row);
                }
                other @ Change::Namespace(_) => panic!("the model knows no {other:?}"),
            }
        }
        Ok(())
    }
}

impl Reader for Model {
    fn latest(&self, namespace: i64, workflow_id: &str) -> Result<Option<Head>, StoreError> {
        Ok(self.find(|head| head.namespace == namespace && head.workflow_id == workflow_id))
    }

    fn run(
        &self,
        namespace: i64,
        workflow_id: &str,
        run_id: &str,
    ) -> Result<Option<Head>, StoreError> {
        Ok(self.find(|head| {
            (head.namespace, &*head.workflow_id, &*head.run_id) == (namespace, workflow_id, run_id)
        }))
    }

    fn started_by(
        &self,
        namespace: i64,
        workflow_id: &str,
        request_id: &str,
    ) -> Result<Option<String>, StoreError> {
        let started = self.find(|head| {
            let of = (head.namespace, &*head.workflow_id, &*head.started_by);
            of == (namespace, workflow_id, request_id)
        });
        Ok(started.map(|head| head.run_id))
    }

    fn by_row(&self, row: i64) -> Result<Option<Head>, StoreError> {
        Ok(self.find(|head| head.row == row))
    }

    fn stretch(&self, row: i64, from: i64, bytes: usize) -> Result<Vec<Bytes>, StoreError> {
        let kept = self.kept();
        let of_run = kept.records.get(&row).into_iter().flatten();
        let (mut bodies, mut taken) = (Vec::new(), 0_usize);
        for (_, body) in of_run.filter(|(number, _)| **number >= from) {
            taken = taken.saturating_add(body.len());
            bodies.push(body.clone());
            if taken >= bytes {
                break;
            }
        }
        Ok(bodies)
    }

    fn agendas(&self, visit: &mut dyn FnMut(i64, Due)) -> Result<(), StoreError> {
        for head in self.kept().heads.values() {
            match (head.agenda.ready, head.agenda.wake_at) {
                (true, _) => visit(head.row, Due::AtOnce),
                (false, Some(at)) => visit(head.row, Due::At(at)),
                (false, None) => {}
            }
        }
        Ok(())
    }

    fn list(
        &self,
        namespace: i64,
        filter: &Filter,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<Vec<Head>, StoreError> {
        let mut all = self.matching(namespace, filter);
        all.sort_by_key(|head| std::cmp::Reverse(position(head)));
        let after = after.map(|at| (at.closed_at, at.started_at, at.row));
        all.retain(|head| after.is_none_or(|after| position(head) < after));
        all.truncate(limit);
        Ok(all)
    }

    fn count(&self, namespace: i64, filter: &Filter) -> Result<Vec<(i32, i64)>, StoreError> {
        let mut by_status = BTreeMap::new();
        for head in self.matching(namespace, filter) {
            *by_status.entry(head.status).or_default() += 1;
        }
        Ok(by_status.into_iter().collect())
    }

    fn schedule(&self, namespace: i64, id: &str) -> Result<Option<ScheduleRow>, StoreError> {
        let kept = self.kept();
        let mut all = kept.schedules.values();
        let found = all.find(|row| row.namespace == namespace && row.schedule_id == id);
        Ok(found.cloned())
    }

    fn schedule_key(&self, row: i64) -> Result<Option<(i64, String)>, StoreError> {
        let kept = self.kept();
        let found = kept.schedules.get(&row);
        Ok(found.map(|row| (row.namespace, row.schedule_id.clone())))
    }

    fn due_schedules(&self, visit: &mut dyn FnMut(i64, Option<i64>)) -> Result<(), StoreError> {
        for row in self.kept().schedules.values() {
            match (row.busy, row.wake_at) {
                (true, _) => visit(row.row, None),
                (false, Some(at)) => visit(row.row, Some(at)),
                (false, None) => {}
            }
        }
        Ok(())
    }

    fn schedules(
        &self,
        namespace: i64,
        filter: &Filter,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<Vec<ScheduleRow>, StoreError> {
        assert_eq!(*filter, Filter::Everything);
        let kept = self.kept();
        let place = |row: &ScheduleRow| (NOT_CLOSED, row.created_at, row.row);
        let after = after.map(|at| (at.closed_at, at.started_at, at.row));
        let mut all: Vec<_> = kept.schedules.values().cloned().collect();
        all.retain(|row| {
            row.namespace == namespace && after.is_none_or(|after| place(row) < after)
        });
        all.sort_by_key(|row| std::cmp::Reverse(place(row)));
        all.truncate(limit);
        Ok(all)
    }

    fn count_schedules(&self, namespace: i64, filter: &Filter) -> Result<i64, StoreError> {
        let all = self.schedules(namespace, filter, None, usize::MAX)?;
        Ok(i64::try_from(all.len()).unwrap_or(0))
    }
}
