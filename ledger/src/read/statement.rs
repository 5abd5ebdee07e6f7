//! An account's statement: what it held at the beginning, each posting with what it was for and
//! what it held then, and what it held at the end.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;

use ambient::Timestamp;
use db::{Db, DbError, Row, Value, params};
use domain::{AccountId, Currency, EntryId, Money, Tenant, TransferId};

use crate::read::balance::History;
use crate::{Place, Purpose, Template, stored};

/// From an instant to another, which is not part of it any more: so one month's statement begins
/// where the last one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: Timestamp,
    pub to: Timestamp,
}

/// The most lines of one page.
const LONGEST_PAGE: i64 = 10_000;

/// One page of a statement. Opening and closing are those of the whole period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub opening: Money,
    pub closing: Money,
    pub lines: Vec<Line>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The account's version once this line was in it.
    pub version: i64,
    pub posted_at: Timestamp,
    pub entry: EntryId,
    pub template: Template,
    pub transfer: Option<TransferId>,
    /// The entry that this one takes back.
    pub corrects: Option<EntryId>,
    pub counter: Option<Counter>,
    /// What came (positive) or went.
    pub money: Money,
    pub balance: Money,
}

/// Where the money came from or went to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    pub account: AccountId,
    pub purpose: Purpose,
    pub place: Place,
    /// The entry has more legs than this one and ours.
    pub among_others: bool,
}

/// A place in a statement whose end is fixed, so that pages fit together whatever is posted
/// meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    after: i64,
    last: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of a statement: give back the one that the page before ended with")]
pub struct NotACursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.after, self.last)
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (after, last) = text.split_once('-').ok_or(NotACursor)?;
        let number = |text: &str| match text.parse::<i64>() {
            Ok(number) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(number),
            _ => Err(NotACursor),
        };
        let (after, last) = (number(after)?, number(last)?);
        (after <= last)
            .then_some(Self { after, last })
            .ok_or(NotACursor)
    }
}

