//! `verify` and `head`: is the chain whole, and its end signed.

use std::io::{IsTerminal, Write};

use ambient::{Clock, SystemClock};
use domain::Code;
use ledger::chain::{self, Head, Progress, SIGNER, SignedHead, Verified};
use ledger::check::{self, Report};
use serde_json::json;

use crate::books::open;
use crate::books::questions;
use crate::books::table::{Table, say, say_json};
use crate::failure::Failure;
use crate::settings::Settings;

pub(crate) async fn verify(
    asked: questions::Verify,
    json: bool,
    settings: &Settings,
) -> Result<(), Failure> {
    let signed = match &asked.head {
        Some(file) => Some(open::signed_head(file, asked.public_key, settings)?),
        None => None,
    };
    let db = open::database(settings).await?;
    let head = signed.as_ref().map(|signed| signed.head().clone());
    let shown = std::io::stderr().is_terminal();
    let verified = chain::verify(&db, head, move |at| progress(shown, &at))
        .await
        .map_err(|error| open::unreadable(&error));
    if shown {
        drop(write!(std::io::stderr(), "\r\x1b[K"));
    }
    let verified = verified?;
    let report = match asked.chain_only {
        true => None,
        false => Some(
            check::rules(&db)
                .await
                .map_err(|error| open::unreadable(&error))?,
        ),
    };
    db.close().await;
    if json {
        say_json(&as_json(&verified, report.as_ref()));
    } else {
        say(&as_text(&verified, report.as_ref()));
    }
    let faults = verified.all_breaks
        + report.map_or(0, |report| u64::try_from(report.faults.len()).unwrap_or(0));
    if faults == 0 {
        return Ok(());
    }
    Err(Failure::new(
        Code::BooksUntrue,
        format!(
            "the books are not true in {faults} places, as listed; keep a copy of the database, \
             let no money leave, and compare with the last backup"
        ),
    ))
}

/// One line that is written over again; a log gets none of it.
fn progress(shown: bool, at: &Progress) {
    if shown {
        let Progress {
            lane,
            position,
            entries,
        } = at;
        let line = format!("\r\x1b[K{entries} entries, lane {lane} at {position}");
        drop(std::io::stderr().write_all(line.as_bytes()));
    }
}

fn as_text(verified: &Verified, report: Option<&Report>) -> String {
    let mut table = Table::new(&["lane", " entries up to", "hash"]);
    for tip in &verified.tips {
        table.row([
            tip.lane.clone(),
            tip.position.to_string(),
            tip.hash.to_string(),
        ]);
    }
    let mut text = table.text();
    for found in &verified.breaks {
        text.push_str(&format!("{found}\n"));
    }
    let whole = if verified.is_whole() {
        "whole".to_owned()
    } else {
        format!("broken in {} places", verified.all_breaks)
    };
    text.push_str(&format!(
        "{} entries: the chain is {whole}\n",
        verified.entries
    ));
    if let Some(report) = report {
        text.push_str(&format!("{report}\n"));
    }
    text
}

fn as_json(verified: &Verified, report: Option<&Report>) -> serde_json::Value {
    let lanes = verified.tips.iter().map(
        |tip| json!({"lane": tip.lane, "position": tip.position, "hash": tip.hash.to_string()}),
    );
    let breaks = verified.breaks.iter().map(|found| {
        json!({
            "lane": found.lane, "position": found.position, "entry": found.entry,
            "what": found.to_string(),
        })
    });
    let faults = report.map(|report| {
        let all = report.faults.iter();
        all.map(|fault| json!({"subject": fault.subject, "not_true": fault.rule.says()}))
            .collect::<Vec<_>>()
    });
    json!({
        "true": verified.is_whole() && report.is_none_or(Report::is_true),
        "entries": verified.entries,
        "lanes": lanes.collect::<Vec<_>>(),
        "breaks": breaks.collect::<Vec<_>>(),
        "all_breaks": verified.all_breaks,
        "faults": faults,
    })
}

pub(crate) async fn head(
    asked: questions::Head,
    json: bool,
    settings: &Settings,
) -> Result<(), Failure> {
    let signed = match &asked.check {
        Some(file) => open::signed_head(file, asked.public_key, settings)?,
        None => made(settings).await?,
    };
    if json {
        let document = serde_json::to_value(&signed)
            .map_err(|error| Failure::caused(Code::Internal, "cannot write the head", &error))?;
        say_json(&document);
    } else {
        say(&shown(&signed));
    }
    Ok(())
}

async fn made(settings: &Settings) -> Result<SignedHead, Failure> {
    let signer = open::vault(settings)?
        .signer(SIGNER)
        .map_err(|error| Failure::caused(Code::Internal, "the head cannot be signed", &error))?;
    let db = open::database(settings).await?;
    let head = chain::head(&db, SystemClock.now())
        .await
        .map_err(|error| open::unreadable(&error));
    db.close().await;
    Ok(head?.sign(&signer))
}

fn shown(signed: &SignedHead) -> String {
    let Head { taken_at, tips } = signed.head();
    let mut table = Table::new(&["lane", " entries up to", "hash"]);
    for tip in tips {
        table.row([
            tip.lane.clone(),
            tip.position.to_string(),
            tip.hash.to_string(),
        ]);
    }
    format!(
        "{}taken at {taken_at}\npublic key {}\nsignature {}\n",
        table.text(),
        signed.public(),
        signed.signature()
    )
}
