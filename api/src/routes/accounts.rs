//! Wallets and what they hold. House accounts (pools, suspense, nostro) are not a client's affair.

use axum::Json;
use axum::extract::State;
use domain::{AccountId, Money, UserId};
use identity::Scope;
use ledger::{Account, Purpose};
use serde::Serialize;

use crate::access::{Permission, Table, Whose};
use crate::failure;
use crate::list::{List, Paging};
use crate::path::Id;
use crate::problem::Problem;
use crate::query::{Asked, Parameters};
use crate::state::App;

pub(super) fn routes(table: Table) -> Table {
    let read = Permission::Needs(Scope::Read);
    table
        .get("/v1/accounts", read, list)
        .get("/v1/accounts/{id}", read, get)
}

#[derive(Serialize)]
struct AccountView {
    id: AccountId,
    object: &'static str,
    livemode: bool,
    r#type: &'static str,
    user: Option<UserId>,
    state: &'static str,
    balance: Money,
    /// What may leave now; less than the balance once sums can be reserved.
    available: Money,
    created_at: String,
}

impl AccountView {
    fn of(whose: Whose, account: Account) -> Self {
        Self {
            id: account.id,
            object: "account",
            livemode: whose.0.mode.is_live(),
            r#type: account.reference.purpose().name(),
            user: account.user(),
            state: account.state.name(),
            balance: account.balance,
            available: account.available(),
            created_at: account.opened_at.to_string(),
        }
    }
}

/// GET /v1/accounts?limit=&cursor=, in order of opening
async fn list(
    State(app): State<App>,
    whose: Whose,
    asked: Asked,
) -> Result<Json<List<AccountView>>, Problem> {
    let mut parameters = Parameters::from(asked);
    let paging = Paging::asked(&mut parameters, "cursor");
    parameters.end()?;
    let rows = ledger::wallets(&app.db, whose.0, paging.after, paging.one_more())
        .await
        .map_err(|error| failure::storage(&error))?;
    Ok(Json(paging.page(
        rows,
        |account| account.id.to_string(),
        |account| AccountView::of(whose, account),
    )))
}

/// GET /v1/accounts/{id}
async fn get(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<AccountId>,
) -> Result<Json<AccountView>, Problem> {
    let account = ledger::account(&app.db, whose.0, id)
        .await
        .map_err(|error| failure::storage(&error))?;
    account
        .filter(|account| account.reference.purpose() == Purpose::Wallet)
        .map(|account| Json(AccountView::of(whose, account)))
        .ok_or_else(|| Problem::not_found("wallet"))
}
