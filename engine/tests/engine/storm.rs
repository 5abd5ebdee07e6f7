//! Many workflows at once while engine and workers are killed again and again, at any moment:
//! `cargo test -p engine --test engine storm -- --ignored`.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use ambient::SystemClock;
use engine::Door;
use temporalio_common::protos::temporal::api::common::v1::RetryPolicy;
use temporalio_common::protos::temporal::api::enums::v1::{EventType, WorkflowExecutionStatus};
use temporalio_common::protos::temporal::api::workflowservice::v1::*;

use crate::raw::{NAMESPACE, complete, finish, poll, poll_activity, schedule, start, started};
use crate::stage::{call, describe, history, open, until};

const STORE: &str = "ENGINE_TEST_STORM_STORE";

/// Workers, until a poll comes back empty as the engine closes, that decide by what history says: one activity that may run once, then the end.
fn work(door: &Door, ran: &Path) {
    for _ in 0..4 {
        let decider = door.clone();
        tokio::spawn(async move {
            loop {
                let task = poll(&decider).await;
                let Some(history) = task.history else {
                    return;
                };
                let is_over = |kind| {
                    let over = [
                        EventType::ActivityTaskCompleted,
                        EventType::ActivityTaskTimedOut,
                    ];
                    over.contains(&kind)
                };
                // A refusal is a task that was lost meanwhile; it comes again.
                let _lost = if history.events.iter().any(|e| is_over(e.event_type())) {
                    complete(&decider, task.task_token, finish()).await
                } else {
                    let mut once = schedule();
                    once.start_to_close_timeout = Some(Duration::from_secs(2).try_into().unwrap());
                    once.retry_policy = Some(RetryPolicy {
                        maximum_attempts: 1,
                        ..Default::default()
                    });
                    complete(&decider, task.task_token, once).await
                };
            }
        });
        let (actor, ran) = (door.clone(), ran.to_owned());
        tokio::spawn(async move {
            let mut ran = OpenOptions::new()
                .create(true)
                .append(true)
                .open(ran)
                .unwrap();
            loop {
                let task = poll_activity(&actor).await;
                let Some(execution) = task.workflow_execution else {
                    return;
                };
                ran.write_all(format!("{}\n", execution.workflow_id).as_bytes())
                    .unwrap();
                let request = RespondActivityTaskCompletedRequest {
                    namespace: NAMESPACE.to_owned(),
                    task_token: task.task_token,
                    ..Default::default()
                };
                let _lost: Result<RespondActivityTaskCompletedResponse, _> =
                    call(&actor, "RespondActivityTaskCompleted", &request).await;
            }
        });
    }
}

/// Not a test of its own: what is killed.
#[test]
fn child() {
    let Some(path) = std::env::var_os(STORE).map(PathBuf::from) else {
        return;
    };
    let tokio = tokio::runtime::Runtime::new().unwrap();
    tokio.block_on(async {
        let engine = open(&path, SystemClock::shared()).await;
        let door = engine.door();
        work(&door, &path.with_extension("ran"));
        let starters = (0..8).map(async |starter| {
            for n in 0.. {
                let id = format!("{}-{starter}-{n}", std::process::id());
                let run = started(&door, &start(&id)).await.unwrap().run_id;
                println!("ACCEPTED {id} {run}");
            }
        });
        futures_util::future::join_all(starters).await;
    });
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "half a minute of load"]
async fn what_was_accepted_ends_once_and_no_bounded_activity_runs_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.db");
    let mut accepted = BTreeMap::new();
    for round in 0..12_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["storm::child", "--exact", "--nocapture"])
            .env(STORE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            lines
                .filter_map(|line| {
                    let (_, told) = line.split_once("ACCEPTED ")?;
                    let (id, run) = told.split_once(' ')?;
                    // The last line may have been cut by the kill.
                    (run.len() == 36).then(|| (id.to_owned(), run.to_owned()))
                })
                .collect::<Vec<_>>()
        });
        tokio::time::sleep(Duration::from_millis(200 + round * 137 % 900)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        accepted.extend(reader.join().unwrap());
    }
    println!("{} accepted", accepted.len());
    let engine = open(&path, SystemClock::shared()).await;
    let door = engine.door();
    let ran = path.with_extension("ran");
    work(&door, &ran);
    for (id, run) in &accepted {
        until("the workflow ends", || async {
            let info = describe(&door, id).await.unwrap().workflow_execution_info;
            info.unwrap().status() == WorkflowExecutionStatus::Completed
        })
        .await;
        let info = describe(&door, id).await.unwrap().workflow_execution_info;
        assert_eq!(&info.unwrap().execution.unwrap().run_id, run);
        let events = history(&door, id).await;
        for (expected, event) in (1..).zip(&events) {
            assert_eq!(event.event_id, expected, "{id}");
        }
        let of = |kind| events.iter().filter(|e| e.event_type() == kind).count();
        assert_eq!(of(EventType::ActivityTaskScheduled), 1, "{id}");
        assert_eq!(of(EventType::WorkflowExecutionCompleted), 1, "{id}");
    }
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    let ran = std::fs::read_to_string(ran).unwrap();
    for id in ran.lines() {
        *times.entry(id).or_default() += 1;
    }
    times.retain(|_, times| *times > 1);
    assert!(times.is_empty(), "ran more than once: {times:?}");
}
