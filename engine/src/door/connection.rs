//! One connection of the TCP door and all calls on it, in one task: a call that is answered at once
//! costs no wake-up, and what many calls have to say leaves in one write. A call that waits keeps
//! nobody else from going on.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use h2::server::{Builder, Connection};
use h2::{Ping, PingPong};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::calls::Front;
use super::gather::Gathered;
use super::tcp::HANDSHAKE;
use crate::limits;

/// A peer that vanished without a word frees what waits for it.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How much of requests may be under way: of one, and of all of a connection.
const WINDOW: u32 = 1_024 * 1_024;
const HEADERS: u32 = 16 * 1_024;

/// Answers the calls of a connection until its peer leaves, or, once `stopping`, until those that
/// are under way have been answered.
pub(super) async fn drive<IO>(io: IO, front: Arc<Front>, stopping: CancellationToken)
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut builder = Builder::new();
    builder
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_concurrent_streams(limits::CALLS_OF_CONNECTION)
        .max_header_list_size(HEADERS);
    let greeting = builder.handshake::<_, Bytes>(Gathered::new(io));
    let greeting = tokio::time::timeout(HANDSHAKE, greeting);
    let Ok(Ok(mut connection)) = greeting.await else {
        return;
    };
    let peer_is_lost = pin!(lost(connection.ping_pong()));
    let answered = pin!(answer_all(&mut connection, front, stopping));
    futures_util::future::select(peer_is_lost, answered).await;
}

/// Resolves when the peer does not answer a ping in time.
async fn lost(pings: Option<PingPong>) {
    let Some(mut pings) = pings else { return };
    loop {
        tokio::time::sleep(KEEPALIVE).await;
        let answered = tokio::time::timeout(KEEPALIVE, pings.ping(Ping::opaque()));
        if !matches!(answered.await, Ok(Ok(_))) {
            return;
        }
    }
}

async fn answer_all<IO>(
    connection: &mut Connection<IO, Bytes>,
    front: Arc<Front>,
    stopping: CancellationToken,
) where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut calls = FuturesUnordered::new();
    let mut stopping = pin!(stopping.cancelled_owned());
    let mut is_stopping = false;
    std::future::poll_fn(|cx| {
        if !is_stopping && stopping.as_mut().poll(cx).is_ready() {
            is_stopping = true;
            connection.graceful_shutdown();
        }
        // First what is to be said, so that it leaves with the flush in which accepting ends.
        go_on(&mut calls, cx);
        let mut has_come = false;
        while let Poll::Ready(next) = connection.poll_accept(cx) {
            let Some(Ok((request, respond))) = next else {
                return Poll::Ready(());
            };
            has_come = true;
            let call = Arc::clone(&front).call(request, respond);
            // A call that panics ends by itself: its caller is told that it was broken off, and the
            // others go on.
            calls.push(AssertUnwindSafe(call).catch_unwind());
        }
        // Whatever they have to say already wakes this task once more.
        if has_come {
            go_on(&mut calls, cx);
        }
        Poll::Pending
    })
    .await;
}

/// Has every call go on that can.
fn go_on<F: Future>(calls: &mut FuturesUnordered<F>, cx: &mut Context<'_>) {
    while let Poll::Ready(Some(_)) = calls.poll_next_unpin(cx) {}
}
