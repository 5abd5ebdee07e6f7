//! Having something done: the action into the audit, its id to the workflow.

use audit::{Proposal, StoredAction};
use domain::transfer::{Endpoint, FlagKind, Happening};
use domain::{Action, ActionKind, Code, LinkedId, StepKey, Told};
use identity::BankAccountState;
use serde_json::json;
use temporal::{RunState, Runs, SendError, Starter};
use transfers::{Acted, AttemptState, Transfer};

use crate::books::open::unreadable;
use crate::books::table::{say, say_json};
use crate::failure::Failure;
use crate::operators::beside::Beside;
use crate::operators::questions::{Ask, Redirect, Resolve};

pub(crate) async fn act(
    beside: &Beside,
    ask: &Ask,
    action: Action,
    evidence: Option<String>,
    json: bool,
) -> Result<(), Failure> {
    let transfer = beside.transfer(ask.transfer).await?;
    let needs_second = action.needs_second_person(transfer.money, beside.second_person_above);
    if needs_second {
        possible(beside, &transfer, &action).await?;
    }
    let proposal = Proposal {
        tenant: transfer.tenant,
        transfer: transfer.id,
        action,
        maker: ask.actor.clone(),
        reason: ask.reason.clone(),
        evidence,
        needs_second,
    };
    let made = beside.audit.propose(proposal).await;
    let made = made.map_err(|error| unwritten(&error))?;
    if needs_second {
        tell(
            json,
            &made,
            "waiting",
            &format!(
                "somebody else has to agree: remit transfer confirm {} --as NAME --reason …",
                made.id
            ),
        );
        return Ok(());
    }
    carry_out(beside, &transfer, &made, json).await
}

/// What a second person would agree to in vain is not asked for.
async fn possible(beside: &Beside, transfer: &Transfer, action: &Action) -> Result<(), Failure> {
    let kind = action.kind();
    let linked = recipient(beside, transfer, action).await?;
    let over = transfer.status.is_final() && linked.is_none();
    let run = Runs::new(beside.client.clone()).state(transfer.id).await;
    let ended = matches!(run, Ok(RunState::Closed(_) | RunState::Gone));
    // A run that ended still answers, and takes nothing; a retry starts it again.
    if ended && kind == ActionKind::RetryNow && !transfer.status.is_final() {
        return Ok(());
    }
    let standing = beside.messenger.standing(transfer.id, linked).await;
    let standing = standing.map_err(|error| not_sent(&error))?;
    if !over && standing.possible.contains(&kind) {
        return Ok(());
    }
    let names: Vec<_> = standing.possible.iter().map(|kind| kind.name()).collect();
    let line = format!(
        "{kind} is not taken while the transfer is {} ({}); possible now: {}",
        transfer.status,
        standing.waiting.unwrap_or(standing.doing),
        names.join(", ")
    );
    Err(Failure::new(Code::ActionRefused, line))
}

/// Tells the workflow. Where none runs any more, a retry starts it again.
pub(crate) async fn carry_out(
    beside: &Beside,
    transfer: &Transfer,
    made: &StoredAction,
    json: bool,
) -> Result<(), Failure> {
    let kind = made.action.kind();
    let linked = recipient(beside, transfer, &made.action).await?;
    let sent = beside.messenger.send(transfer.id, linked, kind, made.id);
    match sent.await {
        Ok(said) => {
            tell(json, made, "done", &said.next);
            Ok(())
        }
        Err(SendError::NoRun) if kind == ActionKind::RetryNow && !transfer.status.is_final() => {
            start_again(beside, transfer, made).await?;
            let next = "it was started again; what was done before is not done twice";
            tell(json, made, "done", next);
            Ok(())
        }
        Err(error) => Err(not_sent(&error)),
    }
}

