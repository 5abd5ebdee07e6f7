//! A real process is killed with SIGKILL at its n-th write or sync, for every n, in each of many
//! scenes; the store that it leaves is opened by another one, which goes on to the end.
//!
//! `scenes` is what clients ask for, `flows` what the workflows decide, `play` the clients and
//! workers, `notes` what they were told, `walk` the killing, `verdict` what must hold.
//!
//! A sample is part of the tests. All of it, each write also torn in the middle:
//! `cargo test -p engine --lib killed -- --ignored --nocapture`; every n-th point only with
//! `ENGINE_KILLS_EVERY=n` (1 unless said), one scene with `ENGINE_KILLS_SCENE=name`.

mod flows;
mod notes;
mod play;
mod scenes;
mod verdict;
mod walk;

use std::path::Path;

use futures_util::StreamExt;

use super::image::Chance;
use super::mirror::Point;
use walk::Fate;

/// How the lines of a process that is killed begin.
pub(super) const MARK: &str = "@@ ";
/// Makes [`child`] play a scene: its name, the directory, and where to die if at all; a line each.
const CHILD: &str = "ENGINE_TEST_KILLED_SCENE";
/// How many processes are there at once.
const LANES: usize = 3;

/// Not a test of its own: the process that is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(told) = std::env::var(CHILD) else {
        return;
    };
    let mut lines = told.split('\n');
    let (scene, directory) = (lines.next().unwrap(), lines.next().unwrap());
    let point = lines.next().and_then(|point| {
        let (at, torn) = point.split_once(' ')?;
        Some(Point {
            at: at.parse().unwrap(),
            torn: torn.parse().unwrap(),
        })
    });
    walk::be_killed(scene, Path::new(directory), point).await;
}

/// Kills at the points that are chosen of so many, in every scene, and answers what was wrong.
async fn try_all(choose: impl Fn(u64) -> Vec<Point>) {
    let template = walk::prepared().await;
    let only = std::env::var("ENGINE_KILLS_SCENE").ok();
    let (mut complaints, mut died, mut outlived) = (Vec::new(), 0_usize, 0_usize);
    for scene in scenes::all() {
        if only.as_ref().is_some_and(|only| only != scene.name) {
            continue;
        }
        let (usual, operations) = walk::usual(&scene, &template).await;
        let points = choose(operations);
        let tried = points.len();
        let (scene, template, usual) = (&scene, &template, &usual);
        let mut fates = futures_util::stream::iter(points)
            .map(async |point| {
                let fate = walk::killed_at(scene, template, usual, point).await;
                (point, fate)
            })
            .buffer_unordered(LANES);
        let before = complaints.len();
        while let Some((point, fate)) = fates.next().await {
            match fate {
                Fate::Killed(verdict) => {
                    died += 1;
                    if let Err(why) = verdict {
                        let complaint = format!("{}, {point:?}: {why}", scene.name);
                        println!("{complaint}");
                        complaints.push(complaint);
                    }
                }
                Fate::Outlived => outlived += 1,
            }
        }
        let wrong = complaints.len() - before;
        println!(
            "{}: {operations} operations, {tried} kills, {wrong} complaints",
            scene.name
        );
    }
    println!("{died} processes killed and judged, {outlived} were done before");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(
        outlived * 10 <= died,
        "most scenes take the same operations"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_at_a_write_or_sync_is_followed_by_one_that_goes_on() {
    let seed = super::power::fresh_seed();
    println!("seed {seed}");
    try_all(|operations| {
        let mut chance = Chance::new(seed ^ operations);
        (0..6)
            .map(|_| Point {
                at: chance.below(operations) + 1,
                torn: chance.below(2) == 0,
            })
            .collect()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: thousands of processes, one for every write and sync of every scene"]
async fn a_process_killed_at_every_write_and_sync_is_followed_by_one_that_goes_on() {
    let every = std::env::var("ENGINE_KILLS_EVERY").map_or(1, |every| every.parse().unwrap());
    try_all(|operations| {
        let points = (1..=operations).step_by(every);
        points
            .flat_map(|at| [false, true].map(|torn| Point { at, torn }))
            .collect()
    })
    .await;
}
