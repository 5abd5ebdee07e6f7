//! GetSystemInfo, GetClusterInfo and the health check: what this engine is, honestly. A
//! capability is announced when it is built, not before.

use temporalio_protos::grpc::health::v1::{
    HealthCheckResponse, health_check_response::ServingStatus,
};
use temporalio_protos::temporal::api::version::v1::{ReleaseInfo, VersionInfo};
use temporalio_protos::temporal::api::workflowservice::v1::{
    GetClusterInfoResponse, GetSystemInfoResponse, get_system_info_response::Capabilities,
};

use crate::runs::Host;

/// The version of the reference server whose behaviour this engine follows. SDKs and the web UI
/// compare it with what they need.
const BEHAVES_LIKE: &str = "1.29.0";

pub(super) const CLUSTER: &str = "active";

pub(crate) fn system_info() -> GetSystemInfoResponse {
    GetSystemInfoResponse {
        server_version: BEHAVES_LIKE.to_owned(),
        capabilities: Some(Capabilities {
            signal_and_query_header: true,
            internal_error_differentiation: true,
            activity_failure_include_heartbeat: true,
            encoded_failure_attributes: true,
            upsert_memo: true,
            eager_workflow_start: true,
            sdk_metadata: true,
            supports_schedules: true,
            count_group_by_execution_status: true,
            ..Capabilities::default()
        }),
    }
}

pub(crate) fn cluster_info(host: &Host) -> GetClusterInfoResponse {
    let supported = [
        ("temporal-cli", "<2.0.0"),
        ("temporal-go", "<2.0.0"),
        ("temporal-java", "<2.0.0"),
        ("temporal-typescript", "<2.0.0"),
        ("temporal-python", "<2.0.0"),
        ("temporal-ui", "<3.0.0"),
    ];
    GetClusterInfoResponse {
        supported_clients: supported
            .map(|(client, versions)| (client.to_owned(), versions.to_owned()))
            .into(),
        server_version: BEHAVES_LIKE.to_owned(),
        cluster_id: host
            .namespaces
            .all()
            .first()
            .map(|namespace| namespace.uuid.clone())
            .unwrap_or_default(),
        cluster_name: CLUSTER.to_owned(),
        version_info: Some(VersionInfo {
            current: Some(ReleaseInfo {
                version: BEHAVES_LIKE.to_owned(),
                ..ReleaseInfo::default()
            }),
            ..VersionInfo::default()
        }),
        history_shard_count: 1,
        persistence_store: "sqlite".to_owned(),
        visibility_store: "sqlite".to_owned(),
        ..GetClusterInfoResponse::default()
    }
}

pub(crate) fn health() -> HealthCheckResponse {
    HealthCheckResponse {
        status: ServingStatus::Serving as i32,
    }
}
