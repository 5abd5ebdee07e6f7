//! Batches of payouts: accept one, read it with its figures and its items, cancel what has not begun.

mod new;
mod view;

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::Response;
use domain::BatchId;
use identity::Scope;
use transfers::batch::{ItemCursor, ItemState};

use crate::access::{Permission, Table, Whose};
use crate::body::LargeDocument;
use crate::failure;
use crate::guard::CurrentRequest;
use crate::idempotency::Key;
use crate::list::{List, Paging};
use crate::path::Id;
use crate::problem::Problem;
use crate::query::{Asked, Parameters};
use crate::routes::transfers::{accepted, refusal};
use crate::state::App;
use view::{BatchView, ItemView};

pub(super) fn routes(table: Table) -> Table {
    let read = Permission::Needs(Scope::Read);
    let write = Permission::Needs(Scope::TransfersWrite);
    table
        .post("/v1/batches", write, create)
        .get("/v1/batches", read, list)
        .get("/v1/batches/{id}", read, get)
        .get("/v1/batches/{id}/items", read, items)
        .post("/v1/batches/{id}/cancel", write, cancel)
}

/// POST /v1/batches
async fn create(
    State(app): State<App>,
    whose: Whose,
    Key(key): Key,
    Extension(CurrentRequest(request_id)): Extension<CurrentRequest>,
    LargeDocument(body): LargeDocument,
) -> Result<Response, Problem> {
    let new = new::read(&body, request_id)?;
    let made = app.transfers.accept_batch(&whose.0, &key, new).await;
    let made = made.map_err(refusal)?;
    let url = view::url(made.batch.id);
    Ok(accepted(
        &url,
        BatchView::accepted(made.batch),
        made.replayed,
    ))
}

/// GET /v1/batches?limit=&cursor=, in order of creation
async fn list(
    State(app): State<App>,
    whose: Whose,
    asked: Asked,
) -> Result<Json<List<BatchView>>, Problem> {
    let mut parameters = Parameters::from(asked);
    let paging: Paging<BatchId> = Paging::asked(&mut parameters, "cursor");
    parameters.end()?;
    let rows = app
        .transfers
        .batches(&whose.0, paging.after, paging.one_more())
        .await
        .map_err(|error| failure::store(&error))?;
    Ok(Json(paging.page(
        rows,
        |batch| batch.id.to_string(),
        BatchView::of,
    )))
}

/// GET /v1/batches/{id}
async fn get(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<BatchId>,
) -> Result<Json<BatchView>, Problem> {
    let batch = found(&app, whose, id).await?;
    let figures = app.transfers.batch_figures(&batch).await;
    let figures = figures.map_err(|error| failure::store(&error))?;
    Ok(Json(BatchView::with(batch, figures)))
}

/// GET /v1/batches/{id}/items?state=&limit=&cursor=, as they were ordered
async fn items(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<BatchId>,
    asked: Asked,
) -> Result<Json<List<ItemView>>, Problem> {
    let mut parameters = Parameters::from(asked);
    let state = parameters.take("state", |text| {
        text.parse::<ItemState>().map_err(|_| {
            let names: Vec<_> = ItemState::ALL.iter().map(|state| state.name()).collect();
            format!("One of {}.", names.join(", "))
        })
    });
    let paging: Paging<ItemCursor> = Paging::asked(&mut parameters, "cursor");
    parameters.end()?;
    let batch = found(&app, whose, id).await?;
    let rows = app
        .transfers
        .batch_items(&batch, state, paging.after, paging.one_more())
        .await
        .map_err(|error| failure::store(&error))?;
    Ok(Json(paging.page(
        rows,
        |item| item.number.to_string(),
        ItemView::from,
    )))
}

/// POST /v1/batches/{id}/cancel: repeating it changes nothing, so it needs no key.
async fn cancel(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<BatchId>,
) -> Result<Json<BatchView>, Problem> {
    let canceled = app.transfers.cancel_batch(&whose.0, id).await;
    let batch = canceled
        .map_err(|error| failure::store(&error))?
        .ok_or_else(|| Problem::not_found("batch"))?;
    Ok(Json(BatchView::of(batch)))
}

async fn found(app: &App, whose: Whose, id: BatchId) -> Result<transfers::batch::Batch, Problem> {
    let batch = app.transfers.batch(&whose.0, id).await;
    batch
        .map_err(|error| failure::store(&error))?
        .ok_or_else(|| Problem::not_found("batch"))
}
