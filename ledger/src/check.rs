//! The oracle over the whole book: does every entry balance, is every balance the fold of its
//! postings, is nothing below zero that must not be, is every pool and suspense explained?
//!
//! It trusts none of the code that writes: each question is a query over the raw rows, on one
//! unchanging state of the database. It looks at all tenants, because it answers for all of them.

use std::fmt;

use db::{Db, DbError, Row, Tx, params};
use domain::Tenant;

use crate::stored;

/// One thing that is wrong in the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub tenant: Tenant,
    pub rule: Rule,
    /// The entry, account or transfer at fault.
    pub subject: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    EntrySumsToZero,
    EntryHasLegs,
    BalanceIsFold,
    RunningBalanceIsFold,
    NotBelowZero,
    SharesAreExplained,
}

impl Rule {
    const ALL: [Self; 6] = [
        Self::EntrySumsToZero,
        Self::EntryHasLegs,
        Self::BalanceIsFold,
        Self::RunningBalanceIsFold,
        Self::NotBelowZero,
        Self::SharesAreExplained,
    ];

    pub const fn says(self) -> &'static str {
        match self {
            Self::EntrySumsToZero => "the postings of an entry sum to zero per currency",
            Self::EntryHasLegs => "an entry has at least two postings",
            Self::BalanceIsFold => "an account's balance and version are the fold of its postings",
            Self::RunningBalanceIsFold => "each posting carries the balance of all before it",
            Self::NotBelowZero => "no account is below its floor or above its ceiling",
            Self::SharesAreExplained => {
                "what lies in a pool or suspense account belongs to transfers, none below zero"
            }
        }
    }

    /// Rows of `partner_id, livemode, subject` that break the rule.
    const fn query(self) -> &'static str {
        match self {
            Self::EntrySumsToZero => {
                "SELECT partner_id, livemode, entry_id AS subject FROM postings
                 GROUP BY partner_id, livemode, entry_id, currency HAVING SUM(amount) <> 0"
            }
            Self::EntryHasLegs => {
                "SELECT e.partner_id, e.livemode, e.id AS subject FROM entries e
                 LEFT JOIN postings p ON p.partner_id = e.partner_id AND p.livemode = e.livemode AND p.entry_id = e.id
                 GROUP BY e.partner_id, e.livemode, e.id HAVING COUNT(p.leg) < 2"
            }
            Self::BalanceIsFold => {
                "SELECT a.partner_id, a.livemode, a.id AS subject FROM accounts a
                 LEFT JOIN postings p ON p.partner_id = a.partner_id AND p.livemode = a.livemode AND p.account_id = a.id
                 GROUP BY a.partner_id, a.livemode, a.id, a.balance, a.version
                 HAVING a.balance <> COALESCE(SUM(p.amount), 0) OR a.version <> COUNT(p.leg)"
            }
            Self::RunningBalanceIsFold => {
                "SELECT partner_id, livemode, account_id AS subject FROM (
                     SELECT partner_id, livemode, account_id, balance_after, account_version,
                            SUM(amount) OVER lines AS folded, COUNT(*) OVER lines AS counted
                     FROM postings
                     WINDOW lines AS (PARTITION BY partner_id, livemode, account_id ORDER BY account_version)
                 ) AS running
                 WHERE balance_after <> folded OR account_version <> counted"
            }
            Self::NotBelowZero => {
                "SELECT partner_id, livemode, id AS subject FROM accounts
                 WHERE balance - held < floor OR balance > ceiling"
            }
            Self::SharesAreExplained => {
                "SELECT p.partner_id, p.livemode, COALESCE(e.transfer_id, e.id) AS subject FROM postings p
                 JOIN entries e ON e.partner_id = p.partner_id AND e.livemode = p.livemode AND e.id = p.entry_id
                 JOIN accounts a ON a.partner_id = p.partner_id AND a.livemode = p.livemode AND a.id = p.account_id
                 WHERE a.purpose IN ('pool', 'suspense')
                 GROUP BY p.partner_id, p.livemode, p.account_id, e.transfer_id, COALESCE(e.transfer_id, e.id)
                 HAVING SUM(p.amount) < 0 OR e.transfer_id IS NULL"
            }
        }
    }
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

pub async fn books(db: &Db) -> Result<Report, DbError> {
    db.snapshot(|tx| Box::pin(look(tx))).await
}

async fn look(tx: &mut Tx) -> Result<Report, DbError> {
    let mut faults = Vec::new();
    for rule in Rule::ALL {
        let sql = format!("{} LIMIT $1", rule.query());
        for row in tx.fetch_all(&sql, params![FAULTS_PER_RULE]).await? {
            faults.push(fault(rule, &row)?);
        }
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
        tenant: stored::tenant(row)?,
        rule,
        subject: row.text("subject")?,
    })
}

async fn count(tx: &mut Tx, sql: &str) -> Result<i64, DbError> {
    tx.fetch_optional(sql, params![])
        .await?
        .map_or(Ok(0), |row| row.int("n"))
}
