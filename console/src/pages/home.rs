//! The overview: how many transfers stand where, what is stuck, what is new, who holds what.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::transfer::Status;
use domain::{Tenant, UserId};
use ledger::Account;
use transfers::{Filter, Transfer};

use crate::Console;
use crate::answer::{self, Refusal};
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
    updated: Moment,
}

struct Wallet {
    id: String,
    holder: String,
    state: &'static str,
    tone: Tone,
    balance: String,
}

impl From<&Transfer> for Row {
    fn from(transfer: &Transfer) -> Self {
        Self {
            id: transfer.id.to_string(),
            state: words::state(transfer.status),
            tone: words::tone(transfer.status),
            flags: words::flags(transfer.flags),
            amount: transfer.money.to_string(),
            route: format!(
                "{} → {}",
                words::endpoint(transfer.source),
                words::endpoint(transfer.destination)
            ),
            reason: transfer
                .status_reason
                .map_or("", |reason| words::decline(reason.decline)),
            reference: transfer.client_reference.clone().unwrap_or_default(),
            updated: transfer.updated_at.into(),
        }
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
        stuck.extend(transfers(&console, tenant, &flagged, STUCK).await?);
        newest.extend(transfers(&console, tenant, &Filter::default(), NEWEST).await?);
        accounts.extend(wallets(&console, *tenant).await?);
    }
    stuck.sort_by_key(|transfer| transfer.created_at);
    newest.sort_by_key(|transfer| std::cmp::Reverse(transfer.created_at));
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
        stuck: stuck.iter().map(Row::from).collect(),
        newest: newest.iter().map(Row::from).collect(),
        accounts,
    }))
}

async fn transfers(
    console: &Console,
    tenant: &Tenant,
    filter: &Filter,
    limit: u32,
) -> Result<Vec<Transfer>, Refusal> {
    let page = console
        .app
        .transfers
        .list(tenant, filter, None, limit)
        .await;
    page.map(|page| page.transfers)
        .map_err(|error| Refusal::failed(&error))
}

async fn wallets(console: &Console, tenant: Tenant) -> Result<Vec<Wallet>, Refusal> {
    let identity = &console.app.identity;
    let users = identity.users(&tenant, None, identity::LONGEST_PAGE).await;
    let names: BTreeMap<UserId, String> = users
        .map_err(|error| Refusal::failed(&error))?
        .into_iter()
        .filter_map(|user| Some((user.id, user.name?)))
        .collect();
    let accounts = ledger::wallets(&console.app.db, tenant, None, ACCOUNTS).await;
    let accounts = accounts.map_err(|error| Refusal::failed(&error))?;
    let wallet = |account: Account| Wallet {
        id: account.id.to_string(),
        holder: account
            .owner
            .and_then(|owner| names.get(&owner).cloned())
            .unwrap_or_default(),
        state: account.state.name(),
        tone: words::account_tone(account.state),
        balance: account.balance.to_string(),
    };
    Ok(accounts.into_iter().map(wallet).collect())
}
