//! Merchants: who is paid for what it sells, and what is kept of each payment.

use axum::Json;
use axum::extract::State;
use domain::transfer::Till;
use domain::{AccountId, Currency, MerchantId, UserId};
use identity::{Merchant, Scope};
use serde::Serialize;

use super::links;
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
        .get("/v1/merchants", read, list)
        .get("/v1/merchants/{id}", read, get)
}

#[derive(Serialize)]
struct MerchantView {
    id: MerchantId,
    object: &'static str,
    livemode: bool,
    user: UserId,
    /// Null once the person who answers for it was erased.
    name: Option<String>,
    /// The account that it is paid into.
    account: AccountId,
    currency: Currency,
    fee: FeeView,
    state: &'static str,
    created_at: String,
}

/// Of each payment: so many millionths of it, and so many minor units beside.
#[derive(Serialize)]
struct FeeView {
    millionths: i64,
    fixed: i64,
}

impl MerchantView {
    fn of(whose: Whose, merchant: Merchant) -> Self {
        let account = match merchant.till {
            Till::Wallet { account } | Till::Float { account } => account,
        };
        Self {
            id: merchant.id,
            object: "merchant",
            livemode: whose.0.mode.is_live(),
            user: merchant.user,
            name: merchant.name,
            account,
            currency: merchant.currency,
            fee: FeeView {
                millionths: merchant.fee.millionths,
                fixed: merchant.fee.fixed,
            },
            state: merchant.state.name(),
            created_at: merchant.created_at.to_string(),
        }
    }
}

/// GET /v1/merchants?user=&limit=&cursor=, in order of creation
async fn list(
    State(app): State<App>,
    whose: Whose,
    asked: Asked,
) -> Result<Json<List<MerchantView>>, Problem> {
    let mut parameters = Parameters::from(asked);
    let user = links::of_user(&mut parameters);
    let paging = Paging::asked(&mut parameters, "cursor");
    parameters.end()?;
    let rows = app
        .identity
        .merchants_page(&whose.0, user, paging.after, paging.one_more())
        .await
        .map_err(|error| failure::identity(&error))?;
    Ok(Json(paging.page(
        rows,
        |merchant| merchant.id.to_string(),
        |merchant| MerchantView::of(whose, merchant),
    )))
}

/// GET /v1/merchants/{id}
async fn get(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<MerchantId>,
) -> Result<Json<MerchantView>, Problem> {
    let merchant = app
        .identity
        .merchant(&whose.0, id)
        .await
        .map_err(|error| failure::identity(&error))?;
    merchant
        .map(|merchant| Json(MerchantView::of(whose, merchant)))
        .ok_or_else(|| Problem::not_found("merchant"))
}
