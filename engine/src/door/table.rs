//! Every RPC this engine answers, in alphabetical order. Anything else is UNIMPLEMENTED by name.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use tonic::Status;

use super::{HEALTH_SERVICE, TEST_SERVICE, WORKFLOW_SERVICE, not_built};
use crate::frontend as on;
use crate::runs::Host;
use crate::wire;

type Answering<'h> = Pin<Box<dyn Future<Output = Result<Vec<u8>, Status>> + Send + 'h>>;

/// Each call is boxed as what it is: one future for all of them would weigh as much as the largest,
/// and be copied with every call.
pub(super) fn workflow_service<'h>(host: &'h Arc<Host>, rpc: &str, proto: Bytes) -> Answering<'h> {
    match rpc {
        "CountSchedules" => answer(proto, |asked| on::schedules::list::count(host, asked)),
        "CountWorkflowExecutions" => answer(proto, |asked| on::list::count(host, asked)),
        "CreateSchedule" => answer(proto, |asked| on::schedules::create::handle(host, asked)),
        "DeleteSchedule" => answer(proto, |asked| on::schedules::update::delete(host, asked)),
        "DescribeNamespace" => at_once(proto, |asked| on::namespaces::describe(host, &asked)),
        "DescribeSchedule" => answer(proto, |asked| on::schedules::describe::handle(host, asked)),
        "DescribeWorker" => at_once(proto, |asked| on::workers::describe(host, &asked)),
        "DescribeWorkflowExecution" => answer(proto, |asked| on::describe::handle(host, asked)),
        "ExecuteMultiOperation" => answer(proto, |asked| on::multi::handle(host, asked)),
        "GetClusterInfo" => said(encode(Ok(on::system::cluster_info(host)))),
        "GetSystemInfo" => said(encode(Ok(on::system::system_info()))),
        "GetWorkflowExecutionHistory" => encoded(proto, |asked| on::history::handle(host, asked)),
        "ListClosedWorkflowExecutions" => {
            answer(proto, |asked| on::older_lists::closed(host, asked))
        }
        "ListNamespaces" => at_once(proto, |asked| Ok(on::namespaces::list(host, &asked))),
        "ListOpenWorkflowExecutions" => answer(proto, |asked| on::older_lists::open(host, asked)),
        "ListScheduleMatchingTimes" => answer(proto, |asked| {
            on::schedules::describe::matching_times(host, asked)
        }),
        "ListSchedules" => answer(proto, |asked| on::schedules::list::list(host, asked)),
        "ListWorkers" => at_once(proto, |asked| on::workers::list(host, &asked)),
        "ListWorkflowExecutions" => answer(proto, |asked| on::list::list(host, asked)),
        "PatchSchedule" => answer(proto, |asked| on::schedules::update::patch(host, asked)),
        "PollActivityTaskQueue" => encoded(proto, |asked| on::poll_activity::handle(host, asked)),
        "PollWorkflowExecutionUpdate" => answer(proto, |asked| on::update::poll(host, asked)),
        "PollWorkflowTaskQueue" => encoded(proto, |asked| on::poll_workflow::handle(host, asked)),
        "QueryWorkflow" => answer(proto, |asked| on::query::handle(host, asked)),
        "RecordActivityTaskHeartbeat" => answer(proto, |asked| on::heartbeat::handle(host, asked)),
        "RecordActivityTaskHeartbeatById" => {
            answer(proto, |asked| on::by_id::heartbeat(host, asked))
        }
        "RecordWorkerHeartbeat" => at_once(proto, |asked| on::workers::heartbeat(host, asked)),
        "RegisterNamespace" => answer(proto, |asked| on::namespaces::register(host, asked)),
        "RequestCancelWorkflowExecution" => answer(proto, |asked| on::cancel::handle(host, asked)),
        "ResetStickyTaskQueue" => answer(proto, |asked| on::reset_sticky::handle(host, asked)),
        "RespondActivityTaskCanceled" => answer(proto, |asked| on::activity::canceled(host, asked)),
        "RespondActivityTaskCanceledById" => {
            answer(proto, |asked| on::by_id::canceled(host, asked))
        }
        "RespondActivityTaskCompleted" => {
            answer(proto, |asked| on::activity::completed(host, asked))
        }
        "RespondActivityTaskCompletedById" => {
            answer(proto, |asked| on::by_id::completed(host, asked))
        }
        "RespondActivityTaskFailed" => answer(proto, |asked| on::activity::failed(host, asked)),
        "RespondActivityTaskFailedById" => answer(proto, |asked| on::by_id::failed(host, asked)),
        "RespondQueryTaskCompleted" => {
            at_once(proto, |asked| on::respond_query::handle(host, asked))
        }
        "RespondWorkflowTaskCompleted" => {
            encoded(proto, |asked| on::complete_task::handle(host, asked))
        }
        "RespondWorkflowTaskFailed" => answer(proto, |asked| on::fail_task::handle(host, asked)),
        "ScanWorkflowExecutions" => answer(proto, |asked| on::older_lists::scan(host, asked)),
        "ShutdownWorker" => at_once(proto, |asked| on::workers::shutdown(host, asked)),
        "SignalWithStartWorkflowExecution" => {
            answer(proto, |asked| on::signal_with_start::handle(host, asked))
        }
        "SignalWorkflowExecution" => answer(proto, |asked| on::signal::handle(host, asked)),
        "StartWorkflowExecution" => encoded(proto, |asked| on::start::handle(host, asked)),
        "TerminateWorkflowExecution" => answer(proto, |asked| on::terminate::handle(host, asked)),
        "UpdateSchedule" => answer(proto, |asked| on::schedules::update::update(host, asked)),
        "UpdateWorkflowExecution" => answer(proto, |asked| on::update::handle(host, asked)),
        _ => said(Err(not_built(WORKFLOW_SERVICE, rpc))),
    }
}

