//! The book as a table that anybody can read: each line of `cases/*.txt` is done, then compared
//! with what it says after the arrow. Every file starts on an empty book, on both databases.
//!
//! ```text
//! wallet   alice EUR                                → open
//! opening  1 alice 100.00 EUR                       → posted        a template: key, wallet, amount
//! collect_from_wallet 7 alice 60.00 EUR             → posted        of a transfer: its number
//! entry    k | alice -1.00 EUR | fees 1.00 EUR      → posted        any legs
//!              | of 2.00 EUR | posts h1 | when version alice 3      and what else it says
//! many     k 10000 alice bob EUR                    → posted        so many legs of a cent
//! reserve  h1 | alice 60.00 EUR | until 60          → held          seconds after the start
//! void     h1                                       → voided
//! expire                                            → 1 expired
//! tick     60                                       → 120           the clock goes on
//! terms    alice floor -5.00 ceiling 10.00          → changed
//! freeze | thaw | close  alice                      → closed
//! account  alice                                    → open 40.00 EUR, 5.00 EUR held, version 3
//! balance  alice                                    → 40.00 EUR
//! house    pool EUR                                 → 60.00 EUR
//! hold     h1                                       → open 0.00 EUR of 60.00 EUR
//! ```
//!
//! A key `@N` has N letters. A name that was never opened is an account that does not exist.
#![allow(clippy::unwrap_used)]

mod both;
#[path = "table/read.rs"]
mod read;
#[path = "table/table.rs"]
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use both::{Book, each};
use table::Table;

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let trials = files.into_iter().flat_map(|file| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        each(&name, async move |book| run(book, &file).await)
    });
    testkit::main(trials.collect())
}

async fn run(book: Book, file: &Path) -> Result<()> {
    let mut table = Table::new(book);
    let mut lines = 0;
    for (line, number) in std::fs::read_to_string(file)?.lines().zip(1..) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        lines += 1;
        let place = || format!("{}:{number}: {line}", file.display());
        let (act, expected) = line.split_once('→').with_context(place)?;

        let found = table.act(act).await.with_context(place)?;
        ensure!(found == expected.trim(), "{}\n   found: {found}", place());
    }
    ensure!(lines > 5, "{} has no lines", file.display());
    table.book.is_true().await
}
