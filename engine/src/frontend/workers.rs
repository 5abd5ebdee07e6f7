//! ShutdownWorker and RecordWorkerHeartbeat.

use temporalio_protos::temporal::api::workflowservice::v1::{
    RecordWorkerHeartbeatRequest, RecordWorkerHeartbeatResponse, ShutdownWorkerRequest,
    ShutdownWorkerResponse,
};
use tonic::Status;

use crate::matching::{Kind, QueueKey};
use crate::runs::Host;

/// The worker's cache is gone: what waits in its sticky queue goes to everybody at once.
pub(crate) fn shutdown(
    host: &Host,
    request: ShutdownWorkerRequest,
) -> Result<ShutdownWorkerResponse, Status> {
    let namespace = host.namespace(&request.namespace)?;
    if !request.sticky_task_queue.is_empty() {
        host.matching.abandon(&QueueKey {
            namespace: namespace.id,
            kind: Kind::Workflow,
            name: request.sticky_task_queue,
        });
    }
    Ok(ShutdownWorkerResponse {})
}

/// Accepted and not kept: nothing here decides by it, and no RPC shows it yet.
pub(crate) fn heartbeat(
    host: &Host,
    request: &RecordWorkerHeartbeatRequest,
) -> Result<RecordWorkerHeartbeatResponse, Status> {
    host.namespace(&request.namespace)?;
    Ok(RecordWorkerHeartbeatResponse {})
}