/// A page of at most `limit` lines; `None` where there is no such account in this tenant. A cursor
/// of another statement can only skip lines or show lines outside of the period, never another
/// account's.
pub async fn statement(
    db: &Db,
    tenant: Tenant,
    id: AccountId,
    period: Period,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Option<Statement>, DbError> {
    let Some(history) = History::of(db, tenant, id).await? else {
        return Ok(None);
    };
    let opening = history.before(period.from).await?;
    let (after, closing) = match cursor {
        None => {
            let closing = history.before(period.to.max(period.from)).await?;
            (opening.version, closing)
        }
        Some(cursor) => {
            let version = cursor.last.min(history.version);
            let balance = history.balance(version).await?;
            let closing = super::balance::Standing { version, balance };
            (cursor.after.max(opening.version), closing)
        }
    };
    let until = closing
        .version
        .min(after.saturating_add(i64::from(limit.max(1)).min(LONGEST_PAGE)));
    let rows = db
        .fetch_all(
            LINES,
            params![
                tenant.partner.to_string(),
                tenant.mode.is_live(),
                id.to_string(),
                after,
                until
            ],
        )
        .await?;
    let next = (until < closing.version).then_some(Cursor {
        after: until,
        last: closing.version,
    });
    let lines = named(db, tenant, drafts(&rows, history.currency)?).await?;
    Ok(Some(Statement {
        opening: opening.balance,
        closing: closing.balance,
        lines,
        next,
    }))
}

/// Up to three legs of each entry, of which one may be ours: the first other one is shown, and a
/// second says that there are more. The versions of an account have no gaps, so a page is a range of
/// them. What the other accounts are is asked once for each and not once for each line.
const LINES: &str = "SELECT p.account_version, p.posted_at, p.entry_id, p.amount, p.balance_after,
            e.template, e.transfer_id, e.corrects, o.account_id AS counter_id, o.leg
     FROM postings p
     JOIN entries e ON e.partner_id = p.partner_id AND e.livemode = p.livemode AND e.id = p.entry_id
     LEFT JOIN postings o ON o.partner_id = p.partner_id AND o.livemode = p.livemode
       AND o.entry_id = p.entry_id AND o.leg <= 2 AND o.leg <> p.leg
     WHERE p.partner_id = $1 AND p.livemode = $2 AND p.account_id = $3
       AND p.account_version > $4 AND p.account_version <= $5
     ORDER BY p.account_version";

/// Accounts that are asked for together: few lengths, so that few statements are prepared.
const NAMED_TOGETHER: [usize; 3] = [1, 32, 1_024];

/// A line whose counter is not looked up yet, and which leg of its entry that one is.
struct Draft {
    line: Line,
    counter: Option<(AccountId, i64)>,
    among_others: bool,
}

fn drafts(rows: &[Row], currency: Currency) -> Result<Vec<Draft>, DbError> {
    let money = |row: &Row, column: &str| {
        Money::from_minor(row.int(column)?, currency)
            .map_err(|_| DbError::column(column, "an amount in range", "a larger one"))
    };
    let mut drafts: Vec<Draft> = Vec::with_capacity(rows.len());
    for row in rows {
        let version = row.int("account_version")?;
        let counter = match stored::maybe(row, "counter_id")? {
            None => None,
            Some(account) => Some((account, row.int("leg")?)),
        };
        if let Some(draft) = drafts
            .last_mut()
            .filter(|draft| draft.line.version == version)
        {
            draft.among_others = true;
            draft.counter = [draft.counter, counter]
                .into_iter()
                .flatten()
                .min_by_key(|found| found.1);
            continue;
        }
        let line = Line {
            version,
            posted_at: row.timestamp("posted_at")?,
            entry: row.parse("entry_id")?,
            template: row.parse("template")?,
            transfer: stored::maybe(row, "transfer_id")?,
            corrects: stored::maybe(row, "corrects")?,
            counter: None,
            money: money(row, "amount")?,
            balance: money(row, "balance_after")?,
        };
        drafts.push(Draft {
            line,
            counter,
            among_others: false,
        });
    }
    Ok(drafts)
}

async fn named(db: &Db, tenant: Tenant, drafts: Vec<Draft>) -> Result<Vec<Line>, DbError> {
    let wanted: BTreeSet<AccountId> = drafts
        .iter()
        .filter_map(|draft| draft.counter.map(|(account, _)| account))
        .collect();
    let accounts = accounts(db, tenant, wanted.into_iter().collect()).await?;
    let with_counter = |draft: Draft| {
        let counter = draft.counter.map(|(account, _)| {
            let among_others = draft.among_others;
            let found = accounts.get(&account).map(|&(purpose, place)| Counter {
                account,
                purpose,
                place,
                among_others,
            });
            found.ok_or_else(|| DbError::column("account_id", "an account", "none"))
        });
        Ok(Line {
            counter: counter.transpose()?,
            ..draft.line
        })
    };
    drafts.into_iter().map(with_counter).collect()
}

async fn accounts(
    db: &Db,
    tenant: Tenant,
    ids: Vec<AccountId>,
) -> Result<HashMap<AccountId, (Purpose, Place)>, DbError> {
    let mut accounts = HashMap::with_capacity(ids.len());
    for some in ids.chunks(NAMED_TOGETHER[NAMED_TOGETHER.len() - 1]) {
        let length = NAMED_TOGETHER.iter().find(|length| **length >= some.len());
        let length = length.copied().unwrap_or(some.len());
        let places: Vec<_> = (3..length + 3).map(|place| format!("${place}")).collect();
        let sql = format!(
            "SELECT id, purpose, rail FROM accounts
             WHERE partner_id = $1 AND livemode = $2 AND id IN ({})",
            places.join(", ")
        );
        let mut params = params![tenant.partner.to_string(), tenant.mode.is_live()];
        let last = some.last().into_iter().cycle();
        let padded = some.iter().chain(last).take(length);
        params.extend(padded.map(|id| Value::Text(id.to_string())));
        for row in db.fetch_all(&sql, params).await? {
            let what = (row.parse("purpose")?, row.parse("rail")?);
            accounts.insert(row.parse("id")?, what);
        }
    }
    Ok(accounts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_nothing_else_is_one() {
        let cursor = Cursor { after: 3, last: 40 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in [
            "",
            "3",
            "-",
            "3-",
            "40-3",
            "+3-40",
            "-3-40",
            "3-40-50",
            "a-b",
            "3-99999999999999999999",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text}");
        }
    }
}
