//! The adapters' transport by calls in the same process: what they would send over sockets goes to
//! the bank's router, and every wait passes on the machine's clock.

use std::time::Duration;

use adapters::{Limits, Lost, Reply, Request, Transport};
use async_trait::async_trait;
use axum::body::Body;
use sandbox::{InProcess, NotHeard};

#[derive(Debug)]
pub(super) struct Bridge {
    bank: InProcess,
    limits: Limits,
}

impl Bridge {
    pub(super) const fn new(bank: InProcess, limits: Limits) -> Self {
        Self { bank, limits }
    }
}

#[async_trait]
impl Transport for Bridge {
    async fn send(&self, request: Request) -> Result<Reply, Lost> {
        let mut building = axum::http::Request::builder()
            .method(request.method)
            .uri(request.url.as_str());
        for (name, value) in request.headers {
            building = building.header(name, value);
        }
        // What cannot be built is never sent.
        let request = building
            .body(Body::from(request.body))
            .map_err(|_| Lost::NotSent)?;
        let Limits {
            total,
            largest_body,
            ..
        } = self.limits;
        let heard = self.bank.call(request, total, largest_body).await;
        let heard = heard.map_err(|not| match not {
            NotHeard::InTime => Lost::Unanswered("no answer came in time"),
            NotHeard::HungUp => Lost::Unanswered("the connection broke before an answer"),
            NotHeard::TooLong => Lost::Unanswered("the answer was longer than allowed"),
        })?;
        let retry_after = heard.headers.get(axum::http::header::RETRY_AFTER);
        let seconds = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(Reply {
            status: heard.status.as_u16(),
            retry_after: seconds.map(Duration::from_secs),
            body: heard.body.to_vec(),
        })
    }
}
