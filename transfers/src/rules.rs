//! The rules of the screening, as operators set and lift them: each change with its name and reason,
//! in the commit that makes it. They hold for what begins from then on.

use db::{Db, DbError, Row, Tx, WriteError, params};
use domain::{Currency, Money, PartnerId, Tenant, Timestamp, UserId};

use crate::screen::{Rule, Subject};
use crate::{plain, scope};

/// Far more than anybody sets.
const MOST_RULES: i64 = 1_000;
/// Rows of a list for people.
const LONGEST_LOG: u32 = 100;

/// A rule that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub subject: Subject,
    pub rule: Rule,
    pub amount: Money,
}

/// A line of a partner's history of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleChange {
    pub subject: Subject,
    pub rule: Rule,
    pub currency: Currency,
    /// None where it was lifted.
    pub amount: Option<Money>,
    pub by: String,
    pub reason: String,
    pub at: Timestamp,
}

/// What is to hold, and who says so.
#[derive(Clone, Debug)]
pub struct RuleOrder {
    pub subject: Subject,
    pub rule: Rule,
    pub currency: Currency,
    /// None lifts it.
    pub minor: Option<i64>,
    pub by: String,
    pub reason: String,
}

#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    #[error("there is no partner {0} in this mode; nothing was changed")]
    NoSuchPartner(PartnerId),
    #[error("the partner has no person {0}; nothing was changed")]
    NoSuchPerson(UserId),
    #[error("the amount is out of range; nothing was changed")]
    OutOfRange,
    #[error("the rules cannot be read or written now; nothing was changed")]
    Store(#[from] DbError),
    #[error("what is stored is not known for certain; look, and say it again if need be")]
    Unknown(#[source] DbError),
}

/// Clones share the database.
#[derive(Clone, Debug)]
pub struct Rules {
    db: Db,
}

impl Rules {
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// Sets or lifts. Saying what is so already changes nothing, and leaves no line.
    pub async fn change(&self, tenant: &Tenant, order: RuleOrder) -> Result<bool, RuleError> {
        let tenant = *tenant;
        if let Some(minor) = order.minor {
            let fits = Money::from_minor(minor, order.currency);
            fits.ok()
                .filter(|money| !money.is_negative())
                .ok_or(RuleError::OutOfRange)?;
        }
        let change = self.db.write(move |tx: &mut Tx| {
            let order = order.clone();
            Box::pin(async move { change(tx, &tenant, &order).await })
        });
        change.await.map_err(|error| match error {
            WriteError::Refused(refused) => refused,
            WriteError::Unknown(error) => RuleError::Unknown(error),
            WriteError::Overloaded | WriteError::Closed => {
                RuleError::Store(DbError::Unavailable(None))
            }
        })
    }

    pub async fn all(&self, tenant: &Tenant) -> Result<Vec<Standing>, RuleError> {
        let mut params = scope(tenant);
        params.push(MOST_RULES.into());
        let sql = "SELECT subject_id, rule, currency, amount FROM screening_rules
            WHERE partner_id = $1 AND livemode = $2 ORDER BY subject_id, rule, currency LIMIT $3";
        let rows = self.db.fetch_all(sql, params).await?;
        let read = |row: &Row| {
            let currency: Currency = row.parse("currency")?;
            Ok(Standing {
                subject: subject(row, tenant)?,
                rule: rule(row)?,
                amount: money(row.int("amount")?, currency)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// The newest first.
    pub async fn changes(&self, tenant: &Tenant, limit: u32) -> Result<Vec<RuleChange>, RuleError> {
        let mut params = scope(tenant);
        params.push(limit.min(LONGEST_LOG).into());
        let sql = "SELECT subject_id, rule, currency, amount, actor, reason, at
            FROM screening_rule_changes WHERE partner_id = $1 AND livemode = $2
            ORDER BY number DESC LIMIT $3";
        let rows = self.db.fetch_all(sql, params).await?;
        let read = |row: &Row| {
            let currency: Currency = row.parse("currency")?;
            let amount = row.opt_int("amount")?;
            Ok(RuleChange {
                subject: subject(row, tenant)?,
                rule: rule(row)?,
                currency,
                amount: amount.map(|minor| money(minor, currency)).transpose()?,
                by: row.text("actor")?,
                reason: row.text("reason")?,
                at: row.timestamp("at")?,
            })
        };
        rows.iter().map(read).collect()
    }
}

async fn change(tx: &mut Tx, tenant: &Tenant, order: &RuleOrder) -> Result<bool, RuleError> {
    // Whoever changes a partner's rules holds its row, so that the lines are counted one by one.
    let lock = tx.dialect().for_update();
    let partner =
        format!("SELECT 1 AS found FROM partners WHERE partner_id = $1 AND livemode = $2{lock}");
    if tx.fetch_optional(&partner, scope(tenant)).await?.is_none() {
        return Err(RuleError::NoSuchPartner(tenant.partner));
    }
    if let Subject::Person(user) = order.subject {
        let mut params = scope(tenant);
        params.push(user.to_string().into());
        let person = "SELECT 1 AS found FROM users
            WHERE partner_id = $1 AND livemode = $2 AND user_id = $3";
        if tx.fetch_optional(person, params).await?.is_none() {
            return Err(RuleError::NoSuchPerson(user));
        }
    }
    let mut named = scope(tenant);
    named.extend(params![
        order.subject.stored(tenant),
        order.rule.name(),
        order.currency.code()
    ]);
    let sql = "SELECT amount FROM screening_rules WHERE partner_id = $1 AND livemode = $2
        AND subject_id = $3 AND rule = $4 AND currency = $5";
    let before = match tx.fetch_optional(sql, named.clone()).await? {
        Some(row) => Some(row.int("amount")?),
        None => None,
    };
    if before == order.minor {
        return Ok(false);
    }
    let mut params = named.clone();
    let sql = match order.minor {
        Some(minor) => {
            params.push(minor.into());
            "INSERT INTO screening_rules (partner_id, livemode, subject_id, rule, currency, amount)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (partner_id, livemode, subject_id, rule, currency)
             DO UPDATE SET amount = excluded.amount"
        }
        None => {
            "DELETE FROM screening_rules WHERE partner_id = $1 AND livemode = $2
             AND subject_id = $3 AND rule = $4 AND currency = $5"
        }
    };
    tx.execute(sql, params).await?;
    let mut params = named;
    params.extend(params![
        order.minor,
        plain(&order.by),
        plain(&order.reason),
        tx.now()
    ]);
    tx.execute(
        "INSERT INTO screening_rule_changes (partner_id, livemode, number, subject_id, rule,
             currency, amount, actor, reason, at)
         SELECT $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5, $6, $7, $8, $9
         FROM screening_rule_changes WHERE partner_id = $1 AND livemode = $2",
        params,
    )
    .await?;
    Ok(true)
}

fn subject(row: &Row, tenant: &Tenant) -> Result<Subject, DbError> {
    let stored = row.text("subject_id")?;
    Ok(match stored.as_str() {
        "" => Subject::Everyone,
        text if text == tenant.partner.to_string() => Subject::Partner,
        _ => Subject::Person(row.parse("subject_id")?),
    })
}

fn rule(row: &Row) -> Result<Rule, DbError> {
    let name = row.text("rule")?;
    let known = Rule::ALL.into_iter().find(|rule| rule.name() == name);
    known.ok_or_else(|| DbError::column("rule", "a rule of the screening", "another word"))
}

fn money(minor: i64, currency: Currency) -> Result<Money, DbError> {
    Money::from_minor(minor, currency)
        .map_err(|_| DbError::column("amount", "an amount in range", "a larger one"))
}
