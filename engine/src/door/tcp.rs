//! The door over HTTP/2: tonic's framing and compression around the same dispatcher, with health
//! and reflection beside it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use http::{Request, Response};
use tokio::net::TcpListener;
use tonic::Status;
use tonic::body::Body;
use tonic::codec::EnabledCompressionEncodings;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::{Door, OPERATOR_SERVICE, WORKFLOW_SERVICE};
use crate::limits;

/// What the SDK's messages look like, for whoever asks by reflection.
const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub(crate) async fn serve(
    door: Door,
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
    let mut routes = Routes::builder();
    routes
        .add_service(WorkflowDoor(door.clone()))
        .add_service(OperatorDoor(door))
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    Server::builder()
        .add_routes(routes.routes())
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            shutdown,
        )
        .await?;
    Ok(())
}

type Answering<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

macro_rules! tonic_door {
    ($name:ident, $service:expr) => {
        #[derive(Clone, Debug)]
        struct $name(Door);

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

async fn answer(
    door: Door,
    service: &'static str,
    request: Request<Body>,
) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path();
    let rpc = path.rsplit('/').next().unwrap_or_default().to_owned();
    let mut gzip = EnabledCompressionEncodings::default();
    gzip.enable(CompressionEncoding::Gzip);
    let mut grpc = Grpc::new(RawCodec)
        .apply_compression_config(gzip, gzip)
        .apply_max_message_size_config(Some(limits::MESSAGE_BYTES), None);
    let call = Call { door, service, rpc };
    Ok(grpc.unary(call, request).await)
}

struct Call {
    door: Door,
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
            let reply = door
                .call(service, &rpc, metadata.into_headers(), proto)
                .await?;
            Ok(tonic::Response::new(reply.proto))
        })
    }
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

    fn encode(&mut self, item: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
