//! What workers tell about themselves, and who asks for it: RecordWorkerHeartbeat, ShutdownWorker,
//! ListWorkers, DescribeWorker.

use temporalio_protos::temporal::api::worker::v1::{WorkerHeartbeat, WorkerInfo, WorkerListInfo};
use temporalio_protos::temporal::api::workflowservice::v1::{
    DescribeWorkerRequest, DescribeWorkerResponse, ListWorkersRequest, ListWorkersResponse,
    RecordWorkerHeartbeatRequest, RecordWorkerHeartbeatResponse, ShutdownWorkerRequest,
    ShutdownWorkerResponse,
};
use tonic::Status;

use super::check_length;
use crate::limits;
use crate::matching::{Kind, QueueKey};
use crate::runs::Host;
use crate::visibility;
use crate::workers;

/// The worker leaves: its polls end with nothing, and since its cache goes with it, what waits in
/// its sticky queue goes to everybody at once.
pub(crate) fn shutdown(
    host: &Host,
    request: ShutdownWorkerRequest,
) -> Result<ShutdownWorkerResponse, Status> {
    let namespace = host.namespace(&request.namespace)?;
    check_length("WorkerInstanceKey", &request.worker_instance_key)?;
    if let Some(last_words) = request.worker_heartbeat {
        keep(host, namespace.id, last_words)?;
    }
    host.workers
        .leaves(namespace.id, &request.worker_instance_key, host.now());
    if !request.sticky_task_queue.is_empty() {
        host.matching.abandon(&QueueKey {
            namespace: namespace.id,
            kind: Kind::Workflow,
            name: request.sticky_task_queue,
        });
    }
    Ok(ShutdownWorkerResponse {})
}

pub(crate) fn heartbeat(
    host: &Host,
    request: RecordWorkerHeartbeatRequest,
) -> Result<RecordWorkerHeartbeatResponse, Status> {
    let namespace = host.namespace(&request.namespace)?;
    for heartbeat in request.worker_heartbeat {
        keep(host, namespace.id, heartbeat)?;
    }
    Ok(RecordWorkerHeartbeatResponse {})
}

fn keep(host: &Host, namespace: i64, heartbeat: WorkerHeartbeat) -> Result<(), Status> {
    use prost::Message;
    check_length("WorkerInstanceKey", &heartbeat.worker_instance_key)?;
    if heartbeat.encoded_len() > limits::WORKER_HEARTBEAT_BYTES {
        return Err(Status::invalid_argument(format!(
            "a worker's heartbeat may have {} bytes",
            limits::WORKER_HEARTBEAT_BYTES
        )));
    }
    if !heartbeat.worker_instance_key.is_empty() {
        host.workers.heard(namespace, heartbeat, host.now());
    }
    Ok(())
}

pub(crate) fn list(
    host: &Host,
    request: &ListWorkersRequest,
) -> Result<ListWorkersResponse, Status> {
    let namespace = host.namespace(&request.namespace)?;
    if request.query.len() > limits::QUERY_TEXT_BYTES {
        return Err(Status::invalid_argument("Query is too long."));
    }
    let bad_query = |error: visibility::BadQuery| Status::invalid_argument(error.to_string());
    let filter = visibility::parse(&request.query).map_err(bad_query)?;
    // Said once and clearly, also when there is no worker to try it on.
    workers::matches(&filter, &WorkerHeartbeat::default()).map_err(bad_query)?;
    let size = match usize::try_from(request.page_size) {
        Ok(size) if size > 0 => size.min(limits::LIST_PAGE),
        _ => limits::LIST_PAGE,
    };
    let after = match request.next_page_token.as_slice() {
        [] => String::new(),
        token => String::from_utf8(host.tokens.open_bytes(token)?.to_vec())
            .map_err(|_| Status::invalid_argument("Invalid NextPageToken."))?,
    };
    let found = host
        .workers
        .heartbeats(namespace.id, &after, size, host.now(), |worker| {
            workers::matches(&filter, worker).unwrap_or(false)
        });
    let next_page_token = found
        .last()
        .filter(|_| found.len() == size)
        .map(|last| last.worker_instance_key.clone().into_bytes())
        .map(|key| host.tokens.seal_bytes(key))
        .unwrap_or_default();
    Ok(answer(found, next_page_token))
}

#[allow(deprecated)] // The full information is what today's clients read.
fn answer(found: Vec<WorkerHeartbeat>, next_page_token: Vec<u8>) -> ListWorkersResponse {
    ListWorkersResponse {
        workers: found.iter().map(short).collect(),
        workers_info: found.into_iter().map(full).collect(),
        next_page_token,
    }
}

fn full(heartbeat: WorkerHeartbeat) -> WorkerInfo {
    WorkerInfo {
        worker_heartbeat: Some(heartbeat),
    }
}

fn short(worker: &WorkerHeartbeat) -> WorkerListInfo {
    let host = worker.host_info.clone().unwrap_or_default();
    WorkerListInfo {
        worker_instance_key: worker.worker_instance_key.clone(),
        worker_identity: worker.worker_identity.clone(),
        task_queue: worker.task_queue.clone(),
        deployment_version: worker.deployment_version.clone(),
        sdk_name: worker.sdk_name.clone(),
        sdk_version: worker.sdk_version.clone(),
        status: worker.status,
        start_time: worker.start_time,
        host_name: host.host_name,
        worker_grouping_key: host.worker_grouping_key,
        process_id: host.process_id,
        plugins: worker.plugins.clone(),
        drivers: worker.drivers.clone(),
    }
}

pub(crate) fn describe(
    host: &Host,
    request: &DescribeWorkerRequest,
) -> Result<DescribeWorkerResponse, Status> {
    let namespace = host.namespace(&request.namespace)?;
    let key = &request.worker_instance_key;
    let heartbeat = host.workers.heartbeat(namespace.id, key, host.now());
    let heartbeat =
        heartbeat.ok_or_else(|| Status::not_found(format!("Worker {key} not found")))?;
    Ok(DescribeWorkerResponse {
        worker_info: Some(full(heartbeat)),
    })
}
