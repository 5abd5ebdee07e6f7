//! RegisterNamespace, DescribeNamespace, ListNamespaces.

use std::time::Duration;

use temporalio_protos::temporal::api::enums::v1::{ArchivalState, NamespaceState};
use temporalio_protos::temporal::api::namespace::v1::{
    NamespaceConfig, NamespaceInfo,
    namespace_info::{Capabilities, Limits},
};
use temporalio_protos::temporal::api::replication::v1::{
    ClusterReplicationConfig, NamespaceReplicationConfig,
};
use temporalio_protos::temporal::api::workflowservice::v1::{
    DescribeNamespaceRequest, DescribeNamespaceResponse, ListNamespacesRequest,
    ListNamespacesResponse, RegisterNamespaceRequest, RegisterNamespaceResponse,
};
use tonic::Status;

use super::system::CLUSTER;
use super::{check_id, status};
use crate::core::time::{duration, positive};
use crate::limits;
use crate::runs::{Host, Namespace, NotCreated};

const DEFAULT_RETENTION: Duration = Duration::from_secs(3 * 86_400);

pub(crate) async fn register(
    host: &Host,
    request: RegisterNamespaceRequest,
) -> Result<RegisterNamespaceResponse, Status> {
    host.admit()?;
    check_id("Namespace", &request.namespace)?;
    let retention =
        positive(request.workflow_execution_retention_period.as_ref()).unwrap_or(DEFAULT_RETENTION);
    let retention = i64::try_from(retention.as_secs()).unwrap_or(i64::MAX);
    let created = host
        .create_namespace(
            &request.namespace,
            request.description,
            request.owner_email,
            retention,
        )
        .await;
    match created {
        Ok(()) => Ok(RegisterNamespaceResponse {}),
        Err(NotCreated::Exists) => Err(status::namespace_exists()),
        Err(NotCreated::TooMany) => Err(Status::resource_exhausted(
            "this engine has as many namespaces as it accepts",
        )),
        Err(NotCreated::Other(status)) => Err(status),
    }
}

pub(crate) fn describe(
    host: &Host,
    request: &DescribeNamespaceRequest,
) -> Result<DescribeNamespaceResponse, Status> {
    if request.namespace.is_empty() && !request.id.is_empty() {
        return host
            .namespaces
            .by_uuid(&request.id)
            .map(|namespace| answer(&namespace))
            .ok_or_else(|| status::namespace_not_found(&request.id));
    }
    Ok(answer(&host.namespace(&request.namespace)?))
}

pub(crate) fn list(host: &Host, _request: &ListNamespacesRequest) -> ListNamespacesResponse {
    ListNamespacesResponse {
        namespaces: host.namespaces.all().iter().map(answer).collect(),
        // All of them: their number is bounded.
        next_page_token: Vec::new(),
    }
}

fn answer(namespace: &Namespace) -> DescribeNamespaceResponse {
    let retention = u64::try_from(namespace.retention_seconds).unwrap_or(0);
    DescribeNamespaceResponse {
        namespace_info: Some(NamespaceInfo {
            name: namespace.name.clone(),
            state: NamespaceState::Registered as i32,
            description: namespace.description.clone(),
            owner_email: namespace.owner.clone(),
            id: namespace.uuid.clone(),
            capabilities: Some(Capabilities {
                eager_workflow_start: true,
                sync_update: true,
                async_update: true,
                worker_heartbeats: true,
                // Not `worker_poll_complete_on_shutdown`: a worker that trusts the engine to end its
                // polls waits for ever when the engine dies between the two.
                ..Capabilities::default()
            }),
            // Workers refuse by these what would be refused here.
            limits: Some(Limits {
                blob_size_limit_error: as_proto(limits::BLOB_BYTES),
                memo_size_limit_error: as_proto(limits::BLOB_BYTES),
                ..Limits::default()
            }),
            ..NamespaceInfo::default()
        }),
        config: Some(NamespaceConfig {
            workflow_execution_retention_ttl: Some(duration(Duration::from_secs(retention))),
            history_archival_state: ArchivalState::Disabled as i32,
            visibility_archival_state: ArchivalState::Disabled as i32,
            ..NamespaceConfig::default()
        }),
        // One cluster, whatever is asked: this one.
        replication_config: Some(NamespaceReplicationConfig {
            active_cluster_name: CLUSTER.to_owned(),
            clusters: vec![ClusterReplicationConfig {
                cluster_name: CLUSTER.to_owned(),
                ..ClusterReplicationConfig::default()
            }],
            ..NamespaceReplicationConfig::default()
        }),
        ..DescribeNamespaceResponse::default()
    }
}

fn as_proto(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
