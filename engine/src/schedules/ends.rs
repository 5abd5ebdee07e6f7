//! How a workflow ended that a schedule started: read from the last event of its last run.

use prost::Message;
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_protos::temporal::api::enums::v1::WorkflowExecutionStatus as Status;
use temporalio_protos::temporal::api::history::v1::{History, history_event::Attributes};

use super::outcome::Ended;
use crate::runs::{Found, Host, Namespace};

/// Runs of one chain looked at. The newest is the first, so this many only where other workflows
/// took the same id meanwhile.
const RUNS: usize = 100;
/// What is handed on from one run to the next is no larger than a payload may be.
const RESULT_BYTES: usize = crate::limits::BLOB_BYTES - 1_024;

/// Nothing while the chain goes on.
pub(super) async fn end_of(
    host: &Host,
    namespace: &Namespace,
    execution: &WorkflowExecution,
) -> Result<Option<Ended>, tonic::Status> {
    let mut run_id = String::new();
    for _ in 0..RUNS {
        let seen = match look(host, namespace, &execution.workflow_id, &run_id).await {
            Ok(seen) => seen,
            // It was removed: it certainly does not run.
            Err(error) if error.code() == tonic::Code::NotFound => break,
            Err(error) => return Err(error),
        };
        if seen.first_run_id != execution.run_id {
            if !run_id.is_empty() {
                break;
            }
            // Another workflow has the id now.
            run_id.clone_from(&execution.run_id);
            continue;
        }
        match seen.end {
            End::Open => return Ok(None),
            End::Followed(next) => run_id = next,
            End::Final(ended) => return Ok(Some(*ended)),
        }
    }
    Ok(Some(Ended::default()))
}

struct Seen {
    first_run_id: String,
    end: End,
}

enum End {
    Open,
    /// By a run of the same chain.
    Followed(String),
    Final(Box<Ended>),
}

async fn look(
    host: &Host,
    namespace: &Namespace,
    workflow_id: &str,
    run_id: &str,
) -> Result<Seen, tonic::Status> {
    let (first_run_id, status, last) = match host.find(namespace, workflow_id, run_id).await? {
        Found::Live(slot) => match slot.live.as_deref() {
            Some(live) => (
                live.run.first_run_id.clone(),
                live.run.status,
                live.history.last_event(),
            ),
            None => return Err(crate::runs::not_found()),
        },
        Found::Stored(head) => {
            let (run, history) = host.replay(&head).await?;
            (run.first_run_id, run.status, history.last_event())
        }
    };
    let end = match status {
        Status::Running => End::Open,
        status => ended(status, last.unwrap_or_default().as_ref()),
    };
    Ok(Seen { first_run_id, end })
}

fn ended(status: Status, last: &[u8]) -> End {
    let event = History::decode(last).unwrap_or_default().events.pop();
    let mut ended = Ended {
        status,
        ..Ended::default()
    };
    let mut next = String::new();
    match event.and_then(|event| event.attributes) {
        Some(Attributes::WorkflowExecutionCompletedEventAttributes(a)) => {
            next = a.new_execution_run_id;
            ended.result = a.result.filter(|r| r.encoded_len() <= RESULT_BYTES);
        }
        Some(Attributes::WorkflowExecutionFailedEventAttributes(a)) => {
            next = a.new_execution_run_id;
            ended.failure = a.failure.filter(|f| f.encoded_len() <= RESULT_BYTES);
        }
        Some(Attributes::WorkflowExecutionTimedOutEventAttributes(a)) => {
            next = a.new_execution_run_id;
        }
        Some(Attributes::WorkflowExecutionContinuedAsNewEventAttributes(a)) => {
            next = a.new_execution_run_id;
        }
        _ => {}
    }
    match next.is_empty() {
        true => End::Final(Box::new(ended)),
        false => End::Followed(next),
    }
}
