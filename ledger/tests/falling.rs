//! PostgreSQL stopped at once, again and again, under load: what was acknowledged is there, what
//! was answered "unknown" is wholly there or wholly absent, and repeating it with the same key
//! finds out which.
//!
//! `REMIT_TEST_WHOLE=1 cargo test -p ledger --test falling` falls ten times as often.
#![allow(clippy::unwrap_used)]
#![allow(clippy::inconsistent_digit_grouping)] // 1_000_000_00 reads as 1,000,000.00.

mod both;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use both::chance::whole;
use both::{Book, eur, step};
use db::{DbError, WriteError};
use domain::{AccountId, Step};
use ledger::{Entry, LedgerError, Place, PostError};
use testkit::{FallingPostgres, eventually, trial_needing};

const CALLERS: usize = 16;
const OPENED_WITH: i64 = 1_000_000_00;
const BOUND: Duration = Duration::from_secs(60);
/// Answers between two falls.
const STRIDE: usize = 40;

fn main() -> ExitCode {
    testkit::main(vec![trial_needing(
        "postgres::an_immediate_stop_takes_nothing_that_was_acknowledged",
        falls,
    )])
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Posted,
    NotExecuted,
    Unknown,
}

#[derive(Debug, Default)]
struct Diary {
    fates: Mutex<BTreeMap<u128, Fate>>,
    posted: AtomicUsize,
    /// How many had to be asked for again, as nothing of them was executed.
    repeated: AtomicUsize,
    over: AtomicBool,
}

async fn falls(server: FallingPostgres) -> Result<()> {
    let falls = if whole() { 40 } else { 4 };
    let book = Book::open(server.fresh_database()?.parse()?, None).await?;
    let alice = book.funded(1, OPENED_WITH).await?;
    let diary = Arc::new(Diary::default());
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| tokio::spawn(load(book.clone(), Arc::clone(&diary), alice, caller)))
        .collect();
    for fall in 0..falls {
        let wanted = diary.posted.load(Ordering::Relaxed) + STRIDE + 7 * fall;
        eventually(BOUND, async || {
            (diary.posted.load(Ordering::Relaxed) >= wanted && server.fall().is_ok()).then_some(())
        })
        .await
        .with_context(|| format!("nothing was posted before fall {fall}"))?;
    }
    let wanted = diary.posted.load(Ordering::Relaxed) + STRIDE;
    eventually(BOUND, async || {
        (diary.posted.load(Ordering::Relaxed) >= wanted).then_some(())
    })
    .await
    .context("nothing was posted after the last fall")?;
    diary.over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await??;
    }
    let fates = std::mem::take(&mut *diary.fates.lock().unwrap());
    let repeated = diary.repeated.load(Ordering::Relaxed);
    compare(&book, alice, &fates, repeated).await
}

async fn load(book: Book, diary: Arc<Diary>, alice: AccountId, caller: usize) -> Result<()> {
    for number in (caller..).step_by(CALLERS) {
        if diary.over.load(Ordering::Relaxed) {
            break;
        }
        let number = u128::try_from(number)?;
        let mut again = false;
        let fate = loop {
            let answer = book.post(spend(&book, alice, number)).await;
            if let Ok(posted) = &answer {
                ensure!(
                    !posted.replayed,
                    "{number} was executed although we were told it was not"
                );
            }
            match fate(answer)? {
                // The server is down: whoever brings it back has the processor first.
                Fate::NotExecuted => tokio::time::sleep(Duration::from_millis(1)).await,
                fate => break fate,
            }
            again = true;
        };
        if again {
            diary.repeated.fetch_add(1, Ordering::Relaxed);
        }
        diary.fates.lock().unwrap().insert(number, fate);
        if fate == Fate::Posted {
            diary.posted.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn spend(book: &Book, alice: AccountId, number: u128) -> Entry {
    Entry::collect_from_wallet(
        book.tenant,
        step(number, Step::Fund),
        Place::Internal,
        alice,
        eur(1),
    )
}

fn fate(answer: Result<ledger::Posted, WriteError<PostError>>) -> Result<Fate> {
    Ok(match answer {
        Ok(_) => Fate::Posted,
        Err(WriteError::Unknown(_)) => Fate::Unknown,
        Err(
            WriteError::Overloaded
            | WriteError::Refused(PostError::Ledger(LedgerError::Db(
                DbError::Unavailable(_) | DbError::Conflict(_),
            ))),
        ) => Fate::NotExecuted,
        Err(other) => bail!("a fall is no reason for: {other:?}"),
    })
}

async fn compare(
    book: &Book,
    alice: AccountId,
    fates: &BTreeMap<u128, Fate>,
    repeated: usize,
) -> Result<()> {
    book.is_true().await?;
    let before = book.balance(alice).await?;
    let mut there = 0;
    let mut tally = BTreeMap::new();
    for (number, fate) in fates {
        let posted = book.post(spend(book, alice, *number)).await?;
        there += i64::from(posted.replayed);
        let kept = posted.replayed || *fate == Fate::Unknown;
        ensure!(kept, "{number} was acknowledged and is lost");
        *tally
            .entry(format!("{fate:?}, {}", posted.replayed))
            .or_insert(0) += 1;
    }
    println!("fate, found afterwards: {tally:?}; asked again: {repeated}");
    ensure!(before == OPENED_WITH - there, "{before} after {there}");
    ensure!(
        repeated > 0 || tally.keys().any(|fate| !fate.starts_with("Posted")),
        "no fall hit a caller"
    );
    book.is_true().await
}
