//! Schedules: accept one, read it with its occurrences, pause, resume and cancel it.

mod new;
mod view;

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::Response;
use domain::{Code, ScheduleId};
use identity::Scope;
use transfers::schedule::{OccurrenceCursor, ScheduleChange, ScheduleChanged};

use crate::access::{Permission, Table, Whose};
use crate::body::Document;
use crate::failure;
use crate::guard::CurrentRequest;
use crate::idempotency::Key;
use crate::list::{List, Paging};
use crate::path::Id;
use crate::problem::Problem;
use crate::query::{Asked, Parameters};
use crate::routes::transfers::{accepted, refusal};
use crate::state::App;
use view::{OccurrenceView, ScheduleView};

pub(super) fn routes(table: Table) -> Table {
    let read = Permission::Needs(Scope::Read);
    let write = Permission::Needs(Scope::TransfersWrite);
    table
        .post("/v1/schedules", write, create)
        .get("/v1/schedules", read, list)
        .get("/v1/schedules/{id}", read, get)
        .get("/v1/schedules/{id}/occurrences", read, occurrences)
        .post("/v1/schedules/{id}/pause", write, pause)
        .post("/v1/schedules/{id}/resume", write, resume)
        .post("/v1/schedules/{id}/cancel", write, cancel)
}

/// POST /v1/schedules
async fn create(
    State(app): State<App>,
    whose: Whose,
    Key(key): Key,
    Extension(CurrentRequest(request_id)): Extension<CurrentRequest>,
    Document(body): Document,
) -> Result<Response, Problem> {
    let new = new::read(&body, request_id)?;
    let made = app.transfers.accept_schedule(&whose.0, &key, new).await;
    let made = made.map_err(refusal)?;
    let url = view::url(made.schedule.id);
    let view = ScheduleView::accepted(made.schedule);
    Ok(accepted(&url, view, made.replayed))
}

/// GET /v1/schedules?limit=&cursor=, in order of creation
async fn list(
    State(app): State<App>,
    whose: Whose,
    asked: Asked,
) -> Result<Json<List<ScheduleView>>, Problem> {
    let mut parameters = Parameters::from(asked);
    let paging: Paging<ScheduleId> = Paging::asked(&mut parameters, "cursor");
    parameters.end()?;
    let rows = app
        .transfers
        .schedules(&whose.0, paging.after, paging.one_more())
        .await
        .map_err(|error| failure::store(&error))?;
    let now = app.clock.now();
    Ok(Json(paging.page(
        rows,
        |schedule| schedule.id.to_string(),
        |schedule| ScheduleView::of(schedule, now),
    )))
}

/// GET /v1/schedules/{id}
async fn get(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<ScheduleId>,
) -> Result<Json<ScheduleView>, Problem> {
    let schedule = app.transfers.schedule(&whose.0, id).await;
    let schedule = schedule
        .map_err(|error| failure::store(&error))?
        .ok_or_else(|| Problem::not_found("schedule"))?;
    Ok(Json(ScheduleView::of(schedule, app.clock.now())))
}

/// GET /v1/schedules/{id}/occurrences?limit=&cursor=, in the order in which they fell
async fn occurrences(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<ScheduleId>,
    asked: Asked,
) -> Result<Json<List<OccurrenceView>>, Problem> {
    let mut parameters = Parameters::from(asked);
    let paging: Paging<OccurrenceCursor> = Paging::asked(&mut parameters, "cursor");
    parameters.end()?;
    let schedule = app.transfers.schedule(&whose.0, id).await;
    schedule
        .map_err(|error| failure::store(&error))?
        .ok_or_else(|| Problem::not_found("schedule"))?;
    let rows = app
        .transfers
        .occurrences(&whose.0, id, paging.after, paging.one_more())
        .await
        .map_err(|error| failure::store(&error))?;
    Ok(Json(paging.page(
        rows,
        |occurrence| occurrence.falls_at.as_micros().to_string(),
        OccurrenceView::from,
    )))
}

// Repeating any of these changes nothing, so they need no key.

async fn pause(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<ScheduleId>,
) -> Result<Json<ScheduleView>, Problem> {
    change(&app, whose, id, ScheduleChange::Pause).await
}

async fn resume(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<ScheduleId>,
) -> Result<Json<ScheduleView>, Problem> {
    change(&app, whose, id, ScheduleChange::Resume).await
}

async fn cancel(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<ScheduleId>,
) -> Result<Json<ScheduleView>, Problem> {
    change(&app, whose, id, ScheduleChange::Cancel).await
}

async fn change(
    app: &App,
    whose: Whose,
    id: ScheduleId,
    change: ScheduleChange,
) -> Result<Json<ScheduleView>, Problem> {
    let changed = app.transfers.change_schedule(&whose.0, id, change).await;
    let changed = changed.map_err(|error| failure::store(&error))?;
    match changed.ok_or_else(|| Problem::not_found("schedule"))? {
        ScheduleChanged::Done(schedule) => Ok(Json(ScheduleView::of(*schedule, app.clock.now()))),
        ScheduleChanged::TooLate(state) => Err(Problem::new(
            Code::ActionRefused,
            format!("The schedule is {state}, which is final. Nothing was changed."),
        )),
    }
}
