//! Callers that post into the one pool: as fast as they are answered, or at a given rate.

use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use crate::book::Book;
use crate::seen::{self, Seen};

/// Each caller posts, waits for the answer, posts again. A fifth as many warm everything up.
pub(crate) async fn as_many_as_go(book: &Book, callers: usize, entries: usize) -> Result<Seen> {
    closed(book, callers, entries / 5).await?;
    closed(book, callers, entries).await
}

async fn closed(book: &Book, callers: usize, entries: usize) -> Result<Seen> {
    let each = entries.div_ceil(callers);
    run(book, callers, move |_| Schedule { each, every: None }).await
}

/// A caller that is late stays late: its entries count from when they were due.
pub(crate) async fn paced(
    book: &Book,
    callers: usize,
    per_second: usize,
    entries: usize,
) -> Result<Seen> {
    closed(book, callers, entries / 5).await?;
    let each = entries.div_ceil(callers);
    let gap = Duration::from_secs(1) / u32::try_from(per_second)?;
    let round = gap * u32::try_from(callers)?;
    run(book, callers, move |caller| Schedule {
        each,
        every: Some((gap * caller, round)),
    })
    .await
}

/// In steps, so that somebody can see how far it is.
pub(crate) async fn fill(book: &Book, postings: usize) -> Result<()> {
    const STEP: usize = 500_000;
    let mut there = book.count_of_postings().await?;
    while there < postings {
        let seen = closed(book, 1_024, (postings - there).min(STEP).div_ceil(2)).await?;
        there += 2 * seen.entries;
        println!("filled: {there} postings\n{seen}");
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Schedule {
    each: usize,
    /// When the first is due, and the time from one to the next.
    every: Option<(Duration, Duration)>,
}

async fn run(book: &Book, callers: usize, of: impl Fn(u32) -> Schedule) -> Result<Seen> {
    let commits = book.db.commits();
    let begun = seen::now();
    let mut tasks = Vec::with_capacity(callers);
    for caller in 0..u32::try_from(callers)? {
        tasks.push(tokio::spawn(call(book.clone(), begun, of(caller))));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let took = begun.elapsed();
    Ok(Seen::new(latencies, book.db.commits() - commits, took))
}

async fn call(book: Book, begun: Instant, schedule: Schedule) -> Result<Vec<Duration>> {
    let mut latencies = Vec::with_capacity(schedule.each);
    let mut due = schedule.every.map(|(first, _)| begun + first);
    for _ in 0..schedule.each {
        let entry = book.next_entry()?;
        let from = match (&mut due, schedule.every) {
            (Some(due), Some((_, round))) => {
                let now = *due;
                tokio::time::sleep_until(now).await;
                *due += round;
                now
            }
            _ => seen::now(),
        };
        book.post(entry).await?;
        latencies.push(from.elapsed());
    }
    Ok(latencies)
}
