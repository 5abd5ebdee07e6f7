//! The second person: agrees and has it done, or does not agree.

use audit::{DecideError, StoredAction};
use domain::{Code, Tenant};
use serde_json::json;

use crate::books::open::unreadable;
use crate::books::table::{say, say_json};
use crate::failure::Failure;
use crate::operators::act;
use crate::operators::beside::Beside;
use crate::operators::questions::Said;

/// Confirming again after a crash, or once the transfer is ready for it, tells the workflow again.
pub(crate) async fn confirm(beside: &Beside, said: &Said, json: bool) -> Result<(), Failure> {
    let tenant = tenant(beside, said).await?;
    let decided = beside
        .audit
        .approve(&tenant, said.action, said.actor.clone(), &said.reason)
        .await;
    let made = match decided {
        Err(DecideError::Decided("approved")) => found(beside, &tenant, said).await?,
        decided => decided.map_err(|error| refused(&error))?,
    };
    let transfer = beside.transfer(made.transfer).await?;
    act::carry_out(beside, &transfer, &made, json).await
}

pub(crate) async fn reject(beside: &Beside, said: &Said, json: bool) -> Result<(), Failure> {
    let tenant = tenant(beside, said).await?;
    let decided = beside
        .audit
        .deny(&tenant, said.action, said.actor.clone(), &said.reason)
        .await;
    let made = decided.map_err(|error| refused(&error))?;
    if json {
        say_json(&json!({ "action": made.id.to_string(), "state": "denied" }));
    } else {
        say(&format!("{} is denied; nothing is done by it\n", made.id));
    }
    Ok(())
}

pub(crate) async fn verify(beside: &Beside, json: bool) -> Result<(), Failure> {
    let broken = audit::verify(&beside.db).await;
    let broken = broken.map_err(|error| unreadable(&error))?;
    let lines: Vec<_> = broken
        .iter()
        .map(|found| {
            let mode = if found.live { "live" } else { "sandbox" };
            format!(
                "{} ({mode}) at {}: {}",
                found.partner, found.position, found.why
            )
        })
        .collect();
    if json {
        say_json(&json!({ "whole": lines.is_empty(), "broken": lines }));
    } else if lines.is_empty() {
        say("every action is what was written\n");
    } else {
        say(&format!("{}\n", lines.join("\n")));
    }
    if lines.is_empty() {
        return Ok(());
    }
    let line = "the audit is not what was written";
    Err(Failure::new(Code::BooksUntrue, line))
}

async fn tenant(beside: &Beside, said: &Said) -> Result<Tenant, Failure> {
    let tenant = beside.audit.tenant_of(said.action).await;
    tenant.map_err(|error| unreadable(&error))?.ok_or_else(|| {
        let line = format!("there is no action {} here", said.action);
        Failure::new(Code::NotFound, line)
    })
}

async fn found(beside: &Beside, tenant: &Tenant, said: &Said) -> Result<StoredAction, Failure> {
    let found = beside.audit.find(tenant, said.action).await;
    found
        .map_err(|error| unreadable(&error))?
        .ok_or_else(|| Failure::new(Code::NotFound, "there is no such action here"))
}

fn refused(error: &DecideError) -> Failure {
    match error {
        DecideError::Store(_) => act::unwritten(error),
        DecideError::NoSuchAction => Failure::new(Code::NotFound, error.to_string()),
        _ => Failure::new(Code::ActionRefused, error.to_string()),
    }
}
