//! What every store must do, whatever it lies on: a simple model in memory says what is right, and
//! a store that is asked the same must answer the same. A new store is one more line at the end.

mod model;

use std::sync::Arc;

use bytes::Bytes;

use model::{Model, position};

use super::*;
use crate::outage::Chance;
use crate::visibility::{Compare, Field, Value};

/// Whatever opens as the two halves of a store.
trait Opens {
    type Committer: Committer;

    /// Opens it, or opens it again after a restart.
    fn open(&mut self) -> (Self::Committer, Arc<dyn Reader>);
}

const NAMESPACES: i64 = 2;

/// Changes as the engine makes them: rows grow, records have no gap, a head follows its records.
struct Life {
    chance: Chance,
    heads: Vec<Head>,
    schedules: Vec<ScheduleRow>,
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
        let mut changes: Vec<Change> = (0..steps).flat_map(|_| self.step()).collect();
        changes.push(self.schedule());
        changes
    }

    /// A schedule that is new, has moved, or is gone. Its row never comes again.
    fn schedule(&mut self) -> Change {
        let at = self.below(6);
        if at == 5 && !self.schedules.is_empty() {
            let last = self.schedules.swap_remove(0);
            return Change::ScheduleGone(last.row);
        }
        let row = 1 + i64::try_from(self.below(1 << 40)).unwrap_or(0);
        let at = match at < self.schedules.len() {
            true => at,
            false => {
                self.schedules.push(ScheduleRow {
                    row,
                    namespace: 1 + row % NAMESPACES,
                    schedule_id: format!("schedule-{row}"),
                    created_at: row % 7,
                    search_values: "{}".to_owned(),
                    ..ScheduleRow::default()
                });
                self.schedules.len() - 1
            }
        };
        let (wake_at, busy) = (self.some(9), self.below(3) == 0);
        let schedule = &mut self.schedules[at];
        schedule.wake_at = (wake_at > 4).then_some(wake_at);
        schedule.busy = busy;
        schedule.body = format!("state at {wake_at}").into();
        Change::Schedule(Box::new(schedule.clone()))
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
        let rewrites = self.below(3) == 0;
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
        if rewrites {
            changes.push(Change::Instead {
                row: head.row,
                number: head.agenda.records - 1,
                body: format!("instead, at {wake_at}").into(),
            });
        }
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
        for (from, bytes) in [(1, 1), (2, 150), (head.agenda.records, usize::MAX)] {
            let stretch = asked.stretch(head.row, from, bytes).unwrap();
            assert_eq!(stretch, right.stretch(head.row, from, bytes).unwrap());
        }
    }
    let none = i64::try_from(life.heads.len()).unwrap_or(0) + 1;
    assert_eq!(asked.by_row(none).unwrap(), None);
    assert!(asked.records(none).unwrap().is_empty());
    compare_schedules(right, asked, life);
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

fn compare_schedules(right: &dyn Reader, asked: &dyn Reader, life: &Life) {
    for row in &life.schedules {
        let (namespace, id) = (row.namespace, row.schedule_id.as_str());
        assert_eq!(asked.schedule(namespace, id).unwrap().as_ref(), Some(row));
        let elsewhere = asked.schedule(NAMESPACES + 1 - namespace, id);
        assert_eq!(elsewhere.unwrap(), None);
        let key = asked.schedule_key(row.row).unwrap();
        assert_eq!(key, Some((namespace, id.to_owned())));
    }
    assert_eq!(asked.schedule_key(0).unwrap(), None);
    let due = |reader: &dyn Reader| {
        let mut all = Vec::new();
        let mut visit = |row, at| all.push((row, at));
        reader.due_schedules(&mut visit).unwrap();
        all
    };
    assert_eq!(due(asked), due(right));
    let all = &Filter::Everything;
    for namespace in 1..=NAMESPACES {
        let count = asked.count_schedules(namespace, all).unwrap();
        assert_eq!(count, right.count_schedules(namespace, all).unwrap());
        let mut after = None;
        loop {
            let page = asked.schedules(namespace, all, after, 2).unwrap();
            assert_eq!(page, right.schedules(namespace, all, after, 2).unwrap());
            let Some(last) = page.last() else { break };
            after = Some(ListPosition {
                closed_at: NOT_CLOSED,
                started_at: last.created_at,
                row: last.row,
            });
        }
    }
}

fn conforms(mut store: impl Opens, seed: u64) {
    println!("seed {seed}");
    let mut life = Life {
        chance: Chance::new(seed),
        heads: Vec::new(),
        schedules: Vec::new(),
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
