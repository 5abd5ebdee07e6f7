//! Users of a partner: the people who hold wallets and bank accounts.

use axum::Json;
use axum::extract::State;
use domain::UserId;
use identity::{Scope, User};
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
        .get("/v1/users", read, list)
        .get("/v1/users/{id}", read, get)
}

#[derive(Serialize)]
struct UserView {
    id: UserId,
    object: &'static str,
    livemode: bool,
    /// Null once the person was erased.
    name: Option<String>,
    created_at: String,
}

impl UserView {
    fn of(whose: Whose, user: User) -> Self {
        Self {
            id: user.id,
            object: "user",
            livemode: whose.0.mode.is_live(),
            name: user.name,
            created_at: user.created_at.to_string(),
        }
    }
}

/// GET /v1/users?limit=&cursor=, in order of creation
async fn list(
    State(app): State<App>,
    whose: Whose,
    asked: Asked,
) -> Result<Json<List<UserView>>, Problem> {
    let mut parameters = Parameters::from(asked);
    let paging = Paging::asked(&mut parameters, "cursor");
    parameters.end()?;
    let rows = app
        .identity
        .users(&whose.0, paging.after, paging.one_more())
        .await
        .map_err(|error| failure::identity(&error))?;
    Ok(Json(paging.page(
        rows,
        |user| user.id.to_string(),
        |user| UserView::of(whose, user),
    )))
}

/// GET /v1/users/{id}
async fn get(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<UserId>,
) -> Result<Json<UserView>, Problem> {
    let user = app
        .identity
        .user(&whose.0, id)
        .await
        .map_err(|error| failure::identity(&error))?;
    user.map(|user| Json(UserView::of(whose, user)))
        .ok_or_else(|| Problem::not_found("user"))
}
