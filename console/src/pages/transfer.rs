//! One transfer, one page, one story: where it stands and why, what it moved, what happened, what
//! the books say and what banks were asked.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::{Money, Tenant, TransferId};
use ledger::EntryView;
use transfers::{AttemptRow, StatusChange, Transfer};

use crate::Console;
use crate::answer::{self, Refusal};
use crate::people::People;
use crate::visitor::Visitor;
use crate::words::{self, Moment, Tone};

#[derive(Template)]
#[template(path = "transfer.html")]
struct Page {
    id: String,
    amount: String,
    state: &'static str,
    state_tone: Tone,
    tone: Tone,
    flags: Vec<&'static str>,
    why: String,
    money: Vec<Fact>,
    history: Vec<Change>,
    entries: Vec<Entry>,
    facts: Vec<(&'static str, String)>,
    attempts: Vec<Attempt>,
    created: Moment,
    updated: Moment,
}

/// One of the four amounts that say what really moved.
struct Fact {
    name: &'static str,
    amount: String,
    nothing: bool,
}

struct Change {
    state: &'static str,
    tone: Tone,
    cause: String,
    actor: String,
    note: String,
    at: Moment,
}

struct Entry {
    id: String,
    words: &'static str,
    tone: Tone,
    legs: Vec<Leg>,
    at: Moment,
}

struct Leg {
    account: String,
    amount: String,
    negative: bool,
}

struct Attempt {
    step: String,
    number: i64,
    answer: &'static str,
    tone: Tone,
    note: String,
    at: Moment,
}

/// GET /transfers/{id}
pub(crate) async fn show(
    visitor: Visitor,
    State(console): State<Console>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Refusal> {
    let Path(id) = id.map_err(|_| Refusal::NotFound)?;
    let id: TransferId = id.parse().map_err(|_| Refusal::NotFound)?;
    for (tenant, name) in &visitor.partners {
        let found = console.app.transfers.get(tenant, id).await;
        if let Some(transfer) = found.map_err(|error| Refusal::failed(&error))? {
            return story(&console, tenant, name, &transfer).await;
        }
    }
    Err(Refusal::NotFound)
}

async fn story(
    console: &Console,
    tenant: &Tenant,
    partner: &str,
    transfer: &Transfer,
) -> Result<Response, Refusal> {
    let records = &console.app.transfers;
    let history = records.history(tenant, transfer.id).await;
    let attempts = records.attempts(tenant, transfer.id).await;
    let entries = ledger::entries_of_transfer(&console.app.db, *tenant, transfer.id).await;
    let reason = transfer.status_reason.map(|reason| reason.decline);
    let mut people = People::of(console, *tenant);
    let ends = [
        people.end(transfer.source).await?,
        people.end(transfer.destination).await?,
    ];
    Ok(answer::page(&Page {
        id: transfer.id.to_string(),
        amount: transfer.money.to_string(),
        state: words::state(transfer.status),
        state_tone: words::tone(transfer.status),
        tone: words::tone_of(transfer.status, transfer.flags),
        flags: words::flags(transfer.flags),
        why: words::why(transfer.status, transfer.flags, reason),
        money: money(transfer),
        history: history
            .map_err(|error| Refusal::failed(&error))?
            .into_iter()
            .map(Change::from)
            .collect(),
        entries: entries
            .map_err(|error| Refusal::failed(&error))?
            .iter()
            .map(Entry::from)
            .collect(),
        facts: facts(partner, ends, transfer),
        attempts: attempts
            .map_err(|error| Refusal::failed(&error))?
            .iter()
            .map(Attempt::from)
            .collect(),
        created: transfer.created_at.into(),
        updated: transfer.updated_at.into(),
    }))
}

fn money(transfer: &Transfer) -> Vec<Fact> {
    let fact = |name, amount: Money| Fact {
        name,
        amount: amount.to_string(),
        nothing: amount.is_zero(),
    };
    vec![
        fact("Taken from the sender", transfer.facts.debited),
        fact("With us now", transfer.facts.held),
        fact("Given to the receiver", transfer.facts.credited),
        fact("Given back", transfer.facts.refunded),
    ]
}

/// Names and values; what is not there is left out.
fn facts(
    partner: &str,
    [from, to]: [String; 2],
    transfer: &Transfer,
) -> Vec<(&'static str, String)> {
    let network = transfer.network_status.as_ref();
    let mut facts = vec![
        ("Partner", partner.to_owned()),
        ("From", from),
        ("", transfer.source.named()),
        ("To", to),
        ("", transfer.destination.named()),
    ];
    let quote = transfer.quote.map(|quote| {
        let (sells, buys) = (quote.sells, quote.buys);
        format!("{sells} for {buys}, {}", quote.id)
    });
    let waits = transfer.action.as_ref().map(|action| {
        let (what, until) = (action.what, action.until);
        format!("{what} until {until}")
    });
    let optional = [
        ("Exchanged", quote),
        ("Fee", transfer.fee.map(|fee| fee.to_string())),
        ("Asked for", waits),
        ("Client's reference", transfer.client_reference.clone()),
        ("Description", transfer.description.clone()),
        ("Collected as", transfer.collect_reference.clone()),
        ("Paid out as", transfer.payout_reference.clone()),
        ("Given back as", transfer.refund_reference.clone()),
        (
            "The bank's word",
            network.map(|network| format!("{} ({})", network.code, network.scheme)),
        ),
        ("Request", Some(transfer.request_id.to_string())),
    ];
    facts.extend(
        optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    for (name, value) in &transfer.metadata {
        facts.push(("Metadata", format!("{name}: {value}")));
    }
    facts
}

impl From<StatusChange> for Change {
    fn from(change: StatusChange) -> Self {
        Self {
            state: words::state(change.status),
            tone: words::change_tone(change.status, &change.cause),
            // The causes are words with underscores.
            cause: change.cause.replace('_', " "),
            actor: change.actor,
            note: change.note.map(words::note).unwrap_or_default(),
            at: change.at.into(),
        }
    }
}

impl From<&EntryView> for Entry {
    fn from(entry: &EntryView) -> Self {
        let (words, tone) = words::entry(entry.template);
        Self {
            id: entry.id.to_string(),
            words,
            tone,
            legs: entry
                .postings
                .iter()
                .map(|posting| Leg {
                    account: words::account(posting.purpose, posting.place),
                    amount: posting.money.to_string(),
                    negative: posting.money.is_negative(),
                })
                .collect(),
            at: entry.posted_at.into(),
        }
    }
}

impl From<&AttemptRow> for Attempt {
    fn from(attempt: &AttemptRow) -> Self {
        let (answer, tone, note) = words::attempt(&attempt.state);
        let undo = if attempt.key.undo { "undoing: " } else { "" };
        Self {
            step: format!("{undo}{}", words::step(attempt.key.step)),
            number: attempt.number,
            answer,
            tone,
            note,
            at: attempt.opened_at.into(),
        }
    }
}
