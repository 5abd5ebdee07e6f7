//! The power is cut, or the process killed, at every write and every sync that SQLite asks for:
//! whatever was acknowledged is there, whatever was not is wholly there or wholly absent, and the
//! books are true. A disk that does not sync is found out by the same judge.
//!
//! The short form looks at every few operations; all of them, and more work, with
//! `REMIT_TEST_WHOLE=1 cargo test -p ledger --test outage`.
#![allow(clippy::unwrap_used)]
#![allow(clippy::inconsistent_digit_grouping)] // 1_000_00 reads as 1,000.00.

mod both;
#[path = "outage/disk.rs"]
mod disk;
#[path = "outage/files.rs"]
mod files;
#[path = "outage/image.rs"]
mod image;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use both::chance::{Chance, seed, whole};
use both::{Book, eur, step};
use db::DatabaseUrl;
use disk::{Disk, FileBytes, Op};
use domain::{AccountId, Step, TransferId};
use image::Platter;
use ledger::{Entry, Place};
use testkit::trial;

const FILE: &str = "remit.db";
const CALLERS: usize = 3;
const OPENED_WITH: i64 = 1_000_00;

fn main() -> ExitCode {
    testkit::main(vec![
        trial(
            "a_power_cut_takes_nothing_that_was_acknowledged",
            async || survives(Outage::Power, seed()?).await,
        ),
        trial("a_kill_takes_nothing_that_was_acknowledged", async || {
            survives(Outage::Kill, seed()?).await
        }),
        trial("a_disk_that_does_not_sync_is_found_out", found_out),
    ])
}

#[derive(Clone, Copy, Debug)]
enum Outage {
    Power,
    Kill,
}

async fn survives(outage: Outage, seed: u64) -> Result<()> {
    let (each, every) = if whole() { (24, 1) } else { (6, 9) };
    let log = record(false, each).await?;
    let syncs = |of: &str| {
        let synced = |op: &&Op| matches!(op, Op::Sync { file } if file == of);
        log.iter().filter(synced).count()
    };
    ensure!(
        syncs(FILE) >= 2,
        "the log was never moved into the database"
    );
    ensure!(syncs("remit.db-wal") >= 6, "too few commits were synced");
    let (judged, complaints) = judge_all(&log, outage, every, seed).await;
    println!(
        "{outage:?}: {} operations, {judged} disks judged",
        log.len()
    );
    ensure!(judged > 20, "only {judged} disks");
    ensure!(complaints.is_empty(), "{complaints:#?}");
    Ok(())
}

/// The test above would notice: this is what it says of a store whose syncs do nothing.
async fn found_out() -> Result<()> {
    let seed = seed()?;
    let log = record(true, 4).await?;
    let (judged, complaints) = judge_all(&log, Outage::Power, 9, seed).await;
    ensure!(
        complaints.len() > judged / 4,
        "{} of {judged}",
        complaints.len()
    );
    // What the page cache still holds, a kill does not take.
    let (_, complaints) = judge_all(&log, Outage::Kill, 29, seed).await;
    ensure!(complaints.is_empty(), "{complaints:#?}");
    Ok(())
}

/// What was done to the disk while several callers posted, before and after an orderly restart.
async fn record(lies: bool, each: usize) -> Result<Vec<Op>> {
    let disk = Disk::attach(FileBytes::new(), lies);
    for life in 0..2 {
        let book = on(&disk).await?;
        let alice = book.funded(1, OPENED_WITH).await?;
        if life == 0 {
            disk.acknowledged(0);
        }
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let first = 1 + (life * CALLERS + caller) * each;
                tokio::spawn(post(book.clone(), Arc::clone(&disk), alice, first, each))
            })
            .collect();
        for caller in callers {
            caller.await??;
        }
        book.is_true().await?;
        book.db.close().await;
    }
    let log = disk.log();
    disk.detach();
    Ok(log)
}

async fn post(
    book: Book,
    disk: Arc<Disk>,
    alice: AccountId,
    first: usize,
    count: usize,
) -> Result<()> {
    for number in first..first + count {
        let key = step(u128::try_from(number)?, Step::Fund);
        book.post(Entry::collect_from_wallet(
            book.tenant,
            key,
            Place::Internal,
            alice,
            eur(1),
        ))
        .await?;
        disk.acknowledged(number);
    }
    Ok(())
}

async fn on(disk: &Disk) -> Result<Book> {
    let path = std::path::Path::new(&disk.directory()).join(FILE);
    Book::open(DatabaseUrl::Sqlite(path), None).await
}

/// Judges the disk after every so many operations, and after each sync and what follows it.
/// Answers how many disks there were, and all complaints.
async fn judge_all(log: &[Op], outage: Outage, every: u64, seed: u64) -> (usize, Vec<String>) {
    let mut chance = Chance::new(seed);
    let mut platter = Platter::default();
    let asked = log
        .iter()
        .filter(|op| matches!(op, Op::Acknowledged(_)))
        .count();
    let mut acknowledged = BTreeSet::new();
    let (mut judged, mut complaints) = (0, Vec::new());
    for (op, point) in log.iter().zip(0_u64..) {
        platter.take(op);
        if let Op::Acknowledged(number) = op {
            acknowledged.insert(*number);
        }
        if chance.below(every) > 0 {
            continue;
        }
        let files = match outage {
            Outage::Power => platter.after_a_power_cut(seed.wrapping_add(point)),
            Outage::Kill => platter.after_a_kill(),
        };
        if let Err(why) = judge(files, &acknowledged, asked).await {
            complaints.push(format!("seed {seed}, after operation {point}: {why:#}"));
        }
        judged += 1;
    }
    (judged, complaints)
}

async fn judge(files: FileBytes, acknowledged: &BTreeSet<usize>, asked: usize) -> Result<()> {
    let disk = Disk::attach(files, false);
    let verdict = look(&disk, acknowledged, asked).await;
    disk.detach();
    verdict
}

async fn look(disk: &Disk, acknowledged: &BTreeSet<usize>, asked: usize) -> Result<()> {
    let book = on(disk).await.context("it does not open")?;
    let verdict = compare(&book, acknowledged, asked).await;
    book.db.close().await;
    verdict
}

async fn compare(book: &Book, acknowledged: &BTreeSet<usize>, asked: usize) -> Result<()> {
    book.is_true().await?;
    let mut spent = 0;
    for number in 1..=asked {
        let transfer = TransferId::from_bits(u128::try_from(number)?);
        let entries = ledger::entries_of_transfer(&book.db, book.tenant, transfer).await?;
        ensure!(entries.len() <= 1, "{transfer} was posted twice");
        let there = !entries.is_empty();
        ensure!(
            there || !acknowledged.contains(&number),
            "{transfer} was acknowledged and is not there"
        );
        spent += i64::from(there);
    }
    // Asking again gives what is there, and the book goes on.
    let alice = book.funded(1, OPENED_WITH).await?;
    let left = book.balance(alice).await?;
    ensure!(left == OPENED_WITH - spent, "{left} left after {spent}");
    Ok(())
}
