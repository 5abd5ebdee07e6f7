//! What every store must do, whatever it lies on: a simple model in memory says what is right, and
//! a store that is asked the same must answer the same. A new store is one more line at the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::sqlite;
use super::*;
use crate::outage::Chance;
use crate::visibility::{Compare, Field, Value};

/// Whatever opens as the two halves of a store.
trait Opens {
    type Committer: Committer;

    /// Opens it, or opens it again after a restart.
    fn open(&mut self) -> (Self::Committer, Arc<dyn Reader>);
}

/// The model: no disk, no index, every answer by looking at everything.
#[derive(Clone, Debug, Default)]
struct Model(Arc<Mutex<Kept>>);

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

fn position(head: &Head) -> (i64, i64, i64) {
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
                Change::Record { row, number, body } => {
                    kept.records.entry(row).or_default().insert(number, body);
                }
                Change::Schedule(row) => {
                    kept.schedules.insert(row.row, *row);
                }
                Change::ScheduleGone(row) => drop(kept.schedules.remove(&row)),
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

    fn by_row(&self, row: i64) -> Result<Option<Head>, StoreError> {
        Ok(self.find(|head| head.row == row))
    }

    fn records(&self, row: i64) -> Result<Vec<Bytes>, StoreError> {
        let kept = self.kept();
        let of_run = kept.records.get(&row).into_iter().flatten();
        Ok(of_run.map(|(_, body)| body.clone()).collect())
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
            if row.busy || row.wake_at.is_some() {
                visit(row.row, row.wake_at.filter(|_| !row.busy));
            }
        }
        Ok(())
    }

    fn schedules(
        &self,
        namespace: i64,
        _filter: &Filter,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<Vec<ScheduleRow>, StoreError> {
        let kept = self.kept();
        let mut all: Vec<_> = kept.schedules.values().cloned().collect();
        all.retain(|row| row.namespace == namespace);
        all.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.row)));
        let after = after.map(|at| (at.started_at, at.row));
        all.retain(|row| after.is_none_or(|after| (row.created_at, row.row) < after));
        all.truncate(limit);
        Ok(all)
    }

    fn count_schedules(&self, namespace: i64, filter: &Filter) -> Result<i64, StoreError> {
        let all = self.schedules(namespace, filter, None, usize::MAX)?;
        Ok(i64::try_from(all.len()).unwrap_or(i64::MAX))
    }
}

const NAMESPACES: i64 = 2;

/// Changes as the engine makes them: rows grow, records have no gap, a head follows its records.
struct Life {
    chance: Chance,
    heads: Vec<Head>,
}

impl Life {
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.chance.below(end as u64)).unwrap_or(0)
    }

    fn some(&mut self, end: i64) -> i64 {
        i64::try_from(self.chance.below(end.unsigned_abs())).unwrap_or(0)
    }

    fn commit(&mut self) -> Vec<Change> {
        let steps = 1 + self.below(5);
        (0..steps).flat_map(|_| self.step()).collect()
    }

    fn step(&mut self) -> Vec<Change> {
        let at = match self.heads.is_empty() || self.below(4) == 0 {
            true => self.begin(),
            false => self.below(self.heads.len()),
        };
        let grown = 1 + self.below(3);
        let (wake_at, ready) = (self.some(1_000), self.below(3) == 0);
        let bytes = [0, 1, 100, 9_000][self.below(4)];
        let closes = self.below(5) == 0;
        let (status, later) = (2 + self.some(5), self.some(50));
        let head = &mut self.heads[at];
        if head.status != 1 {
            return Vec::new();
        }
        let records = (0..grown).map(|_| {
            let number = head.agenda.records;
            head.agenda.records += 1;
            Change::Record {
                row: head.row,
                number,
                body: vec![u8::try_from(number % 251).unwrap_or(0); bytes].into(),
            }
        });
        let mut changes: Vec<Change> = records.collect();
        head.history_length = head.agenda.records * 2;
        head.history_bytes += i64::try_from(bytes).unwrap_or(0);
        head.agenda.wake_at = (wake_at % 2 == 0).then_some(wake_at);
        head.agenda.ready = ready;
        head.memo = vec![1; usize::from(ready)].into();
        if closes {
            head.status = i32::try_from(status).unwrap_or(2);
            head.closed_at = Some(head.started_at + later);
            head.agenda.wake_at = None;
            head.agenda.ready = false;
        }
        changes.push(Change::Head(Box::new(head.clone())));
        changes
    }

    fn begin(&mut self) -> usize {
        let row = i64::try_from(self.heads.len()).unwrap_or(0) + 1;
        let head = Head {
            row,
            namespace: 1 + self.some(NAMESPACES),
            // Names come again, also in the other namespace.
            workflow_id: format!("w{}", self.below(6)),
            run_id: format!("run-{row}"),
            first_run_id: "first".to_owned(),
            started_by: "request".to_owned(),
            workflow_type: "flow".to_owned(),
            task_queue: "queue ✓".to_owned(),
            status: 1,
            started_at: self.some(40),
            execution_at: row,
            search_values: "{}".into(),
            ..Head::default()
        };
        self.heads.push(head);
        self.heads.len() - 1
    }
}

