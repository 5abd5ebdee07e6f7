//! Refusals as gRPC statuses, with the error details the SDKs read.

use prost::Message;
use prost_types::Any;
use temporalio_protos::google::rpc::Status as RpcStatus;
use temporalio_protos::temporal::api::errordetails::v1::{
    NamespaceAlreadyExistsFailure, NamespaceNotFoundFailure, NotFoundFailure, QueryFailedFailure,
    WorkflowExecutionAlreadyStartedFailure, WorkflowNotReadyFailure,
};
use temporalio_protos::temporal::api::failure::v1::Failure;
use tonic::{Code, Status};

use crate::core::Refusal;

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.to_string();
        match refusal {
            Refusal::Closed
            | Refusal::StaleWorkflowTask
            | Refusal::StaleActivity
            | Refusal::NotWaiting => Self::not_found(text),
            Refusal::Limit(_) | Refusal::Invalid(_) => Self::invalid_argument(text),
        }
    }
}

/// The status with the details that its code has where nothing more is to be said.
pub(crate) fn detailed(status: Status) -> Status {
    match status.code() {
        Code::NotFound if status.details().is_empty() => {
            let details = NotFoundFailure::default();
            with_details(Code::NotFound, status.message().to_owned(), &details)
        }
        _ => status,
    }
}

pub(crate) fn already_started(message: String, request_id: &str, run_id: &str) -> Status {
    let details = WorkflowExecutionAlreadyStartedFailure {
        start_request_id: request_id.to_owned(),
        run_id: run_id.to_owned(),
        ..WorkflowExecutionAlreadyStartedFailure::default()
    };
    with_details(Code::AlreadyExists, message, &details)
}

pub(crate) fn namespace_not_found(name: &str) -> Status {
    let details = NamespaceNotFoundFailure {
        namespace: name.to_owned(),
    };
    let message = format!("Namespace {name} is not found.");
    with_details(Code::NotFound, message, &details)
}

pub(crate) fn namespace_exists() -> Status {
    let details = NamespaceAlreadyExistsFailure {};
    let message = "Namespace already exists.".to_owned();
    with_details(Code::AlreadyExists, message, &details)
}

pub(crate) fn query_failed(message: String, failure: Option<Failure>) -> Status {
    let details = QueryFailedFailure { failure };
    with_details(Code::InvalidArgument, message, &details)
}

pub(crate) fn not_ready() -> Status {
    let details = WorkflowNotReadyFailure {};
    let message = "Unable to query workflow due to Workflow Task in failed state.".to_owned();
    with_details(Code::FailedPrecondition, message, &details)
}

fn with_details<M: Message + prost::Name>(code: Code, message: String, details: &M) -> Status {
    let packed = Any {
        type_url: format!("type.googleapis.com/{}", M::full_name()),
        value: details.encode_to_vec(),
    };
    let status = RpcStatus {
        code: code as i32,
        message: message.clone(),
        details: vec![packed],
    };
    Status::with_details(code, message, status.encode_to_vec().into())
}
