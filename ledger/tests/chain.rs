//! The chain over real entries: whatever is changed below the program is found, at its place.
#![allow(clippy::unwrap_used)]
#![allow(clippy::inconsistent_digit_grouping)] // 100_00 reads as 100.00.

mod both;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ambient::Timestamp;
use anyhow::{Context, Result, ensure};
use both::{Book, each, eur, step};
use db::{DbError, WriteError, params};
use domain::Step;
use ledger::chain::{self, Head, Kind, Verified};
use ledger::{Entry, Holder, Place};

fn main() -> ExitCode {
    let mut trials = Vec::new();
    trials.extend(each("a_book_as_it_is_written_is_whole", whole));
    trials.extend(each("many_entries_and_many_legs_are_read_in_pages", paged));
    for (name, damage, position, kind) in DAMAGES {
        trials.extend(each(name, async move |book| {
            found(book, damage, *position, kind).await
        }));
    }
    trials.extend(each(
        "newest_entries_taken_away_are_missed_by_the_head",
        cut,
    ));
    trials.extend(each("another_history_is_not_what_was_signed", rewritten));
    testkit::main(trials)
}

/// In a lane of six entries: what is done below the program, and where and how it is seen.
const DAMAGES: &[(&str, &str, i64, Kind)] = &[
    (
        "an_altered_entry",
        "UPDATE entries SET template = 'pay_wallet' WHERE position = 3",
        3,
        Kind::Altered,
    ),
    (
        "an_entry_of_another_tenant_now",
        "UPDATE entries SET livemode = 1 WHERE position = 3",
        3,
        Kind::Altered,
    ),
    (
        "altered_postings_that_still_balance",
        "UPDATE postings SET amount = amount * 2 WHERE entry_id = (SELECT id FROM entries WHERE position = 2)",
        2,
        Kind::Altered,
    ),
    (
        "postings_exchanged_between_accounts",
        "UPDATE postings SET leg = 1 - leg + 2 WHERE entry_id = (SELECT id FROM entries WHERE position = 6)",
        6,
        Kind::Altered,
    ),
    (
        "a_posting_taken_away",
        "DELETE FROM postings WHERE leg = 1 AND entry_id = (SELECT id FROM entries WHERE position = 4)",
        4,
        Kind::Altered,
    ),
    (
        "an_entry_taken_away",
        "DELETE FROM entries WHERE position = 4",
        5,
        Kind::Missing { from: 4 },
    ),
    (
        "a_changed_hash",
        "UPDATE entries SET hash = (SELECT hash FROM entries WHERE position = 1) WHERE position = 3",
        3,
        Kind::HashChanged,
    ),
    (
        "the_last_hash_changed",
        "UPDATE entries SET hash = (SELECT hash FROM entries WHERE position = 1) WHERE position = 6",
        6,
        Kind::HashChanged,
    ),
    (
        "no_hash",
        "UPDATE entries SET hash = NULL WHERE position = 3",
        3,
        Kind::NoHash,
    ),
    (
        "newest_entries_taken_away",
        "DELETE FROM entries WHERE position > 4",
        4,
        Kind::CutShort {
            to: 6,
            signed: false,
        },
    ),
    (
        "an_entry_put_in_beside_the_program",
        "INSERT INTO entries (partner_id, livemode, id, key, template, posted_at)
         SELECT partner_id, livemode, 'en_0', 'slipped in', template, posted_at FROM entries WHERE position = 1",
        0,
        Kind::Unlinked { entries: 1 },
    ),
    (
        "a_lane_without_its_record",
        "DELETE FROM lanes",
        6,
        Kind::NoSuchLane,
    ),
];

/// Six entries, one after the other.
async fn filled(book: &Book, cents: i64) -> Result<()> {
    let alice = book.funded(1, 100_00).await?;
    for number in 1..=5 {
        let key = step(number, Step::Fund);
        let entry =
            Entry::collect_from_wallet(book.tenant, key, Place::Internal, alice, eur(cents));
        book.post(entry).await?;
    }
    Ok(())
}

async fn walked(book: &Book, signed: Option<Head>) -> Result<Verified> {
    Ok(chain::verify(&book.db, signed, |_| ()).await?)
}

async fn head(book: &Book) -> Result<Head> {
    Ok(chain::head(&book.db, Timestamp::from_micros(1)).await?)
}