/// Everything that a reader can be asked about this life.
fn compare(right: &dyn Reader, asked: &dyn Reader, life: &Life) {
    for head in &life.heads {
        let (namespace, id) = (head.namespace, head.workflow_id.as_str());
        let latest = asked.latest(namespace, id).unwrap();
        assert_eq!(latest, right.latest(namespace, id).unwrap());
        let run = asked.run(namespace, id, &head.run_id).unwrap();
        assert_eq!(run.as_ref(), Some(head));
        let elsewhere = asked.run(NAMESPACES + 1 - namespace, id, &head.run_id);
        assert_eq!(elsewhere.unwrap(), None);
        assert_eq!(asked.by_row(head.row).unwrap().as_ref(), Some(head));
        let records = asked.records(head.row).unwrap();
        assert_eq!(records, right.records(head.row).unwrap());
    }
    let none = i64::try_from(life.heads.len()).unwrap_or(0) + 1;
    assert_eq!(asked.by_row(none).unwrap(), None);
    assert!(asked.records(none).unwrap().is_empty());
    let due = |reader: &dyn Reader| {
        let mut all = Vec::new();
        reader.agendas(&mut |row, at| all.push((row, at))).unwrap();
        all
    };
    assert_eq!(due(asked), due(right));
    let open = Filter::Is(Field::Status, Compare::Equal, Value::Integer(1));
    for (namespace, filter) in [
        (1, &Filter::Everything),
        (2, &Filter::Everything),
        (2, &open),
    ] {
        let counts = asked.count(namespace, filter).unwrap();
        assert_eq!(counts, right.count(namespace, filter).unwrap());
        let mut after = None;
        loop {
            let page = asked.list(namespace, filter, after, 3).unwrap();
            assert_eq!(page, right.list(namespace, filter, after, 3).unwrap());
            let Some(last) = page.last() else { break };
            let (closed_at, started_at, row) = position(last);
            after = Some(ListPosition {
                closed_at,
                started_at,
                row,
            });
        }
    }
}

fn conforms(mut store: impl Opens, seed: u64) {
    println!("seed {seed}");
    let mut life = Life {
        chance: Chance::new(seed),
        heads: Vec::new(),
    };
    let (mut model, right) = Model::default().open();
    let (mut committer, mut reader) = store.open();
    for round in 0..30 {
        let changes = life.commit();
        model.commit(&changes).unwrap();
        committer.commit(&changes).unwrap();
        committer.tidy().unwrap();
        compare(right.as_ref(), reader.as_ref(), &life);
        if round % 10 == 9 {
            drop((committer, reader));
            (committer, reader) = store.open();
            compare(right.as_ref(), reader.as_ref(), &life);
        }
    }
}

/// What was committed once is never changed: a store refuses to.
fn refuses_a_second_record_of_the_same_number(mut store: impl Opens) {
    let (mut committer, reader) = store.open();
    let record = |body: &'static [u8]| Change::Record {
        row: 1,
        number: 0,
        body: Bytes::from_static(body),
    };
    committer.commit(&[record(b"first")]).unwrap();
    let head = Head {
        row: 9,
        ..Head::default()
    };
    let both = [Change::Head(Box::new(head)), record(b"second")];
    assert!(committer.commit(&both).is_err());
    // All of a commit or nothing.
    assert_eq!(reader.by_row(9).unwrap(), None);
    assert_eq!(reader.records(1).unwrap(), [&b"first"[..]]);
}

struct Sqlite(tempfile::TempDir);

impl Opens for Sqlite {
    type Committer = sqlite::SqliteCommitter;

    fn open(&mut self) -> (Self::Committer, Arc<dyn Reader>) {
        let store = sqlite::open(&self.0.path().join("engine.db"), [0; 32]).unwrap();
        (store.committer, Arc::new(store.reader))
    }
}

#[test]
fn sqlite_conforms() {
    let fresh = || Sqlite(tempfile::tempdir().unwrap());
    for seed in [1, 2, u64::from_be_bytes(ambient::fill().unwrap())] {
        conforms(fresh(), seed);
    }
    refuses_a_second_record_of_the_same_number(fresh());
}

#[test]
fn the_model_conforms_to_itself() {
    conforms(Model::default(), 1);
}
