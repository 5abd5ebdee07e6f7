//! Refusals as gRPC statuses, with the error details the SDKs read.

use prost::Message;
use prost_types::Any;
use temporalio_protos::google::rpc::Status as RpcStatus;
use temporalio_protos::temporal::api::enums::v1::{
    ResourceExhaustedCause as Cause, ResourceExhaustedScope,
};
use temporalio_protos::temporal::api::errordetails::v1::multi_operation_execution_failure::OperationStatus;
use temporalio_protos::temporal::api::errordetails::v1::{
    MultiOperationExecutionFailure, NamespaceAlreadyExistsFailure, NamespaceNotFoundFailure,
    NotFoundFailure, PermissionDeniedFailure, QueryFailedFailure, ResourceExhaustedFailure,
    WorkflowExecutionAlreadyStartedFailure, WorkflowNotReadyFailure,
};
use temporalio_protos::temporal::api::failure::v1::{Failure, MultiOperationExecutionAborted};
use tonic::{Code, Status};

use crate::core::Refusal;
use crate::core::updates::Aborted;

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.to_string();
        match refusal {
            Refusal::Closed
            | Refusal::StaleWorkflowTask
            | Refusal::StaleActivity
            | Refusal::UnknownActivity(_)
            | Refusal::AnotherChain
            | Refusal::NotFound
            | Refusal::NotTheParent
            | Refusal::NotWaiting => Self::not_found(text),
            Refusal::NotReady(_) => unready(text),
            Refusal::Closing => exhausted(Cause::BusyWorkflow, text),
            Refusal::Busy(_) => exhausted(Cause::ConcurrentLimit, text),
            Refusal::Precondition(_) => Self::failed_precondition(text),
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
    unready("Unable to query workflow due to Workflow Task in failed state.".to_owned())
}

pub(crate) fn ended_unseen() -> Status {
    unready("Workflow execution closed before WorkflowTaskStarted event".to_owned())
}

fn unready(message: String) -> Status {
    let details = WorkflowNotReadyFailure {};
    with_details(Code::FailedPrecondition, message, &details)
}

pub(crate) fn denied(message: &str) -> Status {
    let details = PermissionDeniedFailure::default();
    with_details(Code::PermissionDenied, message.to_owned(), &details)
}

fn exhausted(cause: Cause, message: String) -> Status {
    let details = ResourceExhaustedFailure {
        cause: cause as i32,
        scope: ResourceExhaustedScope::Namespace as i32,
    };
    with_details(Code::ResourceExhausted, message, &details)
}

pub(crate) fn too_many_polls() -> Status {
    let message = "namespace concurrent poller limit exceeded";
    exhausted(Cause::ConcurrentLimit, message.to_owned())
}

pub(crate) fn update_aborted(why: Aborted) -> Status {
    match why {
        Aborted::Closed => Status::not_found("workflow update was aborted by closing workflow"),
        Aborted::Continuing => Refusal::Closing.into(),
        Aborted::TaskFailed => unready(
            "Unable to perform workflow execution update due to unexpected workflow task failure."
                .to_owned(),
        ),
    }
}

/// Of one operation among several: another one failed.
pub(crate) fn operation_aborted(message: &str) -> Status {
    let details = MultiOperationExecutionAborted {};
    with_details(Code::Aborted, message.to_owned(), &details)
}

/// How each of several operations ended; `None` is a success.
pub(crate) fn multi_operation(
    code: Code,
    operations: [Option<(Code, String, Vec<Any>)>; 2],
) -> Status {
    let statuses = operations.map(|ended| {
        let (code, message, details) = ended.unwrap_or((Code::Ok, String::new(), Vec::new()));
        OperationStatus {
            code: code as i32,
            message,
            details,
        }
    });
    let details = MultiOperationExecutionFailure {
        statuses: statuses.into(),
    };
    let message = "Update-with-Start could not be executed.".to_owned();
    with_details(code, message, &details)
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
