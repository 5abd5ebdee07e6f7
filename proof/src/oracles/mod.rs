//! What must hold once the machine is quiet, whatever happened before. One checker for every test
//! that has a business database and the banks' own books at hand.
//!
//! | | says |
//! |-|------|
//! | O1 | money is conserved: entries balance, balances are folds, the chain is whole |
//! | O2 | what was accepted is there, as it was accepted |
//! | O3 | each step happened at the bank at most once, and exactly as our books say |
//! | O4 | every transfer is final or visibly waits; what is final never changed |
//! | O5 | one idempotency key, one transfer |
//! | O6 | nothing available is below its floor, a hold resolves once |
//! | O7 | histories are gapless, closed when the transfer is final, and replay |
//! | O8 | one event a transition, gapless and in order |
//!
//! None of it trusts the code that writes: questions are asked of raw rows and of the banks.

mod accepted;
mod bank;
mod book;
mod engine;
mod life;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;
use db::{Db, Value};
use domain::rail::RailId;
use sandbox::Bank;

pub use accepted::Accepted;
pub use engine::Histories;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Oracle {
    O1,
    O2,
    O3,
    O4,
    O5,
    O6,
    O7,
    O8,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub oracle: Oracle,
    /// The transfer, account, entry or reference at fault.
    pub subject: String,
    pub says: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            oracle,
            subject,
            says,
        } = self;
        write!(f, "{oracle:?} {subject}: {says}")
    }
}

/// What the oracles look at.
#[derive(Debug)]
pub struct Evidence<'w> {
    pub db: &'w Db,
    /// The banks' own books, by the rail that leads to each.
    pub banks: &'w BTreeMap<RailId, Bank>,
    /// Everything that a client was told was accepted.
    pub accepted: &'w [Accepted],
}

/// What they saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub entries: i64,
    pub postings: i64,
    pub transfers: usize,
    pub movements: usize,
    pub by_status: BTreeMap<String, i64>,
    pub wrong: Vec<Wrong>,
}

/// Of each kind so many are told; a broken book must not fill the memory as well.
const TOLD: usize = 50;

/// O1 to O6 and O8; [`Histories::check`] asks the engine for O7.
pub async fn check(evidence: &Evidence<'_>) -> Result<Seen> {
    let mut seen = Seen::default();
    book::check(evidence, &mut seen).await?;
    accepted::check(evidence, &mut seen).await?;
    life::check(evidence, &mut seen).await?;
    bank::check(evidence, &mut seen).await?;
    Ok(seen)
}

impl Seen {
    pub fn is_right(&self) -> bool {
        self.wrong.is_empty()
    }

    fn say(&mut self, oracle: Oracle, subject: impl fmt::Display, says: impl Into<String>) {
        let says = says.into();
        let like = |wrong: &&Wrong| wrong.oracle == oracle;
        if self.wrong.iter().filter(like).count() < TOLD {
            let subject = subject.to_string();
            self.wrong.push(Wrong {
                oracle,
                subject,
                says,
            });
        }
    }

    /// Each row of a query for what must not be is a thing that is wrong.
    async fn none(&mut self, db: &Db, oracle: Oracle, says: &str, sql: &str) -> Result<()> {
        for row in db.fetch_all(&format!("{sql} LIMIT {TOLD}"), none()).await? {
            self.say(oracle, row.text("subject")?, says);
        }
        Ok(())
    }
}

const fn none() -> Vec<Value> {
    Vec::new()
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} transfers, {} entries, {} postings, {} movements at banks",
            self.transfers, self.entries, self.postings, self.movements
        )?;
        for (status, count) in &self.by_status {
            writeln!(f, "  {count:>8} {status}")?;
        }
        match self.wrong.as_slice() {
            [] => write!(f, "every oracle agrees"),
            wrong => {
                write!(f, "{} things are wrong", wrong.len())?;
                wrong.iter().try_for_each(|wrong| write!(f, "\n{wrong}"))
            }
        }
    }
}
