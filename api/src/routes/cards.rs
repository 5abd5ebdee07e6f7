//! Cards outside, linked to users. A network's token comes in and is never shown again; a number is
//! refused wherever it stands.

use axum::Json;
use axum::extract::State;
use domain::rail::{CardToken, RailId};
use domain::{CardId, UserId};
use http::StatusCode;
use http::header::LOCATION;
use identity::{Card, NewCard, Scope};
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
        .get("/v1/cards", read, list)
        .post("/v1/cards", Permission::Needs(Scope::AccountsWrite), link)
        .get("/v1/cards/{id}", read, get)
}

#[derive(Serialize)]
struct CardView {
    id: CardId,
    object: &'static str,
    livemode: bool,
    user: UserId,
    rail: RailId,
    bin: String,
    last_four: String,
    state: &'static str,
    created_at: String,
}

impl CardView {
    fn of(whose: Whose, card: Card) -> Self {
        Self {
            id: card.id,
            object: "card",
            livemode: whose.0.mode.is_live(),
            user: card.user,
            rail: card.rail,
            bin: card.bin,
            last_four: card.last_four,
            state: card.state.name(),
            created_at: card.created_at.to_string(),
        }
    }
}

/// GET /v1/cards?user=&limit=&cursor=, in order of creation
async fn list(
    State(app): State<App>,
    whose: Whose,
    asked: Asked,
) -> Result<Json<List<CardView>>, Problem> {
    let mut parameters = Parameters::from(asked);
    let user = links::of_user(&mut parameters);
    let paging = Paging::asked(&mut parameters, "cursor");
    parameters.end()?;
    let rows = app
        .identity
        .cards_page(&whose.0, user, paging.after, paging.one_more())
        .await
        .map_err(|error| failure::identity(&error))?;
    Ok(Json(paging.page(
        rows,
        |card| card.id.to_string(),
        |card| CardView::of(whose, card),
    )))
}

/// GET /v1/cards/{id}
async fn get(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<CardId>,
) -> Result<Json<CardView>, Problem> {
    found(&app, whose, id).await
}

async fn found(app: &App, whose: Whose, id: CardId) -> Result<Json<CardView>, Problem> {
    let card = app
        .identity
        .card(&whose.0, id)
        .await
        .map_err(|error| failure::identity(&error))?;
    card.map(|card| Json(CardView::of(whose, card)))
        .ok_or_else(|| Problem::not_found("card"))
}

/// POST /v1/cards
async fn link(
    State(app): State<App>,
    whose: Whose,
    Document(body): Document,
) -> Result<(StatusCode, [(http::HeaderName, String); 1], Json<CardView>), Problem> {
    let mut faults = Faults::default();
    let read = read(
        Field {
            node: &body,
            pointer: "",
        },
        &mut faults,
    );
    let new = faults.judge(read)?;
    let linked = app.identity.link_card(&whose.0, new).await;
    let id = linked.map_err(|error| links::refused(&error))?;
    let view = found(&app, whose, id).await?;
    let location = [(LOCATION, format!("/v1/cards/{id}"))];
    Ok((StatusCode::CREATED, location, view))
}

fn read(root: Field<'_>, faults: &mut Faults) -> Option<NewCard> {
    let known = ["user", "rail", "token", "bin", "last_four"];
    let fields = Fields::of(root, &known, faults)?;
    let user = fields.required("user", faults, links::user);
    let rail = fields.required("rail", faults, links::rail);
    let token = fields.required("token", faults, links::text);
    let bin = fields.required("bin", faults, links::text);
    let last_four = fields.required("last_four", faults, links::text);
    Some(NewCard {
        user: user?,
        rail: rail?,
        token: CardToken::new(token?),
        bin: bin?,
        last_four: last_four?,
    })
}
