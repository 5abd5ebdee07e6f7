//! The one dispatcher behind both doors: service and RPC by name, encoded message in, encoded
//! message out. In-process callers use [`Door::call`]; `tcp` serves the same table over HTTP/2.

mod access;
mod calls;
mod connection;
mod gate;
mod gather;
mod keys;
mod options;
mod packed;
mod plain;
mod stream;
mod table;
pub(crate) mod tcp;

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use tonic::Status;

pub use keys::{ApiKeys, KeyAccess, KeyError, KeyNamespaces};
pub use options::{ServeOptions, Tls};

use crate::frontend::status::detailed;
use crate::limits;
use crate::runs::Host;

/// A way into a running engine. Cheap to clone; calls after the engine closed are refused.
#[derive(Clone, Debug)]
pub struct Door {
    host: Arc<Host>,
}

/// A successful answer.
#[derive(Debug)]
pub struct Reply {
    pub headers: HeaderMap,
    pub proto: Vec<u8>,
}

pub(crate) const WORKFLOW_SERVICE: &str = "temporal.api.workflowservice.v1.WorkflowService";
pub(crate) const OPERATOR_SERVICE: &str = "temporal.api.operatorservice.v1.OperatorService";
pub(crate) const TEST_SERVICE: &str = "temporal.api.testservice.v1.TestService";
pub(crate) const HEALTH_SERVICE: &str = "grpc.health.v1.Health";

impl Door {
    pub(crate) fn new(host: Arc<Host>) -> Self {
        Self { host }
    }

    /// Whether clients may hold time in place and let it jump.
    pub(crate) fn has_test_service(&self) -> bool {
        self.host.stillness.is_watched()
    }

    /// Calls one RPC with an encoded request. Dropping the future gives up waiting, not the
    /// effect: what was accepted stays accepted.
    pub async fn call(
        &self,
        service: &str,
        rpc: &str,
        headers: HeaderMap,
        proto: Bytes,
    ) -> Result<Reply, Status> {
        // Whoever is in the process is trusted, and no header changes an answer.
        drop(headers);
        if proto.len() > limits::MESSAGE_BYTES {
            return Err(too_large(Some(proto.len())));
        }
        if self.host.closing.is_cancelled() && !is_poll(rpc) {
            return Err(crate::runs::closing());
        }
        gate::check_parts(service, rpc, &proto)?;
        let proto = match service {
            WORKFLOW_SERVICE => table::workflow_service(&self.host, rpc, proto)
                .await
                .map_err(detailed)?,
            HEALTH_SERVICE => table::health(rpc)?,
            TEST_SERVICE if self.has_test_service() => {
                table::test_service(&self.host, rpc, proto).await?
            }
            _ => return Err(not_built(service, rpc)),
        };
        Ok(Reply {
            headers: HeaderMap::new(),
            proto,
        })
    }
}

impl Door {
    /// As [`Door::call`], for a caller whose key must allow it.
    pub(crate) async fn call_with_key(
        &self,
        keys: &ApiKeys,
        service: &str,
        rpc: &str,
        headers: HeaderMap,
        proto: Bytes,
    ) -> Result<Reply, Status> {
        let call = gate::Call {
            service,
            rpc,
            proto: &proto,
        };
        let grant = gate::admit(keys, &self.host, &headers, call)?;
        let mut reply = self.call(service, rpc, headers, proto.clone()).await?;
        reply.proto = gate::cut(grant, rpc, reply.proto)?;
        Ok(reply)
    }
}

/// Polls answer empty while the engine closes, so that workers wind down without an error.
fn is_poll(rpc: &str) -> bool {
    matches!(rpc, "PollWorkflowTaskQueue" | "PollActivityTaskQueue")
}

fn not_built(service: &str, rpc: &str) -> Status {
    Status::unimplemented(format!("{service}/{rpc} is not built yet in this engine"))
}

/// In the words by which SDKs know that trying again is no use: they fail the workflow task, which
/// says so in history.
fn too_large(bytes: Option<usize>) -> Status {
    let found = bytes
        .map(|bytes| format!("{bytes} vs. "))
        .unwrap_or_default();
    Status::resource_exhausted(format!(
        "grpc: received message larger than max ({found}{})",
        limits::MESSAGE_BYTES
    ))
}
