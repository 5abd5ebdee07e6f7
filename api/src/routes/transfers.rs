//! Transfers: accept one, read one, list them, call one off.

mod call_off;
mod doubt;
mod new;
pub(super) mod parts;
mod view;

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use domain::transfer::Status;
use domain::{Code, TransferId};
use http::header::LOCATION;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use identity::Scope;
use serde::Serialize;
use transfers::{AcceptError, Cursor, Filter};

use crate::access::{Permission, Table, Whose};
use crate::body::Document;
use crate::failure;
use crate::guard::CurrentRequest;
use crate::idempotency::Key;
use crate::list::{List, Paging};
use crate::path::Id;
use crate::problem::{Fault, Problem};
use crate::query::{Asked, Parameters};
use crate::starting;
use crate::state::App;
use new::Origin;
use view::{ChangeView, TransferView};

pub(super) use view::FlagsView;

pub(super) fn routes(table: Table) -> Table {
    let read = Permission::Needs(Scope::Read);
    table
        .post(
            "/v1/transfers",
            Permission::Needs(Scope::TransfersWrite),
            create,
        )
        .get("/v1/transfers", read, list)
        .get("/v1/transfers/{id}", read, get)
        .get("/v1/transfers/{id}/history", read, history)
        .post(
            "/v1/transfers/{id}/cancel",
            Permission::Needs(Scope::TransfersWrite),
            call_off::call_off,
        )
}

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const LONGEST_TRACE: usize = 55;
const LONGEST_REFERENCE: usize = 128;

/// POST /v1/transfers
async fn create(
    State(app): State<App>,
    whose: Whose,
    Key(key): Key,
    Extension(CurrentRequest(request_id)): Extension<CurrentRequest>,
    headers: HeaderMap,
    Document(body): Document,
) -> Result<Response, Problem> {
    let traceparent = headers
        .get("traceparent")
        .and_then(|trace| trace.to_str().ok())
        .filter(|trace| trace.len() <= LONGEST_TRACE)
        .map(str::to_owned);
    let origin = Origin {
        request_id,
        traceparent,
    };
    let new = new::read(&body, origin)?;
    let accepted = starting::accept(&app, whose.0, key, new)
        .await
        .map_err(refusal)?;
    let location = view::url(accepted.transfer.id);
    // Made from what never changes, so a repetition has the same bytes whatever happened since.
    let answer = TransferView::from(accepted.transfer.as_accepted());
    Ok(self::accepted(&location, answer, accepted.replayed))
}

/// 202, and where to look from now on.
pub(super) fn accepted(url: &str, view: impl Serialize, replayed: bool) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(view)).into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(url) {
        headers.insert(LOCATION, location);
    }
    if replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

pub(super) fn refusal(error: AcceptError) -> Problem {
    match error {
        AcceptError::Invalid(fields) => Problem::unacceptable(
            fields
                .into_iter()
                .map(|field| Fault::at(field.pointer, field.code, field.detail))
                .collect(),
        ),
        AcceptError::KeyReused { pointer } => {
            let fault = Fault::at(
                pointer,
                "differs",
                "The first request with this key said something else here.",
            );
            Problem::new(
                Code::IdempotencyKeyReused,
                "Nothing was executed. A new transfer needs a new key; a repetition must say the same.",
            )
            .with(vec![fault])
        }
        AcceptError::Store(error) => failure::store(&error),
    }
}

/// GET /v1/transfers?status=&created_from=&created_before=&client_reference=&limit=&cursor=, newest
/// first
async fn list(
    State(app): State<App>,
    whose: Whose,
    asked: Asked,
) -> Result<Json<List<TransferView>>, Problem> {
    let mut parameters = Parameters::from(asked);
    let filter = Filter {
        status: parameters.take("status", |text| {
            let names = || Status::ALL.map(Status::name).join(", ");
            text.parse().map_err(|_| format!("One of {}.", names()))
        }),
        created_from: parameters.time("created_from"),
        created_before: parameters.time("created_before"),
        client_reference: parameters.take("client_reference", |text| {
            let fits = (1..=LONGEST_REFERENCE).contains(&text.chars().count());
            fits.then(|| text.to_owned())
                .ok_or_else(|| format!("1 to {LONGEST_REFERENCE} characters."))
        }),
        flagged: parameters.take("flagged", yes_or_no).unwrap_or(false),
    };
    let paging: Paging<Cursor> = Paging::asked(&mut parameters, "cursor");
    parameters.end()?;
    let page = app
        .transfers
        .list(&whose.0, &filter, paging.after, paging.limit)
        .await
        .map_err(|error| failure::store(&error))?;
    let rows = page
        .transfers
        .into_iter()
        .map(|transfer| TransferView::seen(transfer, &app.rails))
        .collect();
    let next = page.next.map(|cursor| cursor.to_string());
    Ok(Json(List::until(rows, next.as_deref())))
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "true or false.".to_owned())
}

/// GET /v1/transfers/{id}, its history included
async fn get(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<TransferId>,
) -> Result<Json<TransferView>, Problem> {
    let transfer = app
        .transfers
        .get(&whose.0, id)
        .await
        .map_err(|error| failure::store(&error))?
        .ok_or_else(|| Problem::not_found("transfer"))?;
    let doubt = match transfer.flags.in_doubt {
        None => None,
        Some(_) => {
            let known = app.transfers.doubt(&whose.0, id).await;
            known.map_err(|error| failure::store(&error))?
        }
    };
    let mut history = app
        .transfers
        .history(&whose.0, id)
        .await
        .map_err(|error| failure::store(&error))?;
    // What happened between the two reads is left for the next look: one answer, one moment.
    history.retain(|change| change.sequence <= transfer.version);
    let linked = app
        .transfers
        .linked_to(&whose.0, id)
        .await
        .map_err(|error| failure::store(&error))?;
    let view = TransferView::seen(transfer, &app.rails);
    let view = view.with_doubt(doubt).with_history(history);
    Ok(Json(view.with_linked(linked)))
}

/// GET /v1/transfers/{id}/history
async fn history(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<TransferId>,
) -> Result<Json<List<ChangeView>>, Problem> {
    let history = app
        .transfers
        .history(&whose.0, id)
        .await
        .map_err(|error| failure::store(&error))?;
    if history.is_empty() {
        // An accepted transfer has at least the row that says so.
        return Err(Problem::not_found("transfer"));
    }
    let rows = history.into_iter().map(ChangeView::from).collect();
    Ok(Json(List::whole(rows)))
}
