//! The same scenarios on the real server and on this engine, answer by answer and field by field.
//!
//! A scenario is a file in `scenarios/`: RPCs by short words or by name, sent one after another by
//! hand (clients and workers alike), and under each step, indented, what the reference answered.
//! The last step, `histories`, shows the history of every run that was named. The test plays the
//! steps on this engine and compares, without any server:
//!
//! ```sh
//! cargo test -p engine --test differential                       # all
//! cargo test -p engine --test differential signals               # some, by name
//! ENGINE_RECORD=1 cargo test -p engine --test differential signals
//! ENGINE_RECORD=1 ENGINE_RECORD_WITH=127.0.0.1:7233 cargo test …  # a server that runs already
//! ```
//!
//! `ENGINE_RECORD` plays them on the real server (the `temporal` tool's development server is
//! started when no address is given) and writes what it answers into the files.
//!
//! # To add one
//! Write `scenarios/<area>/<name>.txt` without answers, record it, read what was recorded, run the
//! test. Words and their defaults are in `words.rs`, the short forms of messages in `encode.rs`,
//! and what a recording leaves out in `plain.rs`. A file is written like this:
//!
//! ```text
//! # What is to be seen here.
//! start w {input: [1], workflow_run_timeout: 30s}
//! poll
//! complete [{start_timer: {timer_id: t, start_to_fire_timeout: 1s}}]
//! signal w go {request_id: r}
//! # An answer can be named; fields of it are `$first.…`; the latest tasks are $task, $activity.
//! first: poll
//! # In the background, and later its answer.
//! &closing history w {wait_new_event: true, history_event_filter_type: CLOSE_EVENT}
//! complete [{complete_workflow_execution: {}}] {task_token: $first.task_token}
//! wait closing
//! # Asked again until it is so: visibility is late on the reference.
//! until=executions.#=1 list "WorkflowId = 'w'"
//! # Nothing is answered in this time.
//! within=200ms poll
//! # A thousand letters, and any RPC by its name.
//! SignalWorkflowExecution {workflow_execution: w, signal_name: $x1001}
//! histories
//! ```
//!
//! Each scenario has a namespace of its own, and an engine of its own. A scenario is to give the
//! same recording each time, and takes a second or two at most. Where ours is to differ from the
//! reference, `~ reason | our line` stands under its line, and `reason` in `differences.md`.
#![allow(clippy::unwrap_used)]

mod compare;
mod decode;
mod encode;
mod plain;
mod play;
mod schema;
mod script;
mod server;
mod value;
mod words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use play::Play;
use script::Scenario;
use testkit::{Trial, trial};

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/scenarios");
    let mut files = Vec::new();
    find(&root, &mut files);
    files.sort();
    let recording = std::env::var_os("ENGINE_RECORD").is_some();
    let mut trials: Vec<Trial> = files
        .into_iter()
        .map(|file| {
            let name = file.strip_prefix(&root).unwrap().with_extension("");
            let name = name.to_str().unwrap().to_owned();
            match recording {
                true => trial(name.clone(), async move || record(&name, &file).await),
                false => trial(name.clone(), async move || play(&name, &file).await),
            }
        })
        .collect();
    if !recording {
        trials.push(trial("every difference has its reason", async move || {
            reasons(&root)
        }));
    }
    testkit::main(trials)
}

fn find(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.extension() {
            _ if path.is_dir() => find(&path, files),
            Some(extension) if extension == "txt" => files.push(path),
            _ => {}
        }
    }
}

async fn play(name: &str, file: &Path) -> Result<(), Told> {
    let scenario = Scenario::read(file)?;
    let (server, _engine, _dir) = server::ours(SPACE).await;
    let ours = Play::on(server, SPACE).all(&scenario).await?;
    let differences = compare::differences(name, &scenario, &ours);
    match differences.is_empty() {
        true => Ok(()),
        false => Err(Told(differences)),
    }
}

const SPACE: &str = "scenario-space";

async fn record(name: &str, file: &Path) -> Result<(), Told> {
    let scenario = Scenario::read(file)?;
    let address = match std::env::var("ENGINE_RECORD_WITH") {
        Ok(address) => address,
        Err(_) => testkit::temporal()
            .map_err(|missing| missing.to_string())?
            .address()
            .to_owned(),
    };
    let mint = ambient::Mint::new(ambient::SystemClock::shared());
    let unique = mint.next().map_err(|error| error.to_string())?;
    let space = format!("{}-{unique:x}", name.replace('/', "-"));
    let server = server::theirs(&address, &space).await?;
    let answers = Play::on(server, &space).all(&scenario).await?;
    scenario
        .record(&answers, file)
        .map_err(|error| Told(error.to_string()))
}

/// No difference without a reason, and no reason without a difference.
fn reasons(root: &Path) -> Result<(), Told> {
    let listed = std::fs::read_to_string(root.join("../differences.md")).unwrap();
    let listed: Vec<_> = listed
        .lines()
        .filter_map(|l| l.strip_prefix("## "))
        .collect();
    let mut files = Vec::new();
    find(root, &mut files);
    let mut used = Vec::new();
    for file in files {
        for step in Scenario::read(&file)?.steps {
            let reasons = step.recorded.into_iter().filter_map(|line| line.ours);
            used.extend(reasons.map(|(reason, _)| reason));
        }
    }
    let unlisted = used
        .iter()
        .find(|reason| !listed.contains(&reason.as_str()));
    let unused = listed
        .iter()
        .find(|reason| !used.contains(&(**reason).to_owned()));
    match (unlisted, unused) {
        (Some(reason), _) => Err(Told(format!("`{reason}` is not in differences.md"))),
        (_, Some(reason)) => Err(Told(format!("nothing differs for `{reason}`"))),
        (None, None) => Ok(()),
    }
}

/// A failure that is read, not debugged.
struct Told(String);

impl From<String> for Told {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
