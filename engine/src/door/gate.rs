//! Lets a call from outside the process in, or not: by its key, by what the RPC does, and by the
//! namespaces that its request names. Nothing is decoded; the encoding itself is walked.

use std::collections::BTreeSet;

use http::HeaderMap;
use prost::Message;
use temporalio_protos::temporal::api::workflowservice::v1::{
    DescribeNamespaceRequest, ListNamespacesResponse,
};
use tonic::Status;

use super::access::{self, Scope};
use super::keys::{ApiKeys, Grant};
use super::{WORKFLOW_SERVICE, not_built};
use crate::runs::Host;
use crate::wire;

/// A call as it came in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'c> {
    pub(super) service: &'c str,
    pub(super) rpc: &'c str,
    pub(super) proto: &'c [u8],
}

/// The grant under which a call goes on.
pub(super) fn admit<'k>(
    keys: &'k ApiKeys,
    host: &Host,
    headers: &HeaderMap,
    call: Call<'_>,
) -> Result<&'k Grant, Status> {
    let grant = known(keys, headers)?;
    let Some(need) = access::need(call.service, call.rpc) else {
        return Err(not_built(call.service, call.rpc));
    };
    if !grant.allows(need.access) {
        return Err(refused());
    }
    if grant.is_for_all() {
        return Ok(grant);
    }
    if let Scope::Namespace(field) = need.scope {
        let mut named = wire::strings(call.proto, field).map_err(torn)?;
        // Named or not: the id counts where the name turns out empty.
        if call.rpc == "DescribeNamespace" {
            named.extend(by_id(host, call.proto)?);
        }
        let within = named.iter().all(|name| grant.reaches(name));
        if named.is_empty() || !within {
            return Err(refused());
        }
        // A worker's decisions reach as far as its key, not further.
        if call.rpc == "RespondWorkflowTaskCompleted" {
            let targets = commanded(call.proto).map_err(torn)?;
            if !targets.iter().all(|name| grant.reaches(name)) {
                return Err(refused());
            }
        }
    }
    Ok(grant)
}

pub(super) fn known<'k>(keys: &'k ApiKeys, headers: &HeaderMap) -> Result<&'k Grant, Status> {
    keys.of(headers).ok_or_else(|| {
        Status::unauthenticated(
            "this engine asks for a key: send it as `authorization: Bearer KEY`, which the SDKs \
             call an API key",
        )
    })
}

/// An answer that speaks of all namespaces speaks only of those that the key reaches.
pub(super) fn cut(grant: &Grant, rpc: &str, proto: Vec<u8>) -> Result<Vec<u8>, Status> {
    if rpc != "ListNamespaces" || grant.is_for_all() {
        return Ok(proto);
    }
    let mut answer = ListNamespacesResponse::decode(proto.as_slice())
        .map_err(|error| Status::internal(error.to_string()))?;
    answer.namespaces.retain(|namespace| {
        let info = namespace.namespace_info.as_ref();
        info.is_some_and(|info| grant.reaches(&info.name))
    });
    Ok(answer.encode_to_vec())
}

/// Whoever calls, with a key or without: the parts of a request stay in its namespace.
pub(super) fn check_parts(service: &str, rpc: &str, proto: &[u8]) -> Result<(), Status> {
    const NAMESPACE: u32 = 1;
    const OPERATIONS: u32 = 2;
    if service != WORKFLOW_SERVICE || rpc != "ExecuteMultiOperation" {
        return Ok(());
    }
    let outer = wire::strings(proto, NAMESPACE).map_err(torn)?;
    let mut parts = BTreeSet::new();
    for operation in wire::messages(proto, OPERATIONS).map_err(torn)? {
        for field in [1, 2] {
            for part in wire::messages(operation, field).map_err(torn)? {
                parts.extend(wire::strings(part, NAMESPACE).map_err(torn)?);
            }
        }
    }
    if parts.iter().all(|part| outer.contains(part)) && outer.len() <= 1 {
        return Ok(());
    }
    Err(Status::invalid_argument(
        "Namespace is not consistent with previous operation(s).",
    ))
}

