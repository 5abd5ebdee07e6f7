//! What follows a completed transfer: refunds are asked for here; a payout that came back and a
//! chargeback are only shown, as banks begin those.

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use domain::linked::{Kind, LinkedId, State as Standing};
use domain::transfer::Decline;
use domain::{ChargebackId, Code, Money, RefundId, ReturnId, TransferId};
use http::header::LOCATION;
use http::{HeaderName, HeaderValue, StatusCode};
use identity::Scope;
use serde::Serialize;
use transfers::linked::{Linked, NewRefund, Reason, RefundError};

use super::transfers::FlagsView;
use crate::access::{Permission, Table, Whose};
use crate::body::Document;
use crate::failure;
use crate::fields::{Faults, Field, Fields};
use crate::guard::CurrentRequest;
use crate::idempotency::Key;
use crate::json::Node;
use crate::list::List;
use crate::path::Id;
use crate::problem::{Fault, Problem};
use crate::starting;
use crate::state::App;

pub(super) fn routes(table: Table) -> Table {
    let read = Permission::Needs(Scope::Read);
    table
        .post(
            "/v1/transfers/{id}/refunds",
            Permission::Needs(Scope::TransfersWrite),
            create,
        )
        .get("/v1/transfers/{id}/refunds", read, list)
        .get("/v1/refunds/{id}", read, refund)
        .get("/v1/returns/{id}", read, returned)
        .get("/v1/chargebacks/{id}", read, chargeback)
}

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

#[derive(Debug, Serialize)]
pub(super) struct LinkedView {
    id: LinkedId,
    object: Kind,
    livemode: bool,
    transfer: TransferId,
    status: Standing,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<Decline>,
    flags: FlagsView,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator_note: Option<String>,
    amount: Money,
    reason: String,
    /// Ours, the same on every attempt: what the bank knows it by.
    reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bank_reference: Option<String>,
    created_at: String,
    updated_at: String,
    url: String,
}

impl From<Linked> for LinkedView {
    fn from(linked: Linked) -> Self {
        Self {
            id: linked.id,
            object: linked.kind(),
            livemode: linked.tenant.mode.is_live(),
            transfer: linked.transfer,
            status: linked.state,
            status_reason: linked.decline,
            flags: linked.flags.into(),
            operator_note: linked.operator_note,
            amount: linked.money,
            reason: linked.cause,
            reference: domain::StepKey::of_linked(linked.transfer, linked.id).to_string(),
            bank_reference: linked.bank_reference,
            created_at: linked.created_at.to_string(),
            updated_at: linked.updated_at.to_string(),
            url: url(linked.id),
        }
    }
}

fn url(id: LinkedId) -> String {
    format!("/v1/{}s/{id}", id.kind())
}

/// POST /v1/transfers/{id}/refunds
async fn create(
    State(app): State<App>,
    whose: Whose,
    Id(transfer): Id<TransferId>,
    Key(key): Key,
    Extension(CurrentRequest(request_id)): Extension<CurrentRequest>,
    Document(body): Document,
) -> Result<Response, Problem> {
    let mut faults = Faults::default();
    let read = read(&body, &mut faults);
    let (money, reason) = faults.judge(read)?;
    let new = NewRefund {
        transfer,
        money,
        reason,
        request_id,
    };
    let opened = starting::refund(&app, whose.0, key, new)
        .await
        .map_err(refusal)?;
    let location = url(opened.linked.id);
    // Made from what never changes, so a repetition has the same bytes whatever happened since.
    let answer = LinkedView::from(opened.linked.as_opened());
    let mut response = (StatusCode::ACCEPTED, Json(answer)).into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&location) {
        headers.insert(LOCATION, location);
    }
    if opened.replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// `{"amount": {…}, "reason": "…"}`; without an amount all that is left.
fn read(document: &Node, faults: &mut Faults) -> Option<(Option<Money>, Reason)> {
    let root = Field {
        node: document,
        pointer: "",
    };
    let fields = Fields::of(root, &["amount", "reason"], faults)?;
    let money = fields.optional("amount", faults, |field, faults| field.money(faults));
    let reason = fields.required("reason", faults, reason);
    Some((money, reason?))
}

fn reason(field: Field<'_>, faults: &mut Faults) -> Option<Reason> {
    let word = field.text(faults)?;
    let known = Reason::ALL.iter().copied();
    let found = known.into_iter().find(|reason| reason.name() == word);
    if found.is_none() {
        let names: Vec<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        let detail = format!("Known here: {}.", names.join(", "));
        faults.value(field.pointer, "unknown_reason", detail);
    }
    found
}

fn refusal(error: RefundError) -> Problem {
    match error {
        RefundError::NoSuchTransfer => Problem::not_found("transfer"),
        RefundError::Invalid(field) => {
            Problem::unacceptable(vec![Fault::at(field.pointer, field.code, field.detail)])
        }
        RefundError::KeyReused { pointer } => {
            let fault = Fault::at(
                pointer,
                "differs",
                "The first request with this key said something else here.",
            );
            Problem::new(
                Code::IdempotencyKeyReused,
                "Nothing was executed. A new refund needs a new key; a repetition must say the same.",
            )
            .with(vec![fault])
        }
        RefundError::Store(error) => failure::store(&error),
    }
}

/// GET /v1/transfers/{id}/refunds, oldest first; a transfer has few enough for one answer
async fn list(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<TransferId>,
) -> Result<Json<List<LinkedView>>, Problem> {
    let order = app.transfers.order(&whose.0, id).await;
    order
        .map_err(|error| failure::store(&error))?
        .ok_or_else(|| Problem::not_found("transfer"))?;
    let linked = app
        .transfers
        .linked_to(&whose.0, id)
        .await
        .map_err(|error| failure::store(&error))?;
    let refunds = linked
        .into_iter()
        .filter(|linked| linked.kind() == Kind::Refund)
        .map(LinkedView::from)
        .collect();
    Ok(Json(List::whole(refunds)))
}

/// GET /v1/refunds/{id}
async fn refund(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<RefundId>,
) -> Result<Json<LinkedView>, Problem> {
    one(&app, &whose, LinkedId::Refund(id)).await
}

/// GET /v1/returns/{id}
async fn returned(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<ReturnId>,
) -> Result<Json<LinkedView>, Problem> {
    one(&app, &whose, LinkedId::Return(id)).await
}

/// GET /v1/chargebacks/{id}
async fn chargeback(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<ChargebackId>,
) -> Result<Json<LinkedView>, Problem> {
    one(&app, &whose, LinkedId::Chargeback(id)).await
}

async fn one(app: &App, whose: &Whose, id: LinkedId) -> Result<Json<LinkedView>, Problem> {
    let found = app.transfers.linked(&whose.0, id).await;
    let linked = found
        .map_err(|error| failure::store(&error))?
        .ok_or_else(|| Problem::not_found(id.kind().name()))?;
    Ok(Json(linked.into()))
}
