//! The two servers a scenario is played on: this engine, in a directory of its own, and the
//! reference, over TCP.

use std::time::Duration;

use ambient::SystemClock;
use bytes::{Buf, BufMut, Bytes};
use engine::{Config, Door, Engine};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use crate::encode::encode;
use crate::value::Value;
use crate::words::{WORKFLOW_SERVICE, call};

const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub(crate) enum Server {
    Ours(Door),
    Theirs(Channel),
}

impl Server {
    pub(crate) async fn call(
        &self,
        service: &str,
        rpc: &str,
        request: Vec<u8>,
    ) -> Result<Vec<u8>, Status> {
        match self {
            Self::Ours(door) => {
                let reply = door.call(service, rpc, http::HeaderMap::new(), request.into());
                Ok(reply.await?.proto)
            }
            Self::Theirs(channel) => {
                let mut grpc =
                    Grpc::new(channel.clone()).max_decoding_message_size(64 * 1024 * 1024);
                let ready = grpc.ready().await;
                ready.map_err(|error| Status::unavailable(error.to_string()))?;
                let path = format!("/{service}/{rpc}").parse().unwrap();
                let mut request = Request::new(Bytes::from(request));
                // The reference refuses a poll without a deadline.
                request.set_timeout(DEADLINE);
                let answer = grpc.unary(request, path, Raw).await?;
                Ok(answer.into_inner())
            }
        }
    }
}

/// An engine of its own for one scenario. Keep both: the engine lives as long as they do.
pub(crate) async fn ours(namespace: &str) -> (Server, Engine, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        path: dir.path().join("engine.db"),
        clock: SystemClock::shared(),
        namespaces: vec![namespace.to_owned()],
    };
    let engine = Engine::open(config).await.unwrap();
    (Server::Ours(engine.door()), engine, dir)
}

/// The reference, once it knows the namespace everywhere.
pub(crate) async fn theirs(address: &str, namespace: &str) -> Result<Server, String> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"));
    let channel = endpoint.map_err(|error| error.to_string())?.connect().await;
    let server = Server::Theirs(channel.map_err(|error| error.to_string())?);
    let day = Value::text("86400s");
    let register = Value::Record(vec![
        ("namespace".to_owned(), Value::text(namespace)),
        ("workflow_execution_retention_period".to_owned(), day),
    ]);
    let request = "temporal.api.workflowservice.v1.RegisterNamespaceRequest";
    let request = encode(request, &register)?;
    let registered = server.call(WORKFLOW_SERVICE, "RegisterNamespace", request);
    registered.await.map_err(|status| status.to_string())?;
    // Each of the reference's parts learns of it in its own time: matching is the last one asked.
    for (word, args) in [
        ("describe", "[nothing]"),
        ("DescribeTaskQueue", "[{task_queue: nothing}]"),
    ] {
        let Value::List(args) = Value::parse(args)? else {
            unreachable!()
        };
        let mut asked = call(word, &args)?;
        asked.request.set("namespace", Value::text(namespace));
        let message = format!("temporal.api.workflowservice.v1.{}Request", asked.rpc);
        let bytes = encode(&message, &asked.request)?;
        let unknown = format!("Namespace {namespace} is not found.");
        for attempt in 0.. {
            let answer = server.call(asked.service, &asked.rpc, bytes.clone()).await;
            match answer {
                Err(status) if status.message() == unknown && attempt < 200 => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(status) if status.code() == Code::Unavailable => {
                    return Err(status.to_string());
                }
                _ => break,
            }
        }
    }
    Ok(server)
}

/// Messages stay bytes.
#[derive(Clone, Copy, Debug)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut bytes = vec![0; from.remaining()];
        from.copy_to_slice(&mut bytes);
        Ok(Some(bytes))
    }
}
