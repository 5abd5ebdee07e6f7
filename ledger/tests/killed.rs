//! Killed without warning, again and again on the same book: whatever was acknowledged is there,
//! whatever was not is wholly there or wholly absent, and the books are true.
#![allow(clippy::unwrap_used)]
#![allow(clippy::inconsistent_digit_grouping)] // 1_000_000_00 reads as 1,000,000.00.

mod both;

use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use both::{Book, each, eur, step};
use domain::{Step, TransferId};
use ledger::{Entry, Place};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// Set for the process that is to be killed: where its book is.
const VICTIM: &str = "REMIT_TEST_VICTIM";
const CALLERS: usize = 8;
const KILLS: u128 = 4;

fn main() -> ExitCode {
    if let Ok(url) = std::env::var(VICTIM) {
        return victim(&url);
    }
    testkit::main(each("what_was_acknowledged_survives_a_kill", killed).into())
}

/// Posts for ever from several callers and says each transfer's number once it was answered.
#[tokio::main]
async fn victim(url: &str) -> ExitCode {
    let book = Book::open(url.parse().unwrap(), None).await.unwrap();
    let alice = book.funded(1, 1_000_000_00).await.unwrap();
    let first = u128::from(u32::from_be_bytes(ambient::fill().unwrap())) << 32;
    let callers = (first..).take(CALLERS).map(|number| {
        let book = book.clone();
        tokio::spawn(async move {
            for number in (number..).step_by(CALLERS) {
                let entry = Entry::collect_from_wallet(
                    book.tenant,
                    step(number, Step::Fund),
                    Place::Internal,
                    alice,
                    eur(1),
                );
                book.post(entry).await.unwrap();
                println!("{number}");
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    ExitCode::SUCCESS
}

async fn killed(book: Book) -> Result<()> {
    let db::DatabaseUrl::Postgres(url) = &book.url else {
        let url = book.url.to_string();
        return kill_again_and_again(&book, &url).await;
    };
    kill_again_and_again(&book, url).await
}

async fn kill_again_and_again(book: &Book, url: &str) -> Result<()> {
    let mut acknowledged = Vec::new();
    for round in 0..KILLS {
        let mut victim = Command::new(std::env::current_exe()?)
            .env(VICTIM, url)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(victim.stdout.take().context("no output")?).lines();
        // A different moment each time, early ones included.
        let [early] = ambient::fill::<1>()?;
        for _ in 0..=u128::from(early) * round / KILLS {
            let line = lines.next_line().await?.context("it ended by itself")?;
            acknowledged.push(line.parse::<u128>()?);
        }
        victim.start_kill()?;
        // What it still said before it died counts. A line is one write, so none is cut short.
        while let Some(line) = lines.next_line().await? {
            acknowledged.push(line.parse()?);
        }
        let status = victim.wait().await?;
        ensure!(status.code().is_none(), "it was not killed: {status}");
        book.is_true().await?;
    }
    for number in &acknowledged {
        let transfer = TransferId::from_bits(*number);
        let entries = ledger::entries_of_transfer(&book.db, book.tenant, transfer).await?;
        ensure!(
            entries.len() == 1,
            "{transfer} was acknowledged and is not there"
        );
    }
    ensure!(
        acknowledged.len() >= usize::try_from(KILLS)?,
        "nothing was posted"
    );
    Ok(())
}
