//! Events: what happened to the tenant's transfers, in one order that a reader cannot skip in.

use axum::Json;
use axum::extract::State;
use domain::transfer::{Flags, MoneyFacts, Status};
use domain::{EventId, Money, TransferId};
use identity::Scope;
use serde::{Deserialize, Serialize};
use transfers::Event;

use crate::access::{Permission, Table, Whose};
use crate::failure;
use crate::list::{List, Paging};
use crate::problem::Problem;
use crate::query::{Asked, Parameters};
use crate::routes::transfers::FlagsView;
use crate::state::App;

pub(super) fn routes(table: Table) -> Table {
    table.get("/v1/events", Permission::Needs(Scope::Read), list)
}

#[derive(Serialize)]
struct EventView {
    id: EventId,
    object: &'static str,
    livemode: bool,
    r#type: String,
    /// Counts per transfer, from 1, without gaps.
    sequence: i64,
    created_at: String,
    /// Where to go on from after this one: the value of `after`.
    cursor: String,
    data: DataView,
}

/// Where the transfer stood after it. Never names or free text.
#[derive(Serialize)]
struct DataView {
    transfer: TransferId,
    status: Status,
    amount: Money,
    money: MoneyFacts,
    flags: FlagsView,
}

/// What the outbox holds; it knows members that a client is not shown.
#[derive(Deserialize)]
struct Stored {
    status: Status,
    amount: Money,
    money: MoneyFacts,
    flags: Flags,
}

impl EventView {
    fn of(whose: Whose, event: Event) -> Result<Self, serde_json::Error> {
        let stored: Stored = serde_json::from_str(&event.data)?;
        Ok(Self {
            id: event.id,
            object: "event",
            livemode: whose.0.mode.is_live(),
            r#type: event.kind,
            sequence: event.sequence,
            created_at: event.at.to_string(),
            cursor: crate::list::encode(&event.position.to_string()),
            data: DataView {
                transfer: event.transfer,
                status: stored.status,
                amount: stored.amount,
                money: stored.money,
                flags: stored.flags.into(),
            },
        })
    }
}

/// GET /v1/events?after=&limit=, oldest first
///
/// `after` is the `cursor` of the last event seen, or the list's `next_cursor`.
async fn list(
    State(app): State<App>,
    whose: Whose,
    asked: Asked,
) -> Result<Json<List<EventView>>, Problem> {
    let mut parameters = Parameters::from(asked);
    let paging: Paging<i64> = Paging::asked(&mut parameters, "after");
    parameters.end()?;
    let events = app
        .transfers
        .events(&whose.0, paging.after.unwrap_or(0), paging.one_more())
        .await
        .map_err(|error| failure::store(&error))?;
    let position = |event: &Event| event.position.to_string();
    let page = paging.page(events, position, |event| EventView::of(whose, event));
    page.transpose().map(Json).map_err(|error| {
        tracing::error!(%error, "a stored event cannot be read by this version");
        Problem::internal()
    })
}
