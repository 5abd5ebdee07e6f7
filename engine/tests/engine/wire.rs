//! A bare gRPC client over TCP: any service, any RPC, any bytes, with a key or without.

use std::net::SocketAddr;

use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use temporalio_client::tonic::client::Grpc;
use temporalio_client::tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use temporalio_client::tonic::transport::{Channel, Endpoint};
use temporalio_client::tonic::{Request, Status};

pub(crate) const WORKFLOW: &str = "temporal.api.workflowservice.v1.WorkflowService";
pub(crate) const OPERATOR: &str = "temporal.api.operatorservice.v1.OperatorService";

pub(crate) struct Wire {
    channel: Channel,
    key: Option<&'static str>,
}

impl Wire {
    pub(crate) async fn to(address: SocketAddr, key: Option<&'static str>) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        Self {
            channel: endpoint.connect_lazy(),
            key,
        }
    }

    pub(crate) async fn raw(
        &self,
        service: &str,
        rpc: &str,
        proto: Vec<u8>,
    ) -> Result<Bytes, Status> {
        let mut request = Request::new(Bytes::from(proto));
        if let Some(key) = self.key {
            let shown = format!("Bearer {key}").parse().unwrap();
            request.metadata_mut().insert("authorization", shown);
        }
        let path = format!("/{service}/{rpc}").parse().unwrap();
        let mut grpc = Grpc::new(self.channel.clone());
        let ready = grpc.ready().await;
        ready.map_err(|error| Status::unavailable(error.to_string()))?;
        Ok(grpc.unary(request, path, Raw).await?.into_inner())
    }

    pub(crate) async fn ask<Q: Message, R: Message + Default>(
        &self,
        rpc: &str,
        request: &Q,
    ) -> Result<R, Status> {
        let answer = self.raw(WORKFLOW, rpc, request.encode_to_vec()).await?;
        Ok(R::decode(answer).unwrap())
    }
}

/// Messages as they are.
#[derive(Clone, Copy, Default)]
pub(crate) struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
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

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
