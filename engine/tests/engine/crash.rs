//! SIGKILL in the middle: a child process (this very test binary) runs engine and worker, is
//! killed, and the store it leaves behind is opened here.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ambient::SystemClock;
use temporalio_client::{UntypedWorkflow, WorkflowSignalOptions, WorkflowStartOptions};

use crate::stage::{self, QUEUE, client, open, until, work};
use crate::workflows::{Acts, Interrupted, Once, Three};

pub(crate) const STORE: &str = "ENGINE_TEST_CRASH_STORE";

/// Not a test of its own: what the killed process does.
#[test]
fn child() {
    let Some(path) = std::env::var_os(STORE) else {
        return;
    };
    let tokio = tokio::runtime::Runtime::new().unwrap();
    tokio.block_on(run_until_killed(Path::new(&path)));
}

/// Not a test of its own: starts workflows one after the other, and says which were accepted.
#[test]
fn restless_child() {
    let Some(path) = std::env::var_os(STORE) else {
        return;
    };
    let tokio = tokio::runtime::Runtime::new().unwrap();
    tokio.block_on(async {
        let engine = open(Path::new(&path), SystemClock::shared()).await;
        let client = client(&engine.door()).await;
        let _worker = work(client.clone(), Acts::default());
        for n in 0.. {
            let id = format!("{}-{n}", std::process::id());
            let options = WorkflowStartOptions::new(QUEUE, id.clone()).build();
            client
                .start_workflow(Three::run, id.clone(), options)
                .await
                .unwrap();
            println!("ACCEPTED {id}");
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_workflow_finishes_however_often_the_process_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.db");
    let accepted = accepted_before_kills("crash::restless_child", &path, [3, 17, 40]);
    assert_eq!(accepted.len(), 60);
    let engine = open(&path, SystemClock::shared()).await;
    let client = client(&engine.door()).await;
    let _worker = work(client.clone(), Acts::default());
    for id in accepted {
        let handle = client.get_workflow_handle::<Three>(id.clone());
        let result = handle.get_result(Default::default()).await.unwrap();
        assert_eq!(result, format!("settle {id} done"));
    }
}

/// Runs the process that accepts one after the other, killed each time it has said so often that it
/// did; answers whom it accepted.
pub(crate) fn accepted_before_kills(test: &str, store: &Path, kills: [usize; 3]) -> Vec<String> {
    let mut accepted = Vec::new();
    for before_the_kill in kills {
        let mut process = spawn(test, store);
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let ids = lines.map_while(Result::ok).filter_map(|line| {
            let (_, id) = line.split_once("ACCEPTED ")?;
            Some(id.to_owned())
        });
        accepted.extend(ids.take(before_the_kill));
        process.kill().unwrap();
        process.wait().unwrap();
    }
    accepted
}

pub(crate) fn spawn(test: &str, store: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(STORE, store)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn run_until_killed(path: &Path) {
    let engine = open(path, SystemClock::shared()).await;
    let client = client(&engine.door()).await;
    let acts = Acts::default();
    let _worker = work(client.clone(), acts.clone());
    let named = |id: &str| WorkflowStartOptions::new(QUEUE, id).build();
    client
        .start_workflow(Interrupted::run, (), named("interrupted"))
        .await
        .unwrap();
    client
        .start_workflow(Once::run, "charged".to_owned(), named("once"))
        .await
        .unwrap();
    until("both workflows are in the middle", || async {
        let said = acts.said();
        said.contains(&"first".to_owned()) && said.contains(&"charged".to_owned())
    })
    .await;
    let door = engine.door();
    until("the first step is in history", || async {
        stage::history(&door, "interrupted").await.len() >= 10
    })
    .await;
    println!("READY");
    tokio::time::sleep(Duration::from_secs(600)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill_and_nothing_runs_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.db");
    let mut child = spawn("crash::child", &path);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines
        .map_while(Result::ok)
        .any(|line| line.contains("READY"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(ready, "the child never got to the middle");

    let engine = open(&path, SystemClock::shared()).await;
    let door = engine.door();
    let before = stage::history(&door, "interrupted").await;
    let client = client(&door).await;
    let acts = Acts::default();
    let _worker = work(client.clone(), acts.clone());
    let handle = client.get_workflow_handle::<Interrupted>("interrupted");
    handle
        .signal(Interrupted::go, (), WorkflowSignalOptions::default())
        .await
        .unwrap();
    let result = handle.get_result(Default::default()).await.unwrap();
    assert_eq!(result, "first done, second done");
    // The history goes on where it was: what was there is a prefix of what is there now.
    let after = stage::history(&door, "interrupted").await;
    assert_eq!(after[..before.len()], before[..]);
    // The first step was not repeated, and the activity that may run once was not either.
    let once = client.get_workflow_handle::<UntypedWorkflow>("once");
    once.get_result(Default::default()).await.unwrap();
    let shape = stage::shape(&stage::history(&door, "once").await);
    assert!(shape.contains("ActivityTaskTimedOut"), "{shape}");
    assert_eq!(acts.said(), ["second"]);
}
