//! The door without sockets: a request and its answer as values, on the given clock.
//!
//! For simulations: what would be a held connection, a slow answer or a time limit passes as fast
//! as the clock does.

use std::time::Duration;

use ambient::SharedClock;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tower::ServiceExt;

use crate::answer::CutHere;

/// A client of a sandbox in the same process.
#[derive(Clone, Debug)]
pub struct InProcess {
    router: Router,
    clock: SharedClock,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why there was none. The request was received in each case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotHeard {
    InTime,
    HungUp,
    TooLong,
}

impl InProcess {
    pub fn new(router: Router, clock: SharedClock) -> Self {
        Self { router, clock }
    }

    /// Waits at most `patience` for at most `largest` bytes.
    pub async fn call(
        &self,
        request: Request<Body>,
        patience: Duration,
        largest: usize,
    ) -> Result<Heard, NotHeard> {
        let limit = self.clock.sleep_until(self.clock.now().after(patience));
        tokio::select! {
            biased;
            heard = self.hear(request, largest) => heard,
            () = limit => Err(NotHeard::InTime),
        }
    }

    async fn hear(&self, request: Request<Body>, largest: usize) -> Result<Heard, NotHeard> {
        let Ok(response) = self.router.clone().oneshot(request).await;
        if response.extensions().get::<CutHere>().is_some() {
            return Err(NotHeard::HungUp);
        }
        let (head, body) = response.into_parts();
        let body = Limited::new(body, largest)
            .collect()
            .await
            .map_err(|error| match error.downcast_ref::<LengthLimitError>() {
                Some(_) => NotHeard::TooLong,
                None => NotHeard::HungUp,
            })?;
        Ok(Heard {
            status: head.status,
            headers: head.headers,
            body: body.to_bytes(),
        })
    }
}
