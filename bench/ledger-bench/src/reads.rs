//! How long a reader waits: one balance, and one account's statement.

use std::time::Duration;

use ambient::Timestamp;
use anyhow::{Context, Result, ensure};
use domain::Currency;
use ledger::{Period, Place, Purpose};

use crate::book::Book;
use crate::seen::{self, Seen};

const BALANCES: usize = 5_000;
const STATEMENTS: usize = 20;

pub(crate) async fn measure(book: &Book, lines: usize) -> Result<()> {
    let mut waits = Vec::with_capacity(BALANCES);
    let begun = seen::now();
    for wallet in book.wallets.iter().cycle().take(BALANCES) {
        let asked = seen::now();
        ledger::balance(&book.db, book.tenant, *wallet).await?;
        waits.push(asked.elapsed());
    }
    say("balance", waits, begun.elapsed());
    statements(book, lines).await
}

/// The newest lines of the hot account.
async fn statements(book: &Book, lines: usize) -> Result<()> {
    let internal = Place::Internal;
    let pool = ledger::house_account(
        &book.db,
        book.tenant,
        Purpose::Pool,
        internal,
        Currency::EUR,
    )
    .await?
    .context("no pool")?;
    let always = Period {
        from: Timestamp::from_micros(0),
        to: Timestamp::from_micros(i64::MAX),
    };
    let limit = u32::try_from(lines)?;
    let mut waits = Vec::with_capacity(STATEMENTS);
    let begun = seen::now();
    for _ in 0..STATEMENTS {
        let asked = seen::now();
        let said = ledger::statement(&book.db, book.tenant, pool.id, always, None, limit).await?;
        waits.push(asked.elapsed());
        let found = said.map_or(0, |statement| statement.lines.len());
        ensure!(found == lines, "only {found} lines: post more first");
    }
    say("statement", waits, begun.elapsed());
    Ok(())
}

#[allow(clippy::float_arithmetic)] // For the reader's eye.
fn say(what: &str, waits: Vec<Duration>, took: Duration) {
    let seen = Seen::new(waits, 0, took);
    let us = |percent| seen.percentile(percent).as_secs_f64() * 1_000_000.0;
    println!("{what} us: p50 {:.1} p99 {:.1}", us(50), us(99));
}
