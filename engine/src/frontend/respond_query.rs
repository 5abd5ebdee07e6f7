//! RespondQueryTaskCompleted: the answer to a query that travelled alone.

use temporalio_protos::temporal::api::enums::v1::QueryResultType;
use temporalio_protos::temporal::api::workflowservice::v1::{
    RespondQueryTaskCompletedRequest, RespondQueryTaskCompletedResponse,
};
use tonic::Status;

use super::oversize;
use crate::runs::{Answer, Host};
use crate::token::Kind;

pub(crate) fn handle(
    host: &Host,
    request: RespondQueryTaskCompletedRequest,
) -> Result<RespondQueryTaskCompletedResponse, Status> {
    let namespace = host.namespace(&request.namespace)?;
    let token = host.tokens.open(Kind::Query, &request.task_token)?;
    if token.namespace != namespace.id {
        return Err(Status::invalid_argument(
            "Operation requested with a token from a different namespace.",
        ));
    }
    let answer = match request.completed_type() {
        QueryResultType::Answered if oversize::is_too_large(request.query_result.as_ref()) => {
            Answer::Failed {
                message: oversize::BLOB.to_owned(),
                failure: None,
            }
        }
        QueryResultType::Answered => Answer::Result(request.query_result),
        QueryResultType::Failed | QueryResultType::Unspecified => Answer::Failed {
            message: request.error_message,
            failure: request.failure.map(Box::new),
        },
    };
    // Ids start over with each boot; an answer to an earlier boot's query is nobody's.
    let waited = token.epoch == host.epoch && host.queries.answer(token.query, answer);
    if !waited {
        return Err(Status::not_found(
            "query task not found, or already expired",
        ));
    }
    Ok(RespondQueryTaskCompletedResponse {})
}
