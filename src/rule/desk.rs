//! Answers and orders, one function each.

use ambient::SystemClock;
use db::{Db, Options};
use domain::{Code, Tenant};
use serde_json::json;
use transfers::{RuleError, RuleOrder, Rules, Subject};

use super::orders::About;
use crate::books::table::{Table, say, say_json};
use crate::books::{database, database_url};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::stores;

pub(crate) async fn list(tenant: &Tenant, json: bool, settings: &Settings) -> Result<(), Failure> {
    let db = database(settings).await?;
    let done = show(&db, tenant, json).await;
    db.close().await;
    done
}

async fn show(db: &Db, tenant: &Tenant, json: bool) -> Result<(), Failure> {
    let all = Rules::new(db.clone()).all(tenant).await;
    let all = all.map_err(|error| failed(&error))?;
    if json {
        let rules = all.iter().map(|standing| {
            json!({
                "of": of(standing.subject), "rule": standing.rule.name(),
                "amount": standing.amount,
            })
        });
        say_json(&json!({ "partner": tenant.partner, "rules": rules.collect::<Vec<_>>() }));
        return Ok(());
    }
    let mut table = Table::new(&["of", "rule", "amount"]);
    for standing in all {
        let (rule, amount) = (standing.rule.name().to_owned(), standing.amount.to_string());
        table.row([of(standing.subject), rule, amount]);
    }
    say(&table.text());
    Ok(())
}

pub(crate) async fn log(
    tenant: &Tenant,
    limit: u32,
    json: bool,
    settings: &Settings,
) -> Result<(), Failure> {
    let db = database(settings).await?;
    let changes = Rules::new(db.clone()).changes(tenant, limit).await;
    let changes = changes.map_err(|error| failed(&error));
    db.close().await;
    let changes = changes?;
    if json {
        let shown = changes.iter().map(|change| {
            json!({
                "at": change.at.to_string(), "of": of(change.subject),
                "rule": change.rule.name(), "currency": change.currency,
                "amount": change.amount, "by": change.by, "reason": change.reason,
            })
        });
        say_json(&json!({ "changes": shown.collect::<Vec<_>>() }));
        return Ok(());
    }
    let mut table = Table::new(&["at", "of", "rule", "amount", "by", "reason"]);
    for change in changes {
        let amount = match change.amount {
            Some(amount) => amount.to_string(),
            None => format!("lifted ({})", change.currency),
        };
        let rule = change.rule.name().to_owned();
        let at = change.at.to_string();
        table.row([
            at,
            of(change.subject),
            rule,
            amount,
            change.by,
            change.reason,
        ]);
    }
    say(&table.text());
    Ok(())
}

/// Without an amount it is lifted.
pub(crate) async fn change(
    tenant: &Tenant,
    about: About,
    amount: Option<i64>,
    json: bool,
    settings: &Settings,
) -> Result<(), Failure> {
    // For writing, beside the programs that use it. A schema that is not ours is left as it is.
    database(settings).await?.close().await;
    let url = database_url(settings);
    let opened = Db::open(&url, Options::new(SystemClock::shared())).await;
    let db = opened.map_err(|error| stores::no_database(&url, &error))?;
    let order = RuleOrder {
        subject: match (about.person, about.together) {
            (Some(user), _) => Subject::Person(user),
            (None, true) => Subject::Partner,
            (None, false) => Subject::Everyone,
        },
        rule: about.rule,
        currency: about.currency,
        minor: amount,
        by: about.by,
        reason: about.reason,
    };
    let changed = Rules::new(db.clone()).change(tenant, order).await;
    let shown = match changed {
        Ok(_) => show(&db, tenant, json).await,
        Err(error) => Err(failed(&error)),
    };
    db.close().await;
    shown
}

fn of(subject: Subject) -> String {
    match subject {
        Subject::Everyone => "every person".to_owned(),
        Subject::Person(user) => user.to_string(),
        Subject::Partner => "all together".to_owned(),
    }
}

fn failed(error: &RuleError) -> Failure {
    let code = match error {
        RuleError::Store(_) | RuleError::Unknown(_) => Code::DatabaseUnavailable,
        _ => Code::ConfigInvalid,
    };
    match error {
        RuleError::Store(_) | RuleError::Unknown(_) => {
            Failure::caused(code, "the rules cannot be read or written", error)
        }
        refused => Failure::new(code, refused.to_string()),
    }
}