pub(super) async fn test_service(
    host: &Arc<Host>,
    rpc: &str,
    proto: Bytes,
) -> Result<Vec<u8>, Status> {
    match rpc {
        "GetCurrentTime" => encode(Ok(on::testing::now(host))),
        "LockTimeSkipping" => encode(Ok(on::testing::lock(host))),
        "Sleep" => encode(Ok(on::testing::sleep(host, decode(proto)?).await)),
        "SleepUntil" => encode(Ok(on::testing::sleep_until(host, decode(proto)?).await)),
        "UnlockTimeSkipping" => encode(on::testing::unlock(host)),
        "UnlockTimeSkippingWithSleep" => {
            encode(on::testing::unlock_and_sleep(host, decode(proto)?).await)
        }
        _ => Err(not_built(TEST_SERVICE, rpc)),
    }
}

pub(super) fn health(rpc: &str) -> Result<Vec<u8>, Status> {
    match rpc {
        "Check" => encode(Ok(on::system::health())),
        _ => Err(not_built(HEALTH_SERVICE, rpc)),
    }
}

fn decode<M: Message + Default>(proto: Bytes) -> Result<M, Status> {
    wire::decode(proto).map_err(|error| {
        Status::invalid_argument(format!("the request cannot be decoded: {error}"))
    })
}

fn encode<M: Message>(answer: Result<M, Status>) -> Result<Vec<u8>, Status> {
    Ok(answer?.encode_to_vec())
}

fn answer<'h, Q, A, F>(proto: Bytes, handle: impl FnOnce(Q) -> F) -> Answering<'h>
where
    Q: Message + Default,
    A: Message,
    F: Future<Output = Result<A, Status>> + Send + 'h,
{
    match decode(proto) {
        Ok(asked) => {
            let answering = handle(asked);
            Box::pin(async move { encode(answering.await) })
        }
        Err(undecodable) => said(Err(undecodable)),
    }
}

/// For handlers that splice their answer out of stored bytes.
fn encoded<'h, Q, F>(proto: Bytes, handle: impl FnOnce(Q) -> F) -> Answering<'h>
where
    Q: Message + Default,
    F: Future<Output = Result<Vec<u8>, Status>> + Send + 'h,
{
    match decode(proto) {
        Ok(asked) => Box::pin(handle(asked)),
        Err(undecodable) => said(Err(undecodable)),
    }
}

/// For handlers that wait for nothing.
fn at_once<'h, Q: Message + Default, A: Message>(
    proto: Bytes,
    handle: impl FnOnce(Q) -> Result<A, Status>,
) -> Answering<'h> {
    said(encode(decode(proto).and_then(handle)))
}

fn said<'h>(answer: Result<Vec<u8>, Status>) -> Answering<'h> {
    Box::pin(std::future::ready(answer))
}
