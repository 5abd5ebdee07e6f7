//! The overview: how many transfers stand where, what is stuck, what is new, who holds what.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::transfer::Status;
use domain::{Tenant, Timestamp};
use transfers::{Filter, Transfer};

use crate::Console;
use crate::answer::{self, Refusal};
use crate::people::People;
use crate::visitor::Visitor;
use crate::words::{self, Moment, Tone};

/// The bounds of the page, per partner.
const NEWEST: u32 = 20;
const STUCK: u32 = 20;
const ACCOUNTS: u32 = 20;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    partners: Vec<String>,
    total: i64,
    states: Vec<Tile>,
    stuck: Vec<Row>,
    newest: Vec<Row>,
    accounts: Vec<Wallet>,
}

struct Tile {
    state: &'static str,
    tone: Tone,
    count: i64,
}

/// One transfer in a table.
struct Row {
    id: String,
    state: &'static str,
    tone: Tone,
    flags: Vec<&'static str>,
    amount: String,
    route: String,
    reason: &'static str,
    reference: String,
    created: Timestamp,
    updated: Moment,
}

struct Wallet {
    id: String,
    holder: String,
    state: &'static str,
    tone: Tone,
    balance: String,
}

impl Row {
    async fn of(transfer: &Transfer, people: &mut People<'_>) -> Result<Self, Refusal> {
        let from = people.end(transfer.source).await?;
        let to = people.end(transfer.destination).await?;
        Ok(Self {
            id: transfer.id.to_string(),
            state: words::state(transfer.status),
            tone: words::tone(transfer.status),
            flags: words::flags(transfer.flags),
            amount: transfer.money.to_string(),
            route: format!("{from} → {to}"),
            reason: transfer
                .status_reason
                .map_or("", |reason| words::decline(reason.decline)),
            reference: transfer.client_reference.clone().unwrap_or_default(),
            created: transfer.created_at,
            updated: transfer.updated_at.into(),
        })
    }
}

/// GET /
pub(crate) async fn show(
    visitor: Visitor,
    State(console): State<Console>,
) -> Result<Response, Refusal> {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    let (mut stuck, mut newest, mut accounts) = (Vec::new(), Vec::new(), Vec::new());
    for (tenant, _) in &visitor.partners {
        for (status, count) in console
            .app
            .transfers
            .count_by_status(tenant)
            .await
            .map_err(|error| Refusal::failed(&error))?
        {
            *counts.entry(status).or_default() += count;
        }
        let flagged = Filter {
            flagged: true,
            ..Filter::default()
        };
        let mut people = People::of(&console, *tenant);
        stuck.extend(rows(&console, tenant, &flagged, STUCK, &mut people).await?);
        newest.extend(rows(&console, tenant, &Filter::default(), NEWEST, &mut people).await?);
        accounts.extend(wallets(&console, *tenant, &mut people).await?);
    }
    stuck.sort_by_key(|row: &Row| row.created);
    newest.sort_by_key(|row: &Row| std::cmp::Reverse(row.created));
    newest.truncate(NEWEST as usize);
    let count = |status: Status| counts.get(status.name()).copied().unwrap_or(0);
    Ok(answer::page(&Home {
        partners: visitor.partners.into_iter().map(|(_, name)| name).collect(),
        total: counts.values().sum(),
        states: Status::ALL
            .into_iter()
            .map(|status| Tile {
                state: words::state(status),
                tone: words::tone(status),
                count: count(status),
            })
            .collect(),
        stuck,
        newest,
        accounts,
    }))
}

async fn rows(
    console: &Console,
    tenant: &Tenant,
    filter: &Filter,
    limit: u32,
    people: &mut People<'_>,
) -> Result<Vec<Row>, Refusal> {
    let page = console
        .app
        .transfers
        .list(tenant, filter, None, limit)
        .await;
    let page = page.map_err(|error| Refusal::failed(&error))?;
    let mut rows = Vec::with_capacity(page.transfers.len());
    for transfer in &page.transfers {
        rows.push(Row::of(transfer, people).await?);
    }
    Ok(rows)
}

async fn wallets(
    console: &Console,
    tenant: Tenant,
    people: &mut People<'_>,
) -> Result<Vec<Wallet>, Refusal> {
    let accounts = ledger::wallets(&console.app.db, tenant, None, ACCOUNTS).await;
    let mut wallets = Vec::new();
    for account in accounts.map_err(|error| Refusal::failed(&error))? {
        let holder = match account.user() {
            Some(owner) => people.name(owner).await?,
            None => None,
        };
        wallets.push(Wallet {
            id: account.id.to_string(),
            holder: holder.unwrap_or_default(),
            state: account.state.name(),
            tone: words::account_tone(account.state),
            balance: account.balance.to_string(),
        });
    }
    Ok(wallets)
}
