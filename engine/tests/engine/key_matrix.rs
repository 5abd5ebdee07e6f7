//! Every RPC of the engine's table against every kind of key. A new RPC finds its place here.

use engine::ServeOptions;
use temporalio_client::tonic::Code;

use crate::keys::{FULL, OTHER, READER, WORKER, keys, serving};
use crate::raw::NAMESPACE;
use crate::stage::Stage;
use crate::wire::{OPERATOR, WORKFLOW, Wire};

/// What a key that only reads may call, of all that this engine answers.
const READS: [&str; 45] = [
    "CountActivityExecutions",
    "CountNexusOperationExecutions",
    "CountSchedules",
    "CountWorkers",
    "CountWorkflowExecutions",
    "DescribeActivityExecution",
    "DescribeBatchOperation",
    "DescribeNamespace",
    "DescribeNexusOperationExecution",
    "DescribeSchedule",
    "DescribeTaskQueue",
    "DescribeWorker",
    "DescribeWorkerDeployment",
    "DescribeWorkerDeploymentVersion",
    "DescribeWorkflowExecution",
    "DescribeWorkflowRule",
    "FetchWorkerConfig",
    "GetClusterInfo",
    "GetSearchAttributes",
    "GetSystemInfo",
    "GetWorkerBuildIdCompatibility",
    "GetWorkerTaskReachability",
    "GetWorkerVersioningRules",
    "GetWorkflowExecutionHistory",
    "GetWorkflowExecutionHistoryReverse",
    "ListActivityExecutions",
    "ListArchivedWorkflowExecutions",
    "ListBatchOperations",
    "ListClosedWorkflowExecutions",
    "ListNamespaces",
    "ListNexusOperationExecutions",
    "ListOpenWorkflowExecutions",
    "ListScheduleMatchingTimes",
    "ListSchedules",
    "ListSearchAttributes",
    "ListTaskQueuePartitions",
    "ListWorkerDeployments",
    "ListWorkers",
    "ListWorkflowExecutions",
    "ListWorkflowRules",
    "PollActivityExecution",
    "PollNexusOperationExecution",
    "PollWorkflowExecutionUpdate",
    "QueryWorkflow",
    "ScanWorkflowExecutions",
];

/// Those that every key may ask, whatever its namespaces are.
const SHARED: [&str; 4] = [
    "GetClusterInfo",
    "GetSearchAttributes",
    "GetSystemInfo",
    "ListNamespaces",
];

/// Those only for a key of all namespaces.
const GOVERN: [&str; 14] = [
    "AddOrUpdateRemoteCluster",
    "AddSearchAttributes",
    "CreateNexusEndpoint",
    "DeleteNamespace",
    "DeleteNexusEndpoint",
    "DeprecateNamespace",
    "GetNexusEndpoint",
    "ListClusters",
    "ListNexusEndpoints",
    "RegisterNamespace",
    "RemoveRemoteCluster",
    "RemoveSearchAttributes",
    "UpdateNamespace",
    "UpdateNexusEndpoint",
];

/// Every RPC of the engine's table, with its service.
fn table() -> Vec<(&'static str, &'static str)> {
    let mut service = "";
    let mut rows = Vec::new();
    for line in include_str!("../../src/door/table.rs").lines() {
        let line = line.trim();
        if line.contains("fn ") {
            service = match () {
                () if line.contains("workflow_service") => WORKFLOW,
                () if line.contains("operator_service") => OPERATOR,
                () => "",
            };
        }
        let named = line
            .strip_prefix('"')
            .and_then(|line| line.split_once("\" =>"));
        if let Some((rpc, _)) = named.filter(|_| !service.is_empty()) {
            rows.push((service, rpc));
        }
    }
    assert!(rows.len() >= 30);
    rows
}

/// A request with nothing in it but its namespace.
fn in_default(rpc: &str) -> Vec<u8> {
    let field = match rpc {
        "AddSearchAttributes" | "RemoveSearchAttributes" => 2,
        "RecordActivityTaskHeartbeat"
        | "RespondActivityTaskCanceled"
        | "RespondActivityTaskCompleted"
        | "RespondActivityTaskFailed" => 4,
        "RespondQueryTaskCompleted" | "RespondWorkflowTaskFailed" => 6,
        "RespondWorkflowTaskCompleted" => 9,
        _ => 1,
    };
    let mut encoded = vec![(field << 3) | 2, 7];
    encoded.extend_from_slice(NAMESPACE.as_bytes());
    encoded
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rpc_is_decided_for_every_kind_of_key() {
    let stage = Stage::new().await;
    let options = ServeOptions::default().keys(keys());
    serving(&stage.engine, options, "127.0.0.1:0", async |address| {
        for (service, rpc) in table() {
            let code = async |key| {
                let wire = Wire::to(address, key).await;
                let answer = wire.raw(service, rpc, in_default(rpc)).await;
                answer.err().map_or(Code::Ok, |status| status.code())
            };
            let (reads, shared, governs) = (
                READS.contains(&rpc),
                SHARED.contains(&rpc),
                GOVERN.contains(&rpc),
            );
            for (key, allowed) in [
                (FULL, true),
                (READER, reads),
                (WORKER, !governs),
                (OTHER, shared),
            ] {
                let code = code(Some(key)).await;
                assert_eq!(
                    code != Code::PermissionDenied,
                    allowed,
                    "{rpc} {key}: {code:?}"
                );
                assert_ne!(code, Code::Unimplemented, "{rpc} is not decided on");
            }
            assert_eq!(code(None).await, Code::Unauthenticated, "{rpc}");
            assert_eq!(code(Some("x")).await, Code::Unauthenticated, "{rpc}");
        }
        // Whether it lives, anybody may ask; how the protocol looks, only whoever has a key.
        let stranger = Wire::to(address, None).await;
        let health = stranger.raw("grpc.health.v1.Health", "Check", Vec::new());
        assert!(health.await.is_ok());
        let reflection = "grpc.reflection.v1.ServerReflection";
        let asked = stranger.raw(reflection, "ServerReflectionInfo", Vec::new());
        assert_eq!(asked.await.unwrap_err().code(), Code::Unauthenticated);
    })
    .await;
}
