//! The door over HTTP/2: tonic's framing, compression and TLS around the same dispatcher, with
//! health and reflection beside it. Health needs no key.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use http::{Request, Response};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codec::{BufferSettings, EnabledCompressionEncodings};
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::service::Routes;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Status};

use super::{
    ApiKeys, Door, OPERATOR_SERVICE, ServeOptions, TEST_SERVICE, WORKFLOW_SERVICE, connections,
    gate, too_large,
};
use crate::limits;

/// What the SDK's messages look like, for whoever asks by reflection.
pub(super) const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub(crate) async fn serve(
    door: Door,
    options: ServeOptions,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), BoxError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    for service in ["", WORKFLOW_SERVICE, OPERATOR_SERVICE] {
        let status = tonic_health::ServingStatus::Serving;
        health.set_service_status(service, status).await;
    }
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
    };
    let keyed = {
        let keys = options.keys.clone();
        move |request: tonic::Request<()>| {
            if let Some(keys) = &keys {
                gate::known(keys, request.metadata().as_ref())?;
            }
            Ok(request)
        }
    };
    let (v1, v1alpha) = (reflection().build_v1()?, reflection().build_v1alpha()?);
    let door = TcpDoor {
        door,
        keys: options.keys,
    };
    let mut routes = Routes::builder();
    if door.door.has_test_service() {
        routes.add_service(TestDoor(door.clone()));
    }
    routes
        .add_service(WorkflowDoor(door.clone()))
        .add_service(OperatorDoor(door))
        .add_service(health_service)
        .add_service(InterceptedService::new(v1, keyed.clone()))
        .add_service(InterceptedService::new(v1alpha, keyed));
    let mut server = Server::builder();
    if let Some(tls) = options.tls {
        server = server.tls_config(tls.config)?;
    }
    server
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .add_routes(routes.routes())
        .serve_with_incoming_shutdown(
            connections::at_most(
                limits::CONNECTIONS,
                TcpIncoming::from(listener).with_nodelay(Some(true)),
            ),
            shutdown,
        )
        .await?;
    Ok(())
}

/// A peer that vanished without a word frees what waits for it.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The dispatcher, behind keys if there are any.
#[derive(Clone, Debug)]
struct TcpDoor {
    door: Door,
    keys: Option<ApiKeys>,
}

type Answering<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

macro_rules! tonic_door {
    ($name:ident, $service:expr) => {
        #[derive(Clone, Debug)]
        struct $name(TcpDoor);

        impl NamedService for $name {
            const NAME: &'static str = $service;
        }

        impl tower_service::Service<Request<Body>> for $name {
            type Response = Response<Body>;
            type Error = Infallible;
            type Future = Answering<Self::Response, Infallible>;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, request: Request<Body>) -> Self::Future {
                Box::pin(answer(self.0.clone(), $service, request))
            }
        }
    };
}

tonic_door!(WorkflowDoor, WORKFLOW_SERVICE);
tonic_door!(OperatorDoor, OPERATOR_SERVICE);
tonic_door!(TestDoor, TEST_SERVICE);

async fn answer(
    door: TcpDoor,
    service: &'static str,
    request: Request<Body>,
) -> Result<Response<Body>, Infallible> {
    // Before its body is read: a stranger is not listened to.
    if let Some(keys) = &door.keys
        && let Err(unknown) = gate::known(keys, request.headers())
    {
        return Ok(unknown.into_http());
    }
    let path = request.uri().path();
    let rpc = path.rsplit('/').next().unwrap_or_default().to_owned();
    let mut gzip = EnabledCompressionEncodings::default();
    gzip.enable(CompressionEncoding::Gzip);
    let mut grpc = Grpc::new(RawCodec)
        .apply_compression_config(gzip, gzip)
        .apply_max_message_size_config(Some(limits::MESSAGE_BYTES), None);
    let call = Call { door, service, rpc };
    let response = grpc.unary(call, request).await;
    // The transport's own words for it would have the SDK try again for ever.
    match Status::from_header_map(response.headers()) {
        Some(status) if is_about_size(&status) => Ok(too_large(None).into_http()),
        _ => Ok(response),
    }
}

fn is_about_size(status: &Status) -> bool {
    match status.code() {
        Code::OutOfRange => status.message().contains("message length too large"),
        Code::ResourceExhausted => status.message().starts_with("Error decompressing"),
        _ => false,
    }
}

struct Call {
    door: TcpDoor,
    service: &'static str,
    rpc: String,
}

impl UnaryService<Bytes> for Call {
    type Response = Vec<u8>;
    type Future = Answering<tonic::Response<Vec<u8>>, Status>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let (door, service, rpc) = (self.door.clone(), self.service, self.rpc.clone());
        Box::pin(async move {
            let (metadata, _, proto) = request.into_parts();
            let TcpDoor { door, keys } = door;
            let headers = metadata.into_headers();
            let reply = match &keys {
                Some(keys) => {
                    door.call_with_key(keys, service, &rpc, headers, proto)
                        .await?
                }
                None => door.call(service, &rpc, headers, proto).await?,
            };
            let small = reply.proto.len() < limits::WORTH_COMPRESSING;
            let mut answer = tonic::Response::new(reply.proto);
            if small {
                answer.disable_compression();
            }
            Ok(answer)
        })
    }
}

/// Most messages are a few hundred bytes; tonic's own choice of eight kilobytes for each, both ways,
/// was half of what a call allocated.
fn buffers() -> BufferSettings {
    BufferSettings::new(1_024, 32 * 1_024)
}

/// Messages stay encoded: the dispatcher decodes them.
#[derive(Clone, Copy, Debug, Default)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for RawCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }

    fn encode(&mut self, item: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
