//! Bank accounts outside, linked to users. Their numbers never leave: only the last four letters.

use axum::Json;
use axum::extract::State;
use domain::rail::{BankAccountNumber, RailId};
use domain::{BankAccountId, Currency, UserId};
use http::StatusCode;
use http::header::LOCATION;
use identity::{BankAccount, NewBankAccount, Scope};
use serde::Serialize;

use super::links;
use crate::access::{Permission, Table, Whose};
use crate::body::Document;
use crate::failure;
use crate::fields::{Faults, Field, Fields};
use crate::list::{List, Paging};
use crate::path::Id;
use crate::problem::Problem;
use crate::query::{Asked, Parameters};
use crate::state::App;

pub(super) fn routes(table: Table) -> Table {
    let read = Permission::Needs(Scope::Read);
    table
        .get("/v1/bank_accounts", read, list)
        .post(
            "/v1/bank_accounts",
            Permission::Needs(Scope::AccountsWrite),
            link,
        )
        .get("/v1/bank_accounts/{id}", read, get)
}

#[derive(Serialize)]
struct BankAccountView {
    id: BankAccountId,
    object: &'static str,
    livemode: bool,
    user: UserId,
    rail: RailId,
    currency: Currency,
    last_four: String,
    state: &'static str,
    created_at: String,
}

impl BankAccountView {
    fn of(whose: Whose, account: BankAccount) -> Self {
        Self {
            id: account.id,
            object: "bank_account",
            livemode: whose.0.mode.is_live(),
            user: account.user,
            rail: account.rail,
            currency: account.currency,
            last_four: account.last_four,
            state: account.state.name(),
            created_at: account.created_at.to_string(),
        }
    }
}

/// GET /v1/bank_accounts?user=&limit=&cursor=, in order of creation
async fn list(
    State(app): State<App>,
    whose: Whose,
    asked: Asked,
) -> Result<Json<List<BankAccountView>>, Problem> {
    let mut parameters = Parameters::from(asked);
    let user = links::of_user(&mut parameters);
    let paging = Paging::asked(&mut parameters, "cursor");
    parameters.end()?;
    let rows = app
        .identity
        .bank_accounts(&whose.0, user, paging.after, paging.one_more())
        .await
        .map_err(|error| failure::identity(&error))?;
    Ok(Json(paging.page(
        rows,
        |account| account.id.to_string(),
        |account| BankAccountView::of(whose, account),
    )))
}

/// GET /v1/bank_accounts/{id}
async fn get(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<BankAccountId>,
) -> Result<Json<BankAccountView>, Problem> {
    found(&app, whose, id).await
}

async fn found(
    app: &App,
    whose: Whose,
    id: BankAccountId,
) -> Result<Json<BankAccountView>, Problem> {
    let account = app
        .identity
        .bank_account(&whose.0, id)
        .await
        .map_err(|error| failure::identity(&error))?;
    account
        .map(|account| Json(BankAccountView::of(whose, account)))
        .ok_or_else(|| Problem::not_found("bank account"))
}

/// POST /v1/bank_accounts
async fn link(
    State(app): State<App>,
    whose: Whose,
    Document(body): Document,
) -> Result<
    (
        StatusCode,
        [(http::HeaderName, String); 1],
        Json<BankAccountView>,
    ),
    Problem,
> {
    let root = Field {
        node: &body,
        pointer: "",
    };
    let mut faults = Faults::default();
    let read = read(root, &mut faults);
    let new = faults.judge(read)?;
    let linked = app.identity.link_bank_account(&whose.0, new).await;
    let id = linked.map_err(|error| links::refused(&error))?;
    let view = found(&app, whose, id).await?;
    let location = [(LOCATION, format!("/v1/bank_accounts/{id}"))];
    Ok((StatusCode::CREATED, location, view))
}

fn read(root: Field<'_>, faults: &mut Faults) -> Option<NewBankAccount> {
    let known = ["user", "rail", "currency", "number", "holder"];
    let fields = Fields::of(root, &known, faults)?;
    let user = fields.required("user", faults, links::user);
    let rail = fields.required("rail", faults, links::rail);
    let currency = fields.required("currency", faults, links::currency);
    let number = fields.required("number", faults, links::text);
    let holder = fields.required("holder", faults, links::text);
    Some(NewBankAccount {
        user: user?,
        rail: rail?,
        currency: currency?,
        number: BankAccountNumber::new(number?),
        holder: holder?,
    })
}
