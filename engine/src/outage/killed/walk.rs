//! The walk: a process plays a scene and is killed at one of its writes or syncs; its store is
//! opened here, and judged.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ambient::{Clock, JumpingClock};
use tempfile::TempDir;

use super::super::Attached;
use super::super::disk::{DATABASE, Disk};
use super::super::mirror::{Mirror, Point};
use super::notes::Note;
use super::play::{Say, play};
use super::scenes::{self, Scene};
use super::verdict::{Shape, ending, judge};
use super::{CHILD, MARK};
use crate::testing::TestEngine;

const SIGKILL: i32 = 9;
/// It only ends a test that would hang.
const LONGEST: Duration = Duration::from_secs(20);

/// What the process does that is killed. With `dies` of nothing it says how it ended.
pub(super) async fn be_killed(scene: &str, directory: &Path, dies: Option<Point>) {
    let all = scenes::all();
    let scene = all.iter().find(|known| known.name == scene).unwrap();
    let disk = Disk::mirrored(Mirror::new(directory.to_owned(), dies));
    let on = Attached::at(directory.to_owned(), disk);
    let test = TestEngine::open(on.database()).await.unwrap();
    let say: Say = Arc::new(|note: Note| println!("\n{MARK}{}", note.line()));
    let nothing = BTreeSet::new();
    let played = play(test.engine(), scene, &nothing, false, &say);
    let played = tokio::time::timeout(LONGEST, played).await;
    played.expect("the scene ends").unwrap();
    let ending = ending(test.engine()).await.unwrap();
    for line in ending.shape {
        println!("\n{MARK}SHAPE {line}");
    }
    println!("\n{MARK}DONE {}", on.disk.done());
}

/// What a process said before it was gone.
#[derive(Debug, Default)]
pub(super) struct Last {
    notes: Vec<Note>,
    pub(super) shape: Shape,
    pub(super) done: Option<u64>,
    dying: Option<u64>,
    signal: Option<i32>,
}

/// A store as it is before a scene.
pub(super) async fn prepared() -> TempDir {
    let template = tempfile::tempdir().unwrap();
    let test = TestEngine::open(template.path().join(DATABASE))
        .await
        .unwrap();
    test.close().await;
    template
}

fn copy_of(template: &TempDir, scene: &Scene) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    if !scene.fresh {
        let from = template.path().join(DATABASE);
        fs::copy(from, copy.path().join(DATABASE)).unwrap();
    }
    copy
}

fn run(scene: &Scene, directory: &Path, dies: Option<Point>) -> Last {
    let point = dies.map_or(String::new(), |point| {
        format!("{} {}", point.at, point.torn)
    });
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["outage::killed::child", "--exact", "--nocapture"])
        .env(
            CHILD,
            format!("{}\n{}\n{point}", scene.name, directory.display()),
        )
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut last = Last::default();
    let stdout = child.stdout.take().unwrap();
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let Some(said) = line.strip_prefix(MARK) else {
            continue;
        };
        if let Some(at) = said.strip_prefix("DYING ") {
            last.dying = at.parse().ok();
            // What it still says until the signal arrives, it has said.
            child.kill().unwrap();
        } else if let Some(done) = said.strip_prefix("DONE ") {
            last.done = done.parse().ok();
        } else if let Some(line) = said.strip_prefix("SHAPE ") {
            last.shape.push(line.to_owned());
        } else {
            last.notes.extend(Note::read(said));
        }
    }
    last.signal = child.wait().unwrap().signal();
    last
}

/// The scene without a kill: how it ends, and how many operations it takes.
pub(super) async fn usual(scene: &Scene, template: &TempDir) -> (Shape, u64) {
    let copy = copy_of(template, scene);
    let (scene, directory) = (scene.clone(), copy.path().to_owned());
    let playing = tokio::task::spawn_blocking(move || run(&scene, &directory, None));
    let last = playing.await.unwrap();
    let done = last
        .done
        .unwrap_or_else(|| panic!("does not end: {last:?}"));
    (last.shape, done)
}

/// What became of a process that was to die.
pub(super) enum Fate {
    Killed(Result<(), String>),
    /// The scene took fewer operations this time.
    Outlived,
}

pub(super) async fn killed_at(
    scene: &Scene,
    template: &TempDir,
    usual: &Shape,
    point: Point,
) -> Fate {
    let copy = copy_of(template, scene);
    let (played, directory) = (scene.clone(), copy.path().to_owned());
    let playing = tokio::task::spawn_blocking(move || run(&played, &directory, Some(point)));
    let last = playing.await.unwrap();
    if last.dying.is_none() && last.done.is_some_and(|done| done < point.at) {
        return Fate::Outlived;
    }
    // A process that was done may be gone before the signal reaches it: whatever it had begun after
    // that, it did not write either.
    let is_dead = last.signal == Some(SIGKILL) || last.done.is_some();
    if last.dying != Some(point.at) || !is_dead {
        return Fate::Killed(Err(format!("did not die at its point: {last:?}")));
    }
    let verdict = tokio::time::timeout(LONGEST, look(scene, copy.path(), usual, last)).await;
    Fate::Killed(verdict.unwrap_or_else(|_| Err("nothing happens any more".to_owned())))
}

/// Opens what is left, a day later, plays the scene to its end and judges it.
async fn look(scene: &Scene, directory: &Path, usual: &Shape, last: Last) -> Result<(), String> {
    let clock = JumpingClock::default();
    clock.jump_to(clock.now().after(Duration::from_secs(86_400)));
    let test = TestEngine::open_at(directory.join(DATABASE), clock)
        .await
        .map_err(|error| format!("does not open: {error:?}"))?;
    let acknowledged = last.notes.iter().filter_map(|note| match note {
        Note::Acknowledged(number) => Some(*number),
        _ => None,
    });
    let notes = Arc::new(Mutex::new(last.notes.clone()));
    let say: Say = {
        let notes = Arc::clone(&notes);
        Arc::new(move |note| notes.lock().unwrap().push(note))
    };
    play(test.engine(), scene, &acknowledged.collect(), true, &say).await?;
    let ending = ending(test.engine()).await?;
    let notes = notes.lock().unwrap().clone();
    judge(scene, &ending, usual, &notes)?;
    test.close().await;
    Ok(())
}
