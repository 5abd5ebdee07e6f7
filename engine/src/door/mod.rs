//! The one dispatcher behind both doors: service and RPC by name, encoded message in, encoded
//! message out. In-process callers use [`Door::call`]; `tcp` serves the same table over HTTP/2.

mod table;
pub(crate) mod tcp;

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use tonic::Status;

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
pub(crate) const HEALTH_SERVICE: &str = "grpc.health.v1.Health";

impl Door {
    pub(crate) fn new(host: Arc<Host>) -> Self {
        Self { host }
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
        // No header changes an answer yet; keys and priorities will.
        drop(headers);
        if proto.len() > limits::MESSAGE_BYTES {
            return Err(Status::resource_exhausted(format!(
                "the request has {} bytes; at most {} are accepted",
                proto.len(),
                limits::MESSAGE_BYTES
            )));
        }
        if self.host.closing.is_cancelled() && !is_poll(rpc) {
            return Err(crate::runs::closing());
        }
        let proto = match service {
            WORKFLOW_SERVICE => table::workflow_service(&self.host, rpc, proto)
                .await
                .map_err(detailed)?,
            HEALTH_SERVICE => table::health(rpc)?,
            _ => return Err(not_built(service, rpc)),
        };
        Ok(Reply {
            headers: HeaderMap::new(),
            proto,
        })
    }
}

/// Polls answer empty while the engine closes, so that workers wind down without an error.
fn is_poll(rpc: &str) -> bool {
    matches!(rpc, "PollWorkflowTaskQueue" | "PollActivityTaskQueue")
}

fn not_built(service: &str, rpc: &str) -> Status {
    Status::unimplemented(format!("{service}/{rpc} is not built yet in this engine"))
}