/// A completed transfer hears nothing any more; what follows it does: the step that a person speaks
/// about says which, and else it is the one that waits for somebody.
async fn recipient(
    beside: &Beside,
    transfer: &Transfer,
    action: &Action,
) -> Result<Option<LinkedId>, Failure> {
    match action {
        Action::ResolveDoubt { key, .. } => return Ok(key.linked),
        _ if !transfer.status.is_final() => return Ok(None),
        _ => {}
    }
    let linked = beside
        .transfers
        .linked_to(&transfer.tenant, transfer.id)
        .await;
    let linked = linked.map_err(|error| unreadable(&error))?;
    let person = linked
        .iter()
        .find(|linked| linked.flags.needs_operator.is_some());
    let waits = person.or(linked.iter().find(|linked| !linked.flags.is_empty()));
    Ok(waits.map(|linked| linked.id))
}

async fn start_again(
    beside: &Beside,
    transfer: &Transfer,
    made: &StoredAction,
) -> Result<(), Failure> {
    let by = format!("{}:{}", transfer.id, made.id);
    let row = Acted {
        linked: None,
        action: made.id,
        kind: made.action.kind(),
        by: made.maker.clone(),
        reason: made.reason.clone(),
        step: transfer
            .flags
            .needs_operator
            .map_or(domain::Step::Collect, |flag| flag.step),
    };
    let (tenant, id) = (&transfer.tenant, transfer.id);
    let used = beside.audit.mark_used(tenant, id, made.id, &by).await;
    used.map_err(|error| unwritten(&error))?
        .map_err(|why| Failure::new(Code::ActionRefused, why.to_string()))?;
    let written = beside.transfers.acted(tenant, id, &row).await;
    written.map_err(|error| unwritten(&error))?;
    // Before it starts: it may be final before anybody looks again.
    if let Some(flag) = transfer.flags.needs_operator {
        let lowered = Happening::Lowered {
            flag: FlagKind::NeedsOperator,
            step: flag.step,
            note: "started again".to_owned(),
        };
        let written = beside.transfers.record(tenant, id, &lowered).await;
        written.map_err(|error| unwritten(&error))?;
    }
    let starter = Starter::new(beside.client.clone());
    let started = starter.start_again(&transfer.order()).await;
    started.map_err(|error| {
        let line = "the transfer was not started again; ask for a retry once more";
        Failure::caused(Code::EngineUnavailable, line, &error)
    })
}

pub(crate) async fn redirect(beside: &Beside, asked: &Redirect, json: bool) -> Result<(), Failure> {
    let transfer = beside.transfer(asked.ask.transfer).await?;
    let other = beside.identity.bank_account(&transfer.tenant, asked.to);
    let other = other.await.map_err(|error| unreadable(&error))?;
    // What is being given back goes to the sender.
    let end = if transfer.status == domain::transfer::Status::Compensating {
        transfer.source
    } else {
        transfer.destination
    };
    let refused = |line: &str| Err(Failure::new(Code::ActionRefused, line));
    if transfer.status.is_final() {
        return refused(
            "the transfer is over, and what follows it can go to no other account yet; nothing was \
             done",
        );
    }
    let Endpoint::BankAccount { account, rail } = end else {
        return refused("what waits is not for a bank account, so it can go to no other one");
    };
    let ordered = beside.identity.bank_account(&transfer.tenant, account);
    let ordered = ordered.await.map_err(|error| unreadable(&error))?;
    let fits = other.zip(ordered).is_some_and(|(other, ordered)| {
        other.user == ordered.user
            && other.rail == rail
            && other.currency == ordered.currency
            && other.id != ordered.id
            && matches!(other.state, BankAccountState::Open)
    });
    if !fits {
        return refused(
            "the account is not another open one of the same person, rail and currency; link it \
             first",
        );
    }
    let account = asked.to;
    let action = Action::RetryElsewhere { account, rail };
    act(beside, &asked.ask, action, None, json).await
}

