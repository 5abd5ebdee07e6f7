//! What each RPC of the protocol asks of a key, built here or not. An RPC without a line is
//! refused to every key, so a new one is decided on before anybody reaches it.

use super::{OPERATOR_SERVICE, TEST_SERVICE, WORKFLOW_SERVICE};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) access: Access,
    pub(super) scope: Scope,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
    /// Changes what namespaces there are, or what they have in common.
    Govern,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// One namespace, named by this field of the request.
    Namespace(u32),
    Engine,
}

pub(super) fn need(service: &str, rpc: &str) -> Option<Need> {
    let (access, scope) = match service {
        WORKFLOW_SERVICE => workflow_service(rpc)?,
        OPERATOR_SERVICE => operator_service(rpc)?,
        // Time is everybody's.
        TEST_SERVICE => (Access::Govern, Scope::Engine),
        _ => return None,
    };
    Some(Need { access, scope })
}

/// Where nearly every request names its namespace.
const USUAL: Scope = Scope::Namespace(1);

fn workflow_service(rpc: &str) -> Option<(Access, Scope)> {
    let need = match rpc {
        "CountActivityExecutions"
        | "CountNexusOperationExecutions"
        | "CountSchedules"
        | "CountWorkers"
        | "CountWorkflowExecutions"
        | "DescribeActivityExecution"
        | "DescribeBatchOperation"
        | "DescribeDeployment"
        | "DescribeNamespace"
        | "DescribeNexusOperationExecution"
        | "DescribeSchedule"
        | "DescribeTaskQueue"
        | "DescribeWorker"
        | "DescribeWorkerDeployment"
        | "DescribeWorkerDeploymentVersion"
        | "DescribeWorkflowExecution"
        | "DescribeWorkflowRule"
        | "FetchWorkerConfig"
        | "GetCurrentDeployment"
        | "GetDeploymentReachability"
        | "GetWorkerBuildIdCompatibility"
        | "GetWorkerTaskReachability"
        | "GetWorkerVersioningRules"
        | "GetWorkflowExecutionHistory"
        | "GetWorkflowExecutionHistoryReverse"
        | "ListActivityExecutions"
        | "ListArchivedWorkflowExecutions"
        | "ListBatchOperations"
        | "ListClosedWorkflowExecutions"
        | "ListDeployments"
        | "ListNexusOperationExecutions"
        | "ListOpenWorkflowExecutions"
        | "ListScheduleMatchingTimes"
        | "ListSchedules"
        | "ListTaskQueuePartitions"
        | "ListWorkerDeployments"
        | "ListWorkers"
        | "ListWorkflowExecutions"
        | "ListWorkflowRules"
        | "PollActivityExecution"
        | "PollNexusOperationExecution"
        | "PollWorkflowExecutionTimeSkipping"
        | "PollWorkflowExecutionUpdate"
        | "QueryWorkflow"
        | "ScanWorkflowExecutions"
        | "ValidateWorkerDeploymentVersionComputeConfig" => (Access::Read, USUAL),

        // What they show is cut to the namespaces of the key, or is the same for everybody.
        "GetClusterInfo" | "GetSearchAttributes" | "GetSystemInfo" | "ListNamespaces" => {
            (Access::Read, Scope::Engine)
        }

        "CreateSchedule"
        | "CreateWorkerDeployment"
        | "CreateWorkerDeploymentVersion"
        | "CreateWorkflowRule"
        | "DeleteActivityExecution"
        | "DeleteNexusOperationExecution"
        | "DeleteSchedule"
        | "DeleteWorkerDeployment"
        | "DeleteWorkerDeploymentVersion"
        | "DeleteWorkflowExecution"
        | "DeleteWorkflowRule"
        | "ExecuteMultiOperation"
        | "PatchSchedule"
        | "PauseActivity"
        | "PauseActivityExecution"
        | "PauseWorkflowExecution"
        | "PollActivityTaskQueue"
        | "PollNexusTaskQueue"
        | "PollWorkflowTaskQueue"
        | "RecordActivityTaskHeartbeatById"
        | "RecordWorkerHeartbeat"
        | "RequestCancelActivityExecution"
        | "RequestCancelNexusOperationExecution"
        | "RequestCancelWorkflowExecution"
        | "ResetActivity"
        | "ResetActivityExecution"
        | "ResetStickyTaskQueue"
        | "ResetWorkflowExecution"
        | "RespondActivityTaskCanceledById"
        | "RespondActivityTaskCompletedById"
        | "RespondActivityTaskFailedById"
        | "RespondNexusTaskCompleted"
        | "RespondNexusTaskFailed"
        | "SetCurrentDeployment"
        | "SetWorkerDeploymentCurrentVersion"
        | "SetWorkerDeploymentManager"
        | "SetWorkerDeploymentRampingVersion"
        | "ShutdownWorker"
        | "SignalWithStartWorkflowExecution"
        | "SignalWorkflowExecution"
        | "StartActivityExecution"
        | "StartBatchOperation"
        | "StartNexusOperationExecution"
        | "StartWorkflowExecution"
        | "StopBatchOperation"
        | "TerminateActivityExecution"
        | "TerminateNexusOperationExecution"
        | "TerminateWorkflowExecution"
        | "TriggerWorkflowRule"
        | "UnpauseActivity"
        | "UnpauseActivityExecution"
        | "UnpauseWorkflowExecution"
        | "UpdateActivityExecutionOptions"
        | "UpdateActivityOptions"
        | "UpdateSchedule"
        | "UpdateTaskQueueConfig"
        | "UpdateWorkerBuildIdCompatibility"
        | "UpdateWorkerConfig"
        | "UpdateWorkerDeploymentVersionComputeConfig"
        | "UpdateWorkerDeploymentVersionMetadata"
        | "UpdateWorkerVersioningRules"
        | "UpdateWorkflowExecution"
        | "UpdateWorkflowExecutionOptions" => (Access::Write, USUAL),

        "RecordActivityTaskHeartbeat"
        | "RespondActivityTaskCanceled"
        | "RespondActivityTaskCompleted"
        | "RespondActivityTaskFailed" => (Access::Write, Scope::Namespace(4)),
        "RespondQueryTaskCompleted" | "RespondWorkflowTaskFailed" => {
            (Access::Write, Scope::Namespace(6))
        }
        "RespondWorkflowTaskCompleted" => (Access::Write, Scope::Namespace(9)),

        "DeprecateNamespace" | "RegisterNamespace" | "UpdateNamespace" => (Access::Govern, USUAL),
        _ => return None,
    };
    Some(need)
}

