//! The power is cut, or the process killed, at any write and any sync. The long form, with more
//! work and every point: `cargo test -p engine --lib outage -- --ignored`.

use ambient::ManualClock;

use super::Attached;
use super::disk::{DATABASE, Disk, Op};
use super::image::{Chance, Platter};
use super::judge::{self, Originals};
use super::work::{self, Promise};
use crate::Engine;
use crate::store::sqlite;

/// What was done to the disk while the work was done, and what the store was in the end.
struct Recording {
    log: Vec<Op>,
    originals: Originals,
}

async fn record(disk: Disk, lanes: u64, each: u64, seed: u64) -> Recording {
    let on = Attached::new(disk);
    let clock = ManualClock::at(judge::noon());
    let engine = Engine::open(judge::config(&on, &clock)).await.unwrap();
    work::play(&engine.door(), &on.disk, lanes, each, seed)
        .await
        .unwrap();
    let log = on.disk.log();
    engine.close().await;
    let store = sqlite::open(&on.database(), [0; 32]).unwrap();
    let originals = judge::originals(&store.reader);
    Recording { log, originals }
}

#[derive(Clone, Copy)]
enum Outage {
    Power,
    Kill,
}

/// Judges the disk after every so many operations, and answers how many disks there were and all
/// complaints.
async fn try_points(
    recording: &Recording,
    outage: Outage,
    every: u64,
    seed: u64,
) -> (usize, Vec<String>) {
    let mut chance = Chance::new(seed);
    let mut platter = Platter::default();
    let mut promises: Vec<Promise> = Vec::new();
    let (mut judged, mut complaints) = (0, Vec::new());
    for (point, op) in (0_u64..).zip(&recording.log) {
        platter.take(op);
        if let Op::Promise(promise) = op {
            promises.push(promise.clone());
        }
        if chance.below(every) > 0 {
            continue;
        }
        let files = match outage {
            Outage::Power => platter.after_a_power_cut(seed.wrapping_add(point)),
            Outage::Kill => platter.after_a_kill(),
        };
        let to_the_end = judged % 8 == 0;
        let verdict = judge::judge(files, &promises, &recording.originals, to_the_end).await;
        if let Err(why) = verdict {
            complaints.push(format!("seed {seed}, after operation {point}: {why}"));
        }
        judged += 1;
    }
    (judged, complaints)
}

async fn survives(outage: Outage, lanes: u64, each: u64, every: u64, seed: u64) {
    let recording = record(Disk::new(Default::default()), lanes, each, seed).await;
    let syncs = recording.log.iter();
    let syncs = syncs.filter(|op| matches!(op, Op::Sync { .. })).count();
    let of_database = recording.log.iter();
    let of_database = of_database
        .filter(|op| matches!(op, Op::Sync { file } if file == DATABASE))
        .count();
    assert!(of_database > 2, "the log was never moved into the database");
    let (judged, complaints) = try_points(&recording, outage, every, seed).await;
    println!(
        "seed {seed}: {} operations, {syncs} syncs, {judged} disks judged",
        recording.log.len()
    );
    assert!(judged > 20);
    assert!(complaints.is_empty(), "{complaints:#?}");
}

pub(super) fn fresh_seed() -> u64 {
    u64::from_be_bytes(ambient::fill::<8>().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_takes_nothing_that_was_promised() {
    survives(Outage::Power, 3, 8, 22, 1).await;
    survives(Outage::Power, 3, 8, 22, fresh_seed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_takes_nothing_that_was_promised() {
    survives(Outage::Kill, 3, 8, 22, 2).await;
}

/// The test above would notice: here is what it says of a store that does not sync.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_sync_loses_what_it_promised_and_is_found_out() {
    let recording = record(Disk::never_synced(), 3, 4, 3).await;
    let (judged, complaints) = try_points(&recording, Outage::Power, 10, 3).await;
    assert!(complaints.len() > judged / 4, "{complaints:#?}");
    // What the page cache still holds, a kill does not take.
    let (_, complaints) = try_points(&recording, Outage::Kill, 30, 3).await;
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: every operation of more work, with fresh seeds"]
async fn power_cuts_and_kills_at_every_operation() {
    for _ in 0..3 {
        let seed = fresh_seed();
        survives(Outage::Power, 6, 10, 1, seed).await;
        survives(Outage::Kill, 6, 10, 1, seed).await;
    }
}
