//! One transfer on one page: where it stands, why, what was asked of banks, what people decided.

use domain::TransferId;
use serde_json::json;
use temporal::{SendError, Standing};
use transfers::Transfer;

use crate::books::open::unreadable;
use crate::books::table::{Table, say, say_json};
use crate::failure::Failure;
use crate::operators::beside::Beside;

pub(crate) async fn show(beside: &Beside, id: TransferId, json: bool) -> Result<(), Failure> {
    let transfer = beside.transfer(id).await?;
    let tenant = &transfer.tenant;
    let (standing, run) = match beside.messenger.standing(id, None).await {
        Ok(standing) => (Some(standing), "there".to_owned()),
        Err(SendError::NoRun) => (None, "unknown to the engine".to_owned()),
        Err(error) => (None, error.to_string()),
    };
    let actions = beside.audit.of_transfer(tenant, id).await;
    let actions = actions.map_err(|error| unreadable(&error))?;
    let history = beside.transfers.history(tenant, id).await;
    let history = history.map_err(|error| unreadable(&error))?;
    if json {
        let actions: Vec<_> = actions
            .iter()
            .map(|made| {
                json!({
                    "id": made.id.to_string(), "action": made.action, "maker": made.maker,
                    "reason": made.reason, "evidence": made.evidence,
                    "made_at": made.made_at.to_string(), "state": made.state().name(),
                    "checker": made.decided.as_ref().map(|decided| &decided.checker),
                })
            })
            .collect();
        let (possible, waiting, doing) = parts(standing.as_ref());
        say_json(&json!({
            "id": id.to_string(), "status": transfer.status, "flags": transfer.flags,
            "operator_note": transfer.operator_note, "doing": doing, "waiting": waiting,
            "possible": possible, "run": run, "actions": actions,
        }));
        return Ok(());
    }
    let mut text = head(&transfer, standing.as_ref(), &run);
    let mut table = Table::new(&["at", "status", "cause", "by", "note"]);
    for change in &history {
        table.row([
            change.at.to_string(),
            change.status.to_string(),
            change.cause.clone(),
            change.actor.clone(),
            change.note.clone().unwrap_or_default(),
        ]);
    }
    text.push_str(&format!("\n{}", table.text()));
    if !actions.is_empty() {
        let mut table = Table::new(&["action", "kind", "made by", "state", "reason"]);
        for made in &actions {
            table.row([
                made.id.to_string(),
                made.action.kind().name().to_owned(),
                made.maker.to_string(),
                made.state().name().to_owned(),
                made.reason.clone(),
            ]);
        }
        text.push_str(&format!("\n{}", table.text()));
    }
    say(&text);
    Ok(())
}

fn head(transfer: &Transfer, standing: Option<&Standing>, run: &str) -> String {
    let mut text = format!("{} {} {}\n", transfer.id, transfer.money, transfer.status);
    let flags = [
        ("in doubt", transfer.flags.in_doubt),
        ("needs a person", transfer.flags.needs_operator),
        ("on hold", transfer.flags.on_hold),
    ];
    for (name, flag) in flags {
        if let Some(flag) = flag {
            text.push_str(&format!("{name}: {} since {}\n", flag.step, flag.since));
        }
    }
    if let Some(note) = &transfer.operator_note {
        text.push_str(&format!("why: {note}\n"));
    }
    let (possible, _, doing) = parts(standing);
    match doing {
        Some(doing) => text.push_str(&format!(
            "doing: {doing}\npossible now: {}\n",
            possible.join(", ")
        )),
        None => text.push_str(&format!("its run is {run}\n")),
    }
    text
}

fn parts(standing: Option<&Standing>) -> (Vec<&'static str>, Option<&str>, Option<&str>) {
    let possible = standing.iter().flat_map(|standing| &standing.possible);
    (
        possible.map(|kind| kind.name()).collect(),
        standing.and_then(|standing| standing.waiting.as_deref()),
        standing.map(|standing| standing.doing.as_str()),
    )
}
