//! Every RPC this engine answers, in alphabetical order. Anything else is UNIMPLEMENTED by name.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use tonic::Status;

use super::{HEALTH_SERVICE, TEST_SERVICE, WORKFLOW_SERVICE, not_built};
use crate::frontend as on;
use crate::runs::Host;
use crate::wire;

pub(super) async fn workflow_service(
    host: &Arc<Host>,
    rpc: &str,
    proto: Bytes,
) -> Result<Vec<u8>, Status> {
    // The larger handlers are boxed: what this future weighs is copied with every call.
    match rpc {
        "CountSchedules" => encode(on::schedules::list::count(host, decode(proto)?).await),
        "CountWorkflowExecutions" => encode(on::list::count(host, decode(proto)?).await),
        "CreateSchedule" => encode(on::schedules::create::handle(host, decode(proto)?).await),
        "DeleteSchedule" => encode(on::schedules::update::delete(host, decode(proto)?).await),
        "DescribeNamespace" => encode(on::namespaces::describe(host, &decode(proto)?)),
        "DescribeWorker" => encode(on::workers::describe(host, &decode(proto)?)),
        "DescribeSchedule" => encode(on::schedules::describe::handle(host, decode(proto)?).await),
        "DescribeWorkflowExecution" => {
            encode(Box::pin(on::describe::handle(host, decode(proto)?)).await)
        }
        "ExecuteMultiOperation" => encode(Box::pin(on::multi::handle(host, decode(proto)?)).await),
        "GetClusterInfo" => encode(Ok(on::system::cluster_info(host))),
        "GetSystemInfo" => encode(Ok(on::system::system_info())),
        "GetWorkflowExecutionHistory" => on::history::handle(host, decode(proto)?).await,
        "ListClosedWorkflowExecutions" => {
            encode(on::older_lists::closed(host, decode(proto)?).await)
        }
        "ListNamespaces" => encode(Ok(on::namespaces::list(host, &decode(proto)?))),
        "ListOpenWorkflowExecutions" => encode(on::older_lists::open(host, decode(proto)?).await),
        "ListScheduleMatchingTimes" => {
            encode(on::schedules::describe::matching_times(host, decode(proto)?).await)
        }
        "ListSchedules" => encode(on::schedules::list::list(host, decode(proto)?).await),
        "ListWorkers" => encode(on::workers::list(host, &decode(proto)?)),
        "ListWorkflowExecutions" => encode(on::list::list(host, decode(proto)?).await),
        "PatchSchedule" => encode(on::schedules::update::patch(host, decode(proto)?).await),
        "PollActivityTaskQueue" => on::poll_activity::handle(host, decode(proto)?).await,
        "PollWorkflowTaskQueue" => on::poll_workflow::handle(host, decode(proto)?).await,
        "PollWorkflowExecutionUpdate" => encode(on::update::poll(host, decode(proto)?).await),
        "QueryWorkflow" => encode(on::query::handle(host, decode(proto)?).await),
        "RecordActivityTaskHeartbeat" => encode(on::heartbeat::handle(host, decode(proto)?).await),
        "RecordActivityTaskHeartbeatById" => {
            encode(on::by_id::heartbeat(host, decode(proto)?).await)
        }
        "RecordWorkerHeartbeat" => encode(on::workers::heartbeat(host, decode(proto)?)),
        "RegisterNamespace" => encode(on::namespaces::register(host, decode(proto)?).await),
        "RequestCancelWorkflowExecution" => encode(on::cancel::handle(host, decode(proto)?).await),
        "ResetStickyTaskQueue" => encode(on::reset_sticky::handle(host, decode(proto)?).await),
        "RespondActivityTaskCanceled" => encode(on::activity::canceled(host, decode(proto)?).await),
        "RespondActivityTaskCanceledById" => {
            encode(on::by_id::canceled(host, decode(proto)?).await)
        }
        "RespondActivityTaskCompleted" => {
            encode(on::activity::completed(host, decode(proto)?).await)
        }
        "RespondActivityTaskCompletedById" => {
            encode(on::by_id::completed(host, decode(proto)?).await)
        }
        "RespondActivityTaskFailed" => encode(on::activity::failed(host, decode(proto)?).await),
        "RespondActivityTaskFailedById" => encode(on::by_id::failed(host, decode(proto)?).await),
        "RespondQueryTaskCompleted" => encode(on::respond_query::handle(host, decode(proto)?)),
        "RespondWorkflowTaskCompleted" => {
            Box::pin(on::complete_task::handle(host, decode(proto)?)).await
        }
        "RespondWorkflowTaskFailed" => encode(on::fail_task::handle(host, decode(proto)?).await),
        "ScanWorkflowExecutions" => encode(on::older_lists::scan(host, decode(proto)?).await),
        "ShutdownWorker" => encode(on::workers::shutdown(host, decode(proto)?)),
        "SignalWithStartWorkflowExecution" => {
            encode(Box::pin(on::signal_with_start::handle(host, decode(proto)?)).await)
        }
        "SignalWorkflowExecution" => encode(on::signal::handle(host, decode(proto)?).await),
        "StartWorkflowExecution" => Box::pin(on::start::handle(host, decode(proto)?)).await,
        "TerminateWorkflowExecution" => encode(on::terminate::handle(host, decode(proto)?).await),
        "UpdateSchedule" => encode(on::schedules::update::update(host, decode(proto)?).await),
        "UpdateWorkflowExecution" => {
            encode(Box::pin(on::update::handle(host, decode(proto)?)).await)
        }
        _ => Err(not_built(WORKFLOW_SERVICE, rpc)),
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
