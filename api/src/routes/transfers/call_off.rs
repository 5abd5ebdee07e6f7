//! `POST /v1/transfers/{id}/cancel`: a transfer that waits for its day never begins.

use axum::Json;
use axum::extract::State;
use domain::{Code, TransferId};
use transfers::{CallOff, RecordError};

use super::view::TransferView;
use crate::access::Whose;
use crate::failure;
use crate::path::Id;
use crate::problem::Problem;
use crate::starting;
use crate::state::App;

/// Repeating it changes nothing, so it needs no key.
pub(super) async fn call_off(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<TransferId>,
) -> Result<Json<TransferView>, Problem> {
    let called_off = app.transfers.call_off(&whose.0, id).await;
    let called_off = called_off.map_err(|error| match error {
        RecordError::Store(error) => failure::store(&error),
        other => {
            tracing::error!(transfer = %id, error = %other, "not called off");
            Problem::internal()
        }
    })?;
    match called_off {
        None => Err(Problem::not_found("transfer")),
        Some(CallOff::Done(transfer)) => {
            starting::call_off(&app, id);
            Ok(Json(TransferView::seen(*transfer, &app.rails)))
        }
        Some(CallOff::TooLate(status)) => Err(Problem::new(
            Code::ActionRefused,
            format!(
                "The transfer is {status}: only one that is scheduled is called off here. Nothing \
                 was changed. What has begun, an operator can take back while that is possible."
            ),
        )),
    }
}
