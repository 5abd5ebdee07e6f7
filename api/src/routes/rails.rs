//! Rails and how they are. Why one is paused and by whom is the operators' affair, not a client's.

use axum::Json;
use axum::extract::State;
use domain::Timestamp;
use domain::rail::RailId;
use identity::Scope;
use rails::{Facts, State as Breaker};
use serde::Serialize;

use crate::access::{Permission, Table};
use crate::list::List;
use crate::state::App;

pub(super) fn routes(table: Table) -> Table {
    table.get("/v1/rails", Permission::Needs(Scope::Read), list)
}

#[derive(Serialize)]
struct RailView {
    id: RailId,
    object: &'static str,
    health: Health,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Health {
    Up,
    /// By a person. Transfers wait, and go on when it is resumed.
    Paused,
    /// It is left alone for a while after too many calls without an answer.
    NotAnswering,
}

/// How a rail is, and since when it is not as it should be.
pub(crate) fn health(facts: &Facts) -> (Health, Option<Timestamp>) {
    if let Some(pause) = &facts.paused {
        return (Health::Paused, Some(pause.since));
    }
    let silent = facts
        .breakers
        .iter()
        .filter(|seen| seen.state != Breaker::Closed);
    match silent.map(|seen| seen.since).min() {
        Some(since) => (Health::NotAnswering, Some(since)),
        None => (Health::Up, None),
    }
}

/// GET /v1/rails: all that this version knows
async fn list(State(app): State<App>) -> Json<List<RailView>> {
    let seen = |rail| {
        let (health, since) = health(&app.rails.rail(rail));
        RailView {
            id: rail,
            object: "rail",
            health,
            since: since.map(|at| at.to_string()),
        }
    };
    Json(List::whole(RailId::ALL.map(seen).into()))
}
