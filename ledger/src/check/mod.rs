//! The oracle over the whole book: does every entry balance, is every balance the fold of its
//! postings, is nothing below zero that must not be, is every pool and suspense explained?
//!
//! It trusts none of the code that writes: each question is a query over the raw rows, on one
//! unchanging state of the database. It looks at all tenants, because it answers for all of them.

mod rules;

use std::fmt;

use db::{Db, DbError, Row, Tx, params};
use domain::Tenant;

use crate::chain::verify_in;
use crate::stored;

pub use rules::Rule;

/// One thing that is wrong in the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Nobody's where the chain is broken: a lane runs through all tenants.
    pub tenant: Option<Tenant>,
    pub rule: Rule,
    /// The entry, account, hold or transfer at fault, or the place of the chain.
    pub subject: String,
}

/// What the oracle saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub accounts: i64,
    pub entries: i64,
    pub postings: i64,
    /// The first of each rule's faults; empty in a true book.
    pub faults: Vec<Fault>,
}

impl Report {
    pub const fn is_true(&self) -> bool {
        self.faults.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            accounts,
            entries,
            postings,
            faults,
        } = self;
        write!(
            f,
            "{accounts} accounts, {entries} entries, {postings} postings, {} faults",
            faults.len()
        )?;
        faults.iter().try_for_each(|fault| {
            write!(
                f,
                "\n{}: not true that {}",
                fault.subject,
                fault.rule.says()
            )
        })
    }
}

/// Enough to see what is wrong; a broken book must not fill the memory as well.
const FAULTS_PER_RULE: u32 = 100;

/// Every rule, and the hash chain.
pub async fn books(db: &Db) -> Result<Report, DbError> {
    db.snapshot(|tx| Box::pin(look(tx, true))).await
}

/// Every rule but the hash chain, for whoever walks that one by itself.
pub async fn rules(db: &Db) -> Result<Report, DbError> {
    db.snapshot(|tx| Box::pin(look(tx, false))).await
}

async fn look(tx: &mut Tx, chain: bool) -> Result<Report, DbError> {
    let mut faults = Vec::new();
    for rule in Rule::ASKED.iter().copied() {
        let sql = format!("{} LIMIT $1", rule.query());
        for row in tx.fetch_all(&sql, params![FAULTS_PER_RULE]).await? {
            faults.push(fault(rule, &row)?);
        }
    }
    if chain {
        let verified = verify_in(tx, &[], &mut |_| ()).await?;
        faults.extend(verified.breaks.iter().map(|found| Fault {
            tenant: None,
            rule: Rule::ChainIsWhole,
            subject: found.to_string(),
        }));
    }
    Ok(Report {
        accounts: count(tx, "SELECT COUNT(*) AS n FROM accounts").await?,
        entries: count(tx, "SELECT COUNT(*) AS n FROM entries").await?,
        postings: count(tx, "SELECT COUNT(*) AS n FROM postings").await?,
        faults,
    })
}

fn fault(rule: Rule, row: &Row) -> Result<Fault, DbError> {
    Ok(Fault {
        tenant: Some(stored::tenant(row)?),
        rule,
        subject: row.text("subject")?,
    })
}

async fn count(tx: &mut Tx, sql: &str) -> Result<i64, DbError> {
    tx.fetch_optional(sql, params![])
        .await?
        .map_or(Ok(0), |row| row.int("n"))
}