fn operator_service(rpc: &str) -> Option<(Access, Scope)> {
    let need = match rpc {
        "ListSearchAttributes" => (Access::Read, USUAL),
        "DeleteNamespace" => (Access::Govern, USUAL),
        "AddSearchAttributes" | "RemoveSearchAttributes" => (Access::Govern, Scope::Namespace(2)),
        "AddOrUpdateRemoteCluster"
        | "CreateNexusEndpoint"
        | "DeleteNexusEndpoint"
        | "GetNexusEndpoint"
        | "ListClusters"
        | "ListNexusEndpoints"
        | "RemoveRemoteCluster"
        | "UpdateNexusEndpoint" => (Access::Govern, Scope::Engine),
        _ => return None,
    };
    Some(need)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use prost::Message;

    use super::*;
    use crate::door::calls::DESCRIPTORS;

    /// As much of the protocol's own description as is looked at here.
    #[derive(Clone, PartialEq, Message)]
    struct Files {
        #[prost(message, repeated, tag = "1")]
        files: Vec<File>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct File {
        #[prost(string, tag = "2")]
        package: String,
        #[prost(message, repeated, tag = "4")]
        messages: Vec<Described>,
        #[prost(message, repeated, tag = "6")]
        services: Vec<Service>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Described {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(message, repeated, tag = "2")]
        fields: Vec<Field>,
        #[prost(message, repeated, tag = "3")]
        nested: Vec<Described>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Field {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(uint32, tag = "3")]
        number: u32,
        #[prost(string, tag = "6")]
        type_name: String,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Service {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(message, repeated, tag = "2")]
        methods: Vec<Method>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Method {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(string, tag = "2")]
        input: String,
    }

    struct Protocol {
        messages: BTreeMap<String, Described>,
        /// Service, RPC, request.
        methods: Vec<(String, String, String)>,
    }

    fn protocol() -> Protocol {
        fn collect(into: &mut BTreeMap<String, Described>, within: &str, message: &Described) {
            let name = format!("{within}.{}", message.name);
            for nested in &message.nested {
                collect(into, &name, nested);
            }
            into.insert(name, message.clone());
        }
        let mut protocol = Protocol {
            messages: BTreeMap::new(),
            methods: Vec::new(),
        };
        for file in Files::decode(DESCRIPTORS).unwrap().files {
            let package = format!(".{}", file.package);
            for message in &file.messages {
                collect(&mut protocol.messages, &package, message);
            }
            for service in file.services {
                let name = format!("{}.{}", file.package, service.name);
                for method in service.methods {
                    protocol
                        .methods
                        .push((name.clone(), method.name, method.input));
                }
            }
        }
        protocol
    }

    #[test]
    fn every_rpc_of_the_protocol_has_a_decision_about_the_field_that_names_its_namespace() {
        let protocol = protocol();
        let mut decided = 0;
        for (service, rpc, request) in &protocol.methods {
            if ![WORKFLOW_SERVICE, OPERATOR_SERVICE].contains(&service.as_str()) {
                continue;
            }
            let need = need(service, rpc).unwrap_or_else(|| panic!("{rpc} is not decided on"));
            let fields = &protocol.messages[request].fields;
            let named = fields.iter().find(|field| field.name == "namespace");
            let scope = named.map_or(Scope::Engine, |field| Scope::Namespace(field.number));
            assert_eq!(need.scope, scope, "{rpc}");
            decided += 1;
        }
        assert!(decided > 130);
    }

    #[test]
    fn every_rpc_in_the_table_is_one_of_the_protocol() {
        let mut within = "";
        let mut unknown = Vec::new();
        for line in include_str!("table.rs").lines() {
            if line.contains("fn ") {
                within = line;
            }
            let named = line.trim().strip_prefix('"');
            let Some((rpc, _)) = named.and_then(|line| line.split_once("\" =>")) else {
                continue;
            };
            let decided = match within {
                it if it.contains("workflow_service") => need(WORKFLOW_SERVICE, rpc),
                it if it.contains("operator_service") => need(OPERATOR_SERVICE, rpc),
                // Health needs no key, and an engine for tests has no secrets.
                it if it.contains("health") || it.contains("test_service") => continue,
                _ => None,
            };
            if decided.is_none() {
                unknown.push(rpc);
            }
        }
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    /// A new place in the protocol where a request may name a second namespace is looked at.
    #[test]
    fn namespaces_inside_requests_stand_where_they_are_expected() {
        fn walk(
            all: &Protocol,
            message: &str,
            path: &str,
            within: &mut Vec<String>,
            found: &mut Vec<String>,
        ) {
            if within.iter().any(|above| above == message) {
                return;
            }
            within.push(message.to_owned());
            for field in all.messages.get(message).map_or(&[][..], |m| &m.fields) {
                let path = format!("{path}/{}", field.name);
                if field.name == "namespace" {
                    found.push(path.clone());
                }
                walk(all, &field.type_name, &path, within, found);
            }
            within.pop();
        }
        let all = protocol();
        let mut found = Vec::new();
        for (service, rpc, request) in &all.methods {
            if [WORKFLOW_SERVICE, OPERATOR_SERVICE].contains(&service.as_str()) {
                walk(&all, request, rpc, &mut Vec::new(), &mut found);
            }
        }
        // Links and failures only tell where something came from.
        found.retain(|path| {
            path.matches('/').count() > 1
                && !path.contains("/links/")
                && !path.contains("child_workflow_execution_failure_info")
        });
        assert_eq!(
            found,
            [
                "ExecuteMultiOperation/operations/start_workflow/namespace",
                "ExecuteMultiOperation/operations/update_workflow/namespace",
                "RespondWorkflowTaskCompleted/commands/request_cancel_external_workflow_execution_command_attributes/namespace",
                "RespondWorkflowTaskCompleted/commands/start_child_workflow_execution_command_attributes/namespace",
                "RespondWorkflowTaskCompleted/commands/signal_external_workflow_execution_command_attributes/namespace",
                "CreateNexusEndpoint/spec/target/worker/namespace",
                "UpdateNexusEndpoint/spec/target/worker/namespace",
            ]
        );
    }
}
