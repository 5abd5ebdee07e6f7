//! Answers and orders, one function each.

use ambient::{Clock, SystemClock, Timestamp};
use db::{DatabaseUrl, Db, Options};
use domain::Code;
use rails::{Facts, Limits, RailError, Rails};
use serde_json::{Value, json};

use crate::books::table::{Table, say, say_json};
use crate::books::{database, database_url};
use crate::failure::Failure;
use crate::rail::orders::{Limit, Log, Said};
use crate::settings::Settings;
use crate::stores;

pub(crate) async fn list(json: bool, settings: &Settings) -> Result<(), Failure> {
    let db = database(settings).await?;
    let facts = Rails::new(db.clone()).facts(SystemClock.now()).await;
    let facts = facts.map_err(|error| failed(&error))?;
    db.close().await;
    show(&facts, json);
    Ok(())
}

pub(crate) async fn log(asked: &Log, json: bool, settings: &Settings) -> Result<(), Failure> {
    let db = database(settings).await?;
    let changes = Rails::new(db.clone())
        .changes(asked.rail, asked.limit)
        .await;
    let changes = changes.map_err(|error| failed(&error))?;
    db.close().await;
    if json {
        let shown = changes.iter().map(|change| {
            json!({
                "at": change.at.to_string(), "change": change.what, "by": change.by,
                "reason": change.reason,
            })
        });
        say_json(&json!({ "rail": asked.rail, "changes": shown.collect::<Vec<_>>() }));
        return Ok(());
    }
    let mut table = Table::new(&["at", "change", "by", "reason"]);
    for change in changes {
        table.row([change.at.to_string(), change.what, change.by, change.reason]);
    }
    say(&table.text());
    Ok(())
}

pub(crate) async fn pause(said: &Said, json: bool, settings: &Settings) -> Result<(), Failure> {
    let db = open(settings).await?;
    let done = Rails::new(db.clone())
        .pause(said.rail, &said.why.by, &said.why.reason)
        .await;
    end(db, done, json).await
}

pub(crate) async fn resume(said: &Said, json: bool, settings: &Settings) -> Result<(), Failure> {
    let db = open(settings).await?;
    let done = Rails::new(db.clone())
        .resume(said.rail, &said.why.by, &said.why.reason)
        .await;
    end(db, done, json).await
}

pub(crate) async fn limit(said: &Limit, json: bool, settings: &Settings) -> Result<(), Failure> {
    let limits = Limits {
        per_second: said.per_second,
        concurrent: said.concurrent,
    };
    let db = open(settings).await?;
    let done = Rails::new(db.clone())
        .limit(said.rail, limits, &said.why.by, &said.why.reason)
        .await;
    end(db, done, json).await
}

async fn end(db: Db, done: Result<Facts, RailError>, json: bool) -> Result<(), Failure> {
    let facts = done.map_err(|error| failed(&error));
    db.close().await;
    show(&[facts?], json);
    Ok(())
}

/// For writing, beside the programs that use it. A schema that is not ours is left as it is.
async fn open(settings: &Settings) -> Result<Db, Failure> {
    database(settings).await?.close().await;
    let url: DatabaseUrl = database_url(settings);
    Db::open(&url, Options::new(SystemClock::shared()))
        .await
        .map_err(|error| stores::no_database(&url, &error))
}

fn failed(error: &RailError) -> Failure {
    let line = "the rails' facts cannot be read or written";
    Failure::caused(Code::DatabaseUnavailable, line, error)
}

fn show(all: &[Facts], json: bool) {
    let now = SystemClock.now();
    if json {
        let rails: Vec<_> = all.iter().map(|facts| document(facts, now)).collect();
        say_json(&json!({ "rails": rails }));
        return;
    }
    let mut table = Table::new(&["rail", "is", " per second", " at once", "since", "why"]);
    for facts in all {
        let (is, since, why) = standing(facts);
        table.row([
            facts.rail.name().to_owned(),
            is.to_owned(),
            facts.rate_at(now).to_string(),
            facts.concurrent().to_string(),
            since.map(|at| at.to_string()).unwrap_or_default(),
            why,
        ]);
    }
    say(&table.text());
}

fn standing(facts: &Facts) -> (&'static str, Option<Timestamp>, String) {
    if let Some(pause) = &facts.paused {
        let why = format!("{}: {}", pause.by, pause.reason);
        return ("paused", Some(pause.since), why);
    }
    let silent = facts.breakers.iter().min_by_key(|seen| seen.since);
    match silent {
        Some(seen) => {
            let processes = facts.breakers.len();
            let why = format!(
                "breaker {} in {processes} of the processes",
                seen.state.name()
            );
            ("not answering", Some(seen.since), why)
        }
        None => ("up", None, String::new()),
    }
}

fn document(facts: &Facts, now: Timestamp) -> Value {
    let (is, since, _) = standing(facts);
    let breakers = facts.breakers.iter().map(|seen| {
        json!({
            "process": seen.process, "state": seen.state.name(), "since": seen.since.to_string(),
        })
    });
    json!({
        "rail": facts.rail,
        "is": is,
        "since": since.map(|at| at.to_string()),
        "per_second": facts.rate_at(now),
        "per_second_when_whole": facts.full_rate(),
        "concurrent": facts.concurrent(),
        "paused_by": facts.paused.as_ref().map(|pause| &pause.by),
        "reason": facts.paused.as_ref().map(|pause| &pause.reason),
        "breakers": breakers.collect::<Vec<_>>(),
    })
}
