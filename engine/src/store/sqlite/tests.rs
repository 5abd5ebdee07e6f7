//! The store against a real file: what is kept, what is refused, what is noticed.

use bytes::Bytes;

use super::*;
use crate::store::{Agenda, Change, Committer, Due, Head, ListPosition, Reader};
use crate::visibility::{self, Filter};

fn head(row: i64, workflow_id: &str, status: i32) -> Head {
    Head {
        row,
        namespace: 1,
        workflow_id: workflow_id.to_owned(),
        run_id: format!("run-{row}"),
        status,
        started_at: row * 10,
        closed_at: (status != 1).then_some(row * 10 + 5),
        search_values: r#"{"Customer":"anna","Tags":["a","b"]}"#.into(),
        ..Head::default()
    }
}

fn record(row: i64, number: i64) -> Change {
    Change::Record {
        row,
        number,
        body: Bytes::from_static(b"something that happened"),
    }
}

#[test]
fn keeps_runs_and_records_and_counts_its_boots() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.db");
    let mut first = open(&path, [7; 32]).unwrap();
    let mut kept = head(1, "w", 1);
    kept.agenda = Agenda {
        wake_at: Some(42),
        ready: true,
        records: 2,
    };
    first
        .committer
        .commit(&[
            Change::Head(Box::new(kept.clone())),
            record(1, 0),
            record(1, 1),
        ])
        .unwrap();
    let epoch = first.epoch;
    drop(first);

    let second = open(&path, [9; 32]).unwrap();
    assert_eq!(second.epoch, epoch + 1);
    assert_eq!(second.token_key, [7; 32]);
    assert_eq!(second.last_row, 1);
    assert_eq!(second.reader.latest(1, "w").unwrap(), Some(kept));
    assert_eq!(second.reader.records(1).unwrap().len(), 2);
    let mut agendas = Vec::new();
    second
        .reader
        .agendas(&mut |row, due| agendas.push((row, due)))
        .unwrap();
    assert_eq!(agendas, [(1, Due::AtOnce)]);
}

#[test]
fn a_store_of_a_newer_version_is_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.db");
    let db = Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let before = std::fs::read(&path).unwrap();
    let error = open(&path, [0; 32]).unwrap_err();
    assert!(matches!(
        error,
        SqliteOpenError::Newer(Newer { found: 99, .. })
    ));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_flipped_byte_and_a_missing_record_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.db");
    let mut store = open(&path, [0; 32]).unwrap();
    let all = [record(1, 0), record(2, 0), record(2, 1)];
    store.committer.commit(&all).unwrap();
    let db = Connection::open(&path).unwrap();
    db.execute("UPDATE records SET body = x'00' WHERE run = 1", [])
        .unwrap();
    db.execute("DELETE FROM records WHERE run = 2 AND number = 0", [])
        .unwrap();
    for row in [1, 2] {
        assert!(matches!(
            store.reader.records(row),
            Err(StoreError::Corrupt(_))
        ));
    }
}

fn found(store: &Opened, query: &str) -> Vec<String> {
    let filter = visibility::parse(query).unwrap();
    let heads = store.reader.list(1, &filter, None, 10).unwrap();
    heads.into_iter().map(|head| head.workflow_id).collect()
}

#[test]
fn lists_what_a_filter_asks_for_in_pages() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir.path().join("engine.db"), [0; 32]).unwrap();
    let heads = [
        head(1, "old", 2),
        head(2, "new", 3),
        head(3, "open", 1),
        head(4, "other", 1),
    ];
    let changes: Vec<_> = heads
        .into_iter()
        .map(|head| Change::Head(Box::new(head)))
        .collect();
    store.committer.commit(&changes).unwrap();

    assert_eq!(found(&store, ""), ["other", "open", "new", "old"]);
    assert_eq!(
        found(
            &store,
            "ExecutionStatus = 'Running' AND WorkflowId != 'other'"
        ),
        ["open"]
    );
    assert_eq!(found(&store, "WorkflowId STARTS_WITH 'o'").len(), 3);
    assert_eq!(found(&store, "CloseTime IS NOT NULL"), ["new", "old"]);
    assert_eq!(found(&store, "Customer = 'anna' AND Tags = 'b'").len(), 4);
    assert_eq!(
        found(&store, "Customer = 'bob' OR RunId IN ('run-1')"),
        ["old"]
    );
    assert!(found(&store, "Nobody = 1").is_empty());

    let page = store.reader.list(1, &Filter::Everything, None, 3).unwrap();
    let last = page.last().unwrap();
    let after = ListPosition {
        closed_at: last.closed_at.unwrap(),
        started_at: last.started_at,
        row: last.row,
    };
    let rest = store
        .reader
        .list(1, &Filter::Everything, Some(after), 3)
        .unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].workflow_id, "old");
    let by_status = store.reader.count(1, &Filter::Everything).unwrap();
    assert_eq!(by_status, [(1, 2), (2, 1), (3, 1)]);
}

#[test]
fn a_run_of_a_long_chain_is_found_without_a_look_at_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.db");
    drop(open(&path, [0; 32]).unwrap());
    let plan: String = rusqlite::Connection::open(&path)
        .unwrap()
        .query_row(
            &format!(
                "EXPLAIN QUERY PLAN {}",
                read::of_run("run_id <> first_run_id")
            ),
            (1, "w", "r"),
            |row| row.get(3),
        )
        .unwrap();
    assert!(plan.contains("runs_of_chains"), "{plan}");
    assert!(plan.contains("run_id=?"), "{plan}");
}