pub(crate) async fn resolve(beside: &Beside, asked: &Resolve, json: bool) -> Result<(), Failure> {
    let transfer = beside.transfer(asked.ask.transfer).await?;
    let key = in_doubt(beside, &transfer, asked.step.as_deref()).await?;
    let told = match &asked.executed {
        Some(reference) => Told::Executed {
            bank_reference: reference.clone(),
        },
        None => Told::NotExecuted,
    };
    let evidence = Some(asked.evidence.clone());
    let action = Action::ResolveDoubt { key, told };
    act(beside, &asked.ask, action, evidence, json).await
}

/// The key of the step whose answer never came. A transfer and what follows it may wait for several:
/// then the person has to say which, because the answer to one is none to the others.
async fn in_doubt(
    beside: &Beside,
    transfer: &Transfer,
    named: Option<&str>,
) -> Result<StepKey, Failure> {
    let attempts = beside.transfers.attempts(&transfer.tenant, transfer.id);
    let attempts = attempts.await.map_err(|error| unreadable(&error))?;
    // What was sent again and then answered is in doubt no more, though its first attempt stays so.
    let done = |key: StepKey| {
        let mut of_it = attempts.iter().filter(|it| it.key == key);
        of_it.any(|it| matches!(it.state, AttemptState::Done { .. }))
    };
    let mut unresolved: Vec<StepKey> = Vec::new();
    for attempt in attempts.iter().filter(|it| it.state.is_unresolved()) {
        if !unresolved.contains(&attempt.key) && !done(attempt.key) {
            unresolved.push(attempt.key);
        }
    }
    which(&unresolved, named).map_err(|line| Failure::new(Code::ActionRefused, line))
}

fn which(in_doubt: &[StepKey], named: Option<&str>) -> Result<StepKey, String> {
    let all: Vec<String> = in_doubt.iter().map(ToString::to_string).collect();
    let all = all.join(", ");
    match (in_doubt, named) {
        ([], _) => Err("no step of this transfer is in doubt at a bank".to_owned()),
        ([only], None) => Ok(*only),
        (_, None) => Err(format!(
            "several steps are in doubt; nothing was done; say which one with --step: {all}"
        )),
        (keys, Some(name)) => {
            let found = keys.iter().find(|key| key.to_string() == name);
            found.copied().ok_or_else(|| {
                format!("this step is not in doubt; nothing was done; in doubt are: {all}")
            })
        }
    }
}

fn tell(json: bool, made: &StoredAction, state: &str, next: &str) {
    if json {
        say_json(&json!({
            "action": made.id.to_string(), "kind": made.action.kind().name(),
            "transfer": made.transfer.to_string(), "state": state, "next": next,
        }));
    } else {
        say(&format!("{} {}: {next}\n", made.action.kind(), made.id));
    }
}

pub(crate) fn unwritten(error: &dyn std::error::Error) -> Failure {
    Failure::caused(Code::StorageUnavailable, "it was not written", error)
}

fn not_sent(error: &SendError) -> Failure {
    let (code, line) = match error {
        SendError::Refused { why, .. } => return Failure::new(Code::ActionRefused, why.clone()),
        SendError::NoRun => (
            Code::ActionRefused,
            "nothing was done; `remit transfer retry` starts it again if it is not final",
        ),
        SendError::TimedOut => (Code::TimedOut, "no answer came"),
        SendError::Engine(_) | SendError::Query(_) => {
            (Code::EngineUnavailable, "nothing is known to be done")
        }
    };
    Failure::caused(code, line, error)
}

#[cfg(test)]
mod tests {
    use domain::{Step, TransferId};

    use super::*;

    #[test]
    fn a_person_says_which_doubt_ends_where_there_are_several() {
        let key = |bits| StepKey::of(TransferId::from_bits(bits), Step::PayOut);
        let (one, other) = (key(1), key(2));
        assert_eq!(which(&[one], None), Ok(one));
        assert!(which(&[], None).is_err());
        let refused = which(&[one, other], None).unwrap_err();
        assert!(refused.contains(&one.to_string()) && refused.contains(&other.to_string()));
        let named = other.to_string();
        assert_eq!(which(&[one, other], Some(&named)), Ok(other));
        assert!(which(&[one], Some(&named)).is_err());
    }
}
