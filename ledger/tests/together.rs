//! Many callers at once, and several processes: nothing is posted twice, nothing waits for ever.
#![allow(clippy::unwrap_used)]
#![allow(clippy::inconsistent_digit_grouping)] // 100_00 reads as 100.00.

mod both;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use both::{Book, each, eur, on_postgres, refusal, step};
use db::WriteError;
use domain::Step;
use ledger::{Entry, Place, PostError, Refusal};

fn main() -> ExitCode {
    let mut trials = Vec::new();
    trials.extend(each("many_with_one_key_post_once", one_key));
    trials.extend(each(
        "crossing_transfers_do_not_wait_for_each_other",
        crossing,
    ));
    trials.extend(each("a_wallet_is_never_spent_twice", spent_once));
    trials.push(on_postgres("two_processes_share_a_book", two_processes));
    testkit::main(trials)
}

async fn one_key(book: Book) -> Result<()> {
    let alice = book.funded(1, 100_00).await?;
    let entry = Entry::collect_from_wallet(
        book.tenant,
        step(1, Step::Fund),
        Place::Internal,
        alice,
        eur(60_00),
    );
    let mut storm = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (book, entry) = (book.clone(), entry.clone());
        storm.spawn(async move { book.post(entry).await });
    }
    let mut fresh = 0;
    let mut ids = std::collections::BTreeSet::new();
    while let Some(answer) = storm.join_next().await {
        let posted = answer??;
        fresh += u32::from(!posted.replayed);
        ids.insert(posted.entry);
    }
    ensure!(
        (fresh, ids.len()) == (1, 1),
        "{fresh} fresh, {} ids",
        ids.len()
    );
    ensure!(book.balance(alice).await? == 40_00);
    book.is_true().await
}

async fn crossing(book: Book) -> Result<()> {
    cross(&book, &book).await
}

/// A pays B while B pays A, many times at once, through two handles on the book.
async fn cross(here: &Book, there: &Book) -> Result<()> {
    let alice = here.funded(1, 1_000_00).await?;
    let bob = here.funded(2, 1_000_00).await?;
    let mut transfers = tokio::task::JoinSet::new();
    for transfer in 0..60_u128 {
        let (book, from, to) = if transfer % 2 == 0 {
            (here.clone(), alice, bob)
        } else {
            (there.clone(), bob, alice)
        };
        transfers.spawn(async move {
            let money = eur(1_00);
            let collect = Entry::collect_from_wallet(
                book.tenant,
                step(transfer, Step::Fund),
                Place::Internal,
                from,
                money,
            );
            let pay = Entry::pay_wallet(
                book.tenant,
                step(transfer, Step::Settle),
                Place::Internal,
                to,
                money,
            );
            // A conflict says that nothing was executed and that the same call may be repeated.
            for entry in [collect, pay] {
                while let Err(error) = book.post(entry.clone()).await {
                    ensure!(is_conflict(&error), "{error:?}");
                }
            }
            Ok(())
        });
    }
    while let Some(done) = transfers.join_next().await {
        done??;
    }
    ensure!(here.balance(alice).await? == 1_000_00 && here.balance(bob).await? == 1_000_00);
    here.is_true().await
}

fn is_conflict(error: &WriteError<PostError>) -> bool {
    let WriteError::Refused(PostError::Ledger(ledger::LedgerError::Db(error))) = error else {
        return false;
    };
    matches!(error, db::DbError::Conflict(_))
}

async fn spent_once(book: Book) -> Result<()> {
    let alice = book.funded(1, 100_00).await?;
    let mut spending = tokio::task::JoinSet::new();
    for transfer in 0..50 {
        let book = book.clone();
        let entry = Entry::collect_from_wallet(
            book.tenant,
            step(transfer, Step::Fund),
            Place::Internal,
            alice,
            eur(7_00),
        );
        spending.spawn(async move { book.post(entry).await });
    }
    let mut spent = 0;
    while let Some(answer) = spending.join_next().await {
        match answer? {
            Ok(_) => spent += 1,
            refused => {
                let short = refusal(refused)?;
                ensure!(
                    matches!(short, Refusal::InsufficientAvailable { .. }),
                    "{short:?}"
                );
            }
        }
    }
    ensure!(spent == 14, "{spent}");
    ensure!(book.balance(alice).await? == 2_00);
    book.is_true().await
}

async fn two_processes(book: Book) -> Result<()> {
    let other = book.another().await?;
    cross(&book, &other).await?;
    // The same key through both at once, with money for one only.
    let carol = book.funded(3, 10_00).await?;
    let entry = Entry::collect_from_wallet(
        book.tenant,
        step(900, Step::Fund),
        Place::Internal,
        carol,
        eur(10_00),
    );
    let (one, two) = tokio::join!(book.post(entry.clone()), other.post(entry));
    let (one, two) = (one?, two?);
    ensure!(
        one.entry == two.entry && one.replayed != two.replayed,
        "{one:?} {two:?}"
    );
    ensure!(book.balance(carol).await? == 0);
    book.is_true().await
}
