//! gRPC's framing of a call with one message each way and no compression, which nearly all calls
//! are: a flag, a length, the message; the answer in one piece, its status behind it. Messages
//! stay encoded.

use bytes::{Buf, Bytes, BytesMut};
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::BodyExt;
use hyper::body::Body;
use tonic::Status;
use tonic::metadata::GRPC_CONTENT_TYPE;

use super::too_large;
use crate::limits;

/// A flag and a length.
const PREFIX: usize = 5;

/// The message of a request. It is read to its end, whatever follows the message: a peer that is
/// not heard out would be told that its call was broken off.
pub(super) async fn read(
    mut body: impl Body<Data = Bytes, Error = Status> + Unpin,
) -> Result<Bytes, Status> {
    // Nearly always one piece, which then is used as it came.
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    while !body.is_end_stream()
        && let Some(frame) = body.frame().await
    {
        let Ok(piece) = frame?.into_data() else {
            continue;
        };
        if first.is_empty() {
            first = piece;
        } else if !is_whole(if more.is_empty() { &first } else { &more })? {
            if more.is_empty() {
                more.extend_from_slice(&first);
            }
            more.extend_from_slice(&piece);
        }
    }
    let framed = if more.is_empty() {
        first
    } else {
        more.freeze()
    };
    message(framed)
}

/// Whether the message has come. One that is too long is refused as soon as it says so.
fn is_whole(framed: &[u8]) -> Result<bool, Status> {
    let Some(prefix) = framed.first_chunk::<PREFIX>() else {
        return Ok(false);
    };
    let length = length(*prefix)?;
    Ok(framed.len() - PREFIX >= length)
}

fn length([flag, length @ ..]: [u8; PREFIX]) -> Result<usize, Status> {
    match flag {
        0 => {}
        1 => {
            return Err(Status::internal(
                "protocol error: received message with compressed-flag but no grpc-encoding was \
                 specified",
            ));
        }
        other => {
            return Err(Status::internal(format!(
                "protocol error: received message with invalid compression flag: {other} (valid \
                 flags are 0 and 1), while sending request"
            )));
        }
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > limits::MESSAGE_BYTES {
        return Err(too_large(Some(length)));
    }
    Ok(length)
}

fn message(mut framed: Bytes) -> Result<Bytes, Status> {
    if framed.is_empty() {
        return Err(Status::internal("Missing request message."));
    }
    if !is_whole(&framed)? {
        return Err(Status::internal("Unexpected EOF decoding stream."));
    }
    framed.advance(1);
    let length = usize::try_from(framed.get_u32()).unwrap_or(usize::MAX);
    framed.truncate(length);
    Ok(framed)
}

/// Says an answer. Whoever asked may have gone away, and then nobody minds.
pub(super) fn answer(respond: &mut SendResponse<Bytes>, proto: &[u8]) {
    let Ok(length) = u32::try_from(proto.len()) else {
        return refuse(respond, too_large(Some(proto.len())));
    };
    let mut framed = Vec::with_capacity(PREFIX + proto.len());
    framed.push(0);
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(proto);
    let mut head = Response::new(());
    let headers = head.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, GRPC_CONTENT_TYPE);
    if let Ok(mut stream) = respond.send_response(head, false)
        && stream.send_data(Bytes::from(framed), false).is_ok()
    {
        let mut status = HeaderMap::with_capacity(1);
        status.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
        let _gone = stream.send_trailers(status);
    }
}

pub(super) fn refuse(respond: &mut SendResponse<Bytes>, refused: Status) {
    let _gone = respond.send_response(refused.into_http(), true);
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use tonic::Code;

    use super::*;

    async fn read_in(pieces: &[&[u8]]) -> Result<Bytes, Status> {
        let frames: Vec<_> = pieces
            .iter()
            .map(|piece| Ok::<_, Status>(Frame::data(Bytes::copy_from_slice(piece))))
            .collect();
        read(StreamBody::new(stream::iter(frames))).await
    }

    #[tokio::test]
    async fn a_message_is_read_however_it_is_cut() {
        let framed = b"\0\0\0\0\x03abc";
        for cut in 0..framed.len() {
            let (one, two) = framed.split_at(cut);
            assert_eq!(read_in(&[one, two]).await.unwrap(), "abc", "{cut}");
        }
        let bytes: Vec<_> = framed.chunks(1).collect();
        assert_eq!(read_in(&bytes).await.unwrap(), "abc");
        assert_eq!(read_in(&[framed, b"\0\0\0\0\x01d"]).await.unwrap(), "abc");
        assert_eq!(read_in(&[b"\0\0\0\0\0"]).await.unwrap(), "");
    }

    #[tokio::test]
    async fn what_is_no_message_is_refused() {
        for (pieces, code) in [
            (&[][..], Code::Internal),
            (&[&b"\0\0\0"[..]], Code::Internal),
            (&[b"\0\0\0\0\x03ab"], Code::Internal),
            (&[b"\x01\0\0\0\x01a"], Code::Internal),
            (&[b"\x02\0\0\0\x01a"], Code::Internal),
            (&[b"\0\x7F\0\0\0a"], Code::ResourceExhausted),
        ] {
            let refused = read_in(pieces).await.unwrap_err();
            assert_eq!(refused.code(), code, "{pieces:?}");
        }
    }
}
