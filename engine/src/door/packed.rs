//! Compressed messages, by tonic's own framing: requests that came in gzip, and large answers to
//! whoever takes it. The plain ones, nearly all, are `plain`'s.

use std::pin::Pin;

use bytes::{Buf, BufMut, Bytes};
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::codec::{
    BufferSettings, Codec, CompressionEncoding, DecodeBuf, Decoder, EnabledCompressionEncodings,
    EncodeBody, EncodeBuf, Encoder, SingleMessageCompressionOverride,
};
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, metadata::GRPC_CONTENT_TYPE};

use super::calls::Asked;
use super::too_large;
use crate::limits;

const ENCODING: &str = "grpc-encoding";
const ACCEPTED: &str = "grpc-accept-encoding";

/// Whether a request may be compressed.
pub(super) fn is_packed(headers: &HeaderMap) -> bool {
    headers
        .get(ENCODING)
        .is_some_and(|encoding| encoding != "identity")
}

/// Whether an answer is worth compressing, and its reader takes it.
pub(super) fn is_worthwhile(headers: &HeaderMap, bytes: usize) -> bool {
    let takes_gzip = |accepted: &HeaderValue| {
        let names = accepted.to_str().unwrap_or_default();
        names.split(',').any(|name| name.trim() == "gzip")
    };
    bytes >= limits::WORTH_COMPRESSING && headers.get(ACCEPTED).is_some_and(takes_gzip)
}

pub(super) fn answer(proto: Vec<u8>) -> Response<Body> {
    let body = EncodeBody::new_server(
        RawCodec,
        stream::iter([Ok(proto)]),
        Some(CompressionEncoding::Gzip),
        SingleMessageCompressionOverride::default(),
        None,
    );
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, GRPC_CONTENT_TYPE);
    headers.insert(ENCODING, HeaderValue::from_static("gzip"));
    response
}

/// The whole of a call whose request is compressed.
pub(super) async fn call(asked: Asked, request: Request<Body>) -> Response<Body> {
    let mut gzip = EnabledCompressionEncodings::default();
    gzip.enable(CompressionEncoding::Gzip);
    let mut grpc = Grpc::new(RawCodec)
        .apply_compression_config(gzip, gzip)
        .apply_max_message_size_config(Some(limits::MESSAGE_BYTES), None);
    let response = grpc.unary(Call(asked), request).await;
    // The transport's own words for it would have the SDK try again for ever.
    match Status::from_header_map(response.headers()) {
        Some(status) if is_about_size(&status) => too_large(None).into_http(),
        _ => response,
    }
}

fn is_about_size(status: &Status) -> bool {
    match status.code() {
        Code::OutOfRange => status.message().contains("message length too large"),
        Code::ResourceExhausted => status.message().starts_with("Error decompressing"),
        _ => false,
    }
}

struct Call(Asked);

impl UnaryService<Bytes> for Call {
    type Response = Vec<u8>;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Vec<u8>>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let asked = self.0.clone();
        Box::pin(async move {
            let (metadata, _, proto) = request.into_parts();
            let proto = asked.reply(&metadata.into_headers(), proto).await?;
            let small = proto.len() < limits::WORTH_COMPRESSING;
            let mut answer = tonic::Response::new(proto);
            if small {
                answer.disable_compression();
            }
            Ok(answer)
        })
    }
}

/// Messages stay encoded: the dispatcher decodes them.
#[derive(Clone, Copy, Debug, Default)]
struct RawCodec;

/// Most messages are a few hundred bytes; tonic's own choice is eight kilobytes for each, both ways.
fn buffers() -> BufferSettings {
    BufferSettings::new(1_024, 32 * 1_024)
}

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
