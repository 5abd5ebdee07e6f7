//! A stream of a connection as the bodies that tonic's services take and give.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::Response;
use hyper::body::{Body as _, Frame};
use tonic::Status;
use tonic::body::Body;

/// The body of a request.
#[derive(Debug)]
pub(super) struct Incoming {
    stream: RecvStream,
    has_ended: bool,
}

impl Incoming {
    pub(super) fn new(stream: RecvStream) -> Self {
        Self {
            stream,
            has_ended: false,
        }
    }
}

pub(super) fn body(stream: RecvStream) -> Body {
    Body::new(Incoming::new(stream))
}

impl hyper::body::Body for Incoming {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if !self.has_ended {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(piece)) => {
                    // Whoever reads has it all: its peer may send as much again. Fails only for
                    // more than has come.
                    let _given = self.stream.flow_control().release_capacity(piece.len());
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(broken(&error)))),
                None => self.has_ended = true,
            }
        }
        match ready!(self.stream.poll_trailers(cx)) {
            Ok(trailers) => Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers)))),
            Err(error) => Poll::Ready(Some(Err(broken(&error)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }
}

/// Nobody hears it: the stream is no more.
fn broken(error: &h2::Error) -> Status {
    Status::cancelled(error.to_string())
}

/// Sends a response as its body comes. An error has no one to be told to.
pub(super) async fn send(respond: &mut SendResponse<Bytes>, response: Response<Body>) {
    let (parts, mut body) = response.into_parts();
    let head = Response::from_parts(parts, ());
    let is_all = body.is_end_stream();
    let Ok(mut stream) = respond.send_response(head, is_all) else {
        return;
    };
    if is_all {
        return;
    }
    loop {
        let next = std::future::poll_fn(|cx| match Pin::new(&mut body).poll_frame(cx) {
            Poll::Pending => stream.poll_reset(cx).map(|_| None),
            frame => frame.map(Some),
        });
        let sent = match next.await {
            // Its reader has gone away.
            None => return,
            Some(None) => {
                let _gone = stream.send_data(Bytes::new(), true);
                return;
            }
            Some(Some(Err(_))) => {
                stream.send_reset(h2::Reason::INTERNAL_ERROR);
                return;
            }
            Some(Some(Ok(frame))) => match frame.into_data() {
                Ok(piece) => piecewise(&mut stream, piece).await,
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    let _gone = stream.send_trailers(trailers);
                    return;
                }
            },
        };
        if sent.is_none() {
            return;
        }
    }
}

/// A slow reader holds up its sender: at most one piece waits for it here.
async fn piecewise(stream: &mut SendStream<Bytes>, piece: Bytes) -> Option<()> {
    stream.reserve_capacity(piece.len());
    while stream.capacity() == 0 && !piece.is_empty() {
        std::future::poll_fn(|cx| stream.poll_capacity(cx))
            .await?
            .ok()?;
    }
    stream.send_data(piece, false).ok()
}
