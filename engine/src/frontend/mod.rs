//! One file per RPC or small family: decode → core or store → encode. Decisions live in the
//! core; here is only what a request must look like and how an answer reads.

pub(crate) mod activity;
pub(crate) mod by_id;
pub(crate) mod cancel;
pub(crate) mod complete_task;
pub(crate) mod describe;
pub(crate) mod fail_task;
pub(crate) mod heartbeat;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod multi;
pub(crate) mod namespaces;
pub(crate) mod older_lists;
mod oversize;
pub(crate) mod poll_activity;
pub(crate) mod poll_workflow;
pub(crate) mod query;
pub(crate) mod reset_sticky;
pub(crate) mod respond_query;
pub(crate) mod schedules;
pub(crate) mod signal;
pub(crate) mod signal_with_start;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod system;
pub(crate) mod terminate;
pub(crate) mod testing;
pub(crate) mod update;
pub(crate) mod workers;

use prost::Message;
use temporalio_protos::temporal::api::common::v1::{Payloads, WorkflowExecution};
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use tonic::Status;

use crate::limits;
use crate::runs::{Host, Namespace};

impl Host {
    /// The namespace a request names. Every request must.
    pub(crate) fn namespace(&self, name: &str) -> Result<Namespace, Status> {
        if name.is_empty() {
            return Err(Status::invalid_argument("Namespace is empty."));
        }
        self.namespaces
            .get(name)
            .ok_or_else(|| status::namespace_not_found(name))
    }
}

/// Workflow id and (possibly empty) run id of a request.
fn execution(given: Option<WorkflowExecution>) -> Result<(String, String), Status> {
    let execution =
        given.ok_or_else(|| Status::invalid_argument("Execution is not set on request."))?;
    check_id("WorkflowId", &execution.workflow_id)?;
    if !execution.run_id.is_empty() && !is_run_id(&execution.run_id) {
        return Err(Status::invalid_argument("Invalid RunId."));
    }
    Ok((execution.workflow_id, execution.run_id))
}

/// Run ids are UUIDs, ours and the reference's.
fn is_run_id(id: &str) -> bool {
    id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn check_id(what: &str, id: &str) -> Result<(), Status> {
    if id.is_empty() {
        return Err(Status::invalid_argument(format!(
            "{what} is not set on request."
        )));
    }
    check_length(what, id)
}

fn check_length(what: &str, id: &str) -> Result<(), Status> {
    if id.len() > limits::ID_BYTES {
        return Err(Status::invalid_argument(format!(
            "{what} length exceeds limit."
        )));
    }
    Ok(())
}

fn check_blob(payloads: Option<&Payloads>) -> Result<(), Status> {
    if payloads.is_some_and(|payloads| payloads.encoded_len() > limits::BLOB_BYTES) {
        return Err(Status::invalid_argument(oversize::BLOB));
    }
    Ok(())
}

fn queue_name(queue: Option<&TaskQueue>) -> Result<&str, Status> {
    let queue = queue.ok_or_else(|| Status::invalid_argument("taskQueue is not set"))?;
    let refused = |why| Err(Status::invalid_argument(why));
    match queue.name.as_str() {
        "" => refused("missing task queue name"),
        name if name.chars().count() > limits::ID_BYTES => {
            refused("taskQueue length exceeds limit")
        }
        name if name.starts_with("/_sys/") => {
            refused("task queue name cannot start with reserved prefix /_sys/")
        }
        name => Ok(name),
    }
}