async fn damaged(book: &Book, sql: &'static str) -> Result<()> {
    let answer: Result<u64, WriteError<DbError>> = book
        .db
        .write(move |tx| Box::pin(async move { tx.execute(sql, params![]).await }))
        .await;
    ensure!(answer? > 0, "nothing was damaged by {sql}");
    Ok(())
}

async fn whole(book: Book) -> Result<()> {
    ensure!(walked(&book, None).await?.is_whole(), "an empty book");
    filled(&book, 1_00).await?;
    let (verified, head) = (walked(&book, None).await?, head(&book).await?);
    ensure!(verified.is_whole() && verified.entries == 6, "{verified:?}");
    ensure!(
        verified.tips == head.tips && head.tips.len() == 1,
        "{head:?}"
    );
    // What was signed stays true when more is written.
    book.funded(2, 1).await?;
    let verified = walked(&book, Some(head)).await?;
    ensure!(verified.is_whole() && verified.entries == 7, "{verified:?}");
    Ok(())
}

async fn paged(book: Book) -> Result<()> {
    const ENTRIES: u64 = 1_200;
    let alice = book.funded(1, 100_000_00).await?;
    let posts = (1..ENTRIES - 1).map(|number| {
        let key = step(number.into(), Step::Fund);
        let entry = Entry::collect_from_wallet(book.tenant, key, Place::Internal, alice, eur(1));
        let book = book.clone();
        tokio::spawn(async move { book.post(entry).await })
    });
    for post in posts.collect::<Vec<_>>() {
        post.await??;
    }
    let parts = vec![(Holder::Wallet(alice), eur(1)); 9_000];
    let many = Entry::distribute(book.tenant, "many", Holder::Wallet(alice), &parts)?;
    book.post(many).await?;
    let told = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&told);
    let verified = chain::verify(&book.db, None, move |at| {
        counted.store(at.entries, Ordering::Relaxed);
    });
    let verified = verified.await?;
    ensure!(
        verified.is_whole() && verified.entries == ENTRIES,
        "{verified:?}"
    );
    ensure!(
        told.load(Ordering::Relaxed) == ENTRIES,
        "the progress ends elsewhere"
    );
    // The last leg of nine thousand counts as much as the first.
    damaged(
        &book,
        "UPDATE postings SET balance_after = balance_after + 1 WHERE leg = 9000",
    )
    .await?;
    let verified = walked(&book, None).await?;
    ensure!(verified.all_breaks == 1, "{verified:?}");
    Ok(())
}

async fn found(book: Book, damage: &'static str, position: i64, kind: &Kind) -> Result<()> {
    filled(&book, 1_00).await?;
    damaged(&book, damage).await?;
    let verified = walked(&book, None).await?;
    let there = verified
        .breaks
        .iter()
        .any(|found| (found.position, &found.kind) == (position, kind));
    ensure!(there, "{verified:#?}");
    // And nowhere else, but that a changed hash at the end is also not the recorded one.
    ensure!(verified.all_breaks <= 2, "{verified:#?}");
    let report = ledger::check::books(&book.db).await?;
    ensure!(!report.is_true(), "the oracle saw nothing");
    Ok(())
}

async fn cut(book: Book) -> Result<()> {
    filled(&book, 1_00).await?;
    let signed = head(&book).await?;
    damaged(&book, "DELETE FROM entries WHERE position > 4").await?;
    damaged(
        &book,
        "UPDATE lanes SET position = 4, hash = (SELECT hash FROM entries WHERE position = 4)",
    )
    .await?;
    ensure!(
        walked(&book, None).await?.is_whole(),
        "consistent by itself"
    );
    let verified = walked(&book, Some(signed)).await?;
    let kinds: Vec<_> = verified.breaks.iter().map(|found| &found.kind).collect();
    let expected = Kind::CutShort {
        to: 6,
        signed: true,
    };
    ensure!(kinds == [&expected], "{verified:?}");
    Ok(())
}

/// Somebody who can write the whole database can make a chain that is whole. It is another one.
async fn rewritten(book: Book) -> Result<()> {
    filled(&book, 1_00).await?;
    let mut signed = head(&book).await?;
    ensure!(walked(&book, Some(signed.clone())).await?.is_whole());
    let written = signed.tips.first_mut().context("no lane")?;
    written.hash = chain::Hash::NONE;
    let verified = walked(&book, Some(signed)).await?;
    let kinds: Vec<_> = verified.breaks.iter().map(|found| &found.kind).collect();
    ensure!(kinds == [&Kind::NotAsSigned], "{verified:?}");
    Ok(())
}