/// The namespaces that the commands of a completed workflow task reach into.
fn commanded(proto: &[u8]) -> Result<BTreeSet<String>, wire::Torn> {
    const COMMANDS: u32 = 2;
    const CANCEL_EXTERNAL: u32 = 9;
    const START_CHILD: u32 = 12;
    const SIGNAL_EXTERNAL: u32 = 13;
    const NAMESPACE: u32 = 1;
    let mut names = BTreeSet::new();
    for command in wire::messages(proto, COMMANDS)? {
        for kind in [CANCEL_EXTERNAL, START_CHILD, SIGNAL_EXTERNAL] {
            for attributes in wire::messages(command, kind)? {
                names.extend(wire::strings(attributes, NAMESPACE)?);
            }
        }
    }
    Ok(names)
}

fn by_id(host: &Host, proto: &[u8]) -> Result<Option<String>, Status> {
    let request = DescribeNamespaceRequest::decode(proto).map_err(|_| torn(wire::Torn))?;
    let found = host.namespaces.by_uuid(&request.id);
    Ok(found.map(|namespace| namespace.name.clone()))
}

fn refused() -> Status {
    Status::permission_denied("Request unauthorized.")
}

fn torn(_: wire::Torn) -> Status {
    Status::invalid_argument("the request cannot be decoded")
}

#[cfg(test)]
mod tests {
    use temporalio_protos::temporal::api::command::v1::{
        Command, RequestCancelExternalWorkflowExecutionCommandAttributes as CancelExternal,
        SignalExternalWorkflowExecutionCommandAttributes as SignalExternal,
        StartChildWorkflowExecutionCommandAttributes as StartChild, command::Attributes,
    };
    use temporalio_protos::temporal::api::workflowservice::v1::execute_multi_operation_request::{
        Operation, operation,
    };
    use temporalio_protos::temporal::api::workflowservice::v1::{
        ExecuteMultiOperationRequest, RespondWorkflowTaskCompletedRequest,
        StartWorkflowExecutionRequest, UpdateWorkflowExecutionRequest,
    };

    use super::*;

    #[test]
    #[allow(deprecated)] // Workers still may name another namespace in their commands.
    fn the_reach_of_commands_is_read_from_the_encoding() {
        let namespace = |name: &str| name.to_owned();
        let commands: Vec<Attributes> = vec![
            StartChild {
                namespace: namespace("child"),
                ..StartChild::default()
            }
            .into(),
            SignalExternal {
                namespace: namespace("signal"),
                ..SignalExternal::default()
            }
            .into(),
            CancelExternal {
                namespace: namespace("cancel"),
                ..CancelExternal::default()
            }
            .into(),
            StartChild::default().into(),
        ];
        let request = RespondWorkflowTaskCompletedRequest {
            namespace: namespace("own"),
            commands: commands
                .into_iter()
                .map(|attributes| Command {
                    attributes: Some(attributes),
                    ..Command::default()
                })
                .collect(),
            ..RespondWorkflowTaskCompletedRequest::default()
        };
        let found = commanded(&request.encode_to_vec()).unwrap();
        assert!(found.iter().eq(["cancel", "child", "signal"]));
    }

    #[test]
    fn the_parts_of_a_request_stay_in_its_namespace() {
        let request = |outer: &str, start: &str, update: &str| {
            let start = StartWorkflowExecutionRequest {
                namespace: start.to_owned(),
                ..StartWorkflowExecutionRequest::default()
            };
            let update = UpdateWorkflowExecutionRequest {
                namespace: update.to_owned(),
                ..UpdateWorkflowExecutionRequest::default()
            };
            let part = |operation| Operation {
                operation: Some(operation),
            };
            ExecuteMultiOperationRequest {
                namespace: outer.to_owned(),
                operations: vec![
                    part(operation::Operation::StartWorkflow(start)),
                    part(operation::Operation::UpdateWorkflow(update)),
                ],
                ..ExecuteMultiOperationRequest::default()
            }
            .encode_to_vec()
        };
        let check = |proto: &[u8]| check_parts(WORKFLOW_SERVICE, "ExecuteMultiOperation", proto);
        assert!(check(&request("a", "a", "a")).is_ok());
        assert!(check(&request("a", "", "a")).is_ok());
        for (outer, start, update) in [("a", "b", "a"), ("a", "a", "b"), ("", "a", "a")] {
            assert!(check(&request(outer, start, update)).is_err());
        }
        // A field said twice: the last one counts for the decoder, none of them here.
        let twice = [request("a", "a", "a"), request("b", "b", "b")].concat();
        assert!(check(&twice).is_err());
    }
}
