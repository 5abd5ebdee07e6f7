//! The HTTP client that every adapter uses: it gives up in time, reads no more than it should,
//! sends each request exactly once, and knows when nothing was sent at all.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Response, redirect, retry};

use crate::registry::BuildError;
use crate::transport::{Lost, Reply, Request, Transport};

/// How patient we are with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub connect: Duration,
    /// From the first byte out to the last byte in.
    pub total: Duration,
    pub largest_body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            total: Duration::from_secs(5),
            largest_body: 64 * 1_024,
        }
    }
}

/// Over sockets.
#[derive(Debug)]
pub struct Http {
    client: Client,
    largest_body: usize,
}

const KEPT_OPEN: Duration = Duration::from_secs(5);

/// A bank that asks for more patience than this does not mean a delay.
const LONGEST_RETRY_AFTER: u64 = 3_600;

impl Http {
    pub fn new(limits: Limits) -> Result<Self, BuildError> {
        // The binary installs the provider first thing in `main`. Installing it here too, when
        // nobody has, keeps a test or a tool that forgot from failing at its first request.
        let _already_there = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent("remit")
            .connect_timeout(limits.connect)
            .timeout(limits.total)
            // Shorter than any bank's: an order sent just as the bank closes an idle connection
            // would be in doubt for nothing.
            .pool_idle_timeout(KEPT_OPEN)
            // An order goes to the configured address or nowhere: a redirect or a proxy from the
            // environment would carry account numbers somewhere else.
            .redirect(redirect::Policy::none())
            .no_proxy()
            // Repeating is a decision of the workflow, which records each attempt first.
            .retry(retry::never())
            .build()
            .map_err(BuildError::Client)?;
        Ok(Self {
            client,
            largest_body: limits.largest_body,
        })
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, Lost> {
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > self.largest_body => {
                    return Err(Lost::Unanswered("the answer was longer than allowed"));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(body),
                Err(error) if error.is_timeout() => {
                    return Err(Lost::Unanswered("the answer did not end in time"));
                }
                Err(_) => return Err(Lost::Unanswered("the answer broke off")),
            }
        }
    }
}

#[async_trait]
impl Transport for Http {
    async fn send(&self, request: Request) -> Result<Reply, Lost> {
        let mut building = self.client.request(request.method, request.url);
        for (name, value) in request.headers {
            building = building.header(name, value);
        }
        let sent = building.body(request.body).send().await;
        let response = sent.map_err(|error| lost(&error))?;
        let status = response.status().as_u16();
        let retry_after = retry_after(&response);
        let body = self.read(response).await?;
        Ok(Reply {
            status,
            retry_after,
            body,
        })
    }
}

/// The error's own text is never used: it names the address, which may hold a reference.
fn lost(error: &reqwest::Error) -> Lost {
    // What could not even be built was not sent either.
    if error.is_connect() || error.is_builder() {
        Lost::NotSent
    } else if error.is_timeout() {
        Lost::Unanswered("no answer came in time")
    } else {
        Lost::Unanswered("the connection broke before an answer")
    }
}

/// Only seconds: a date would need a clock that agrees with the bank's.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds: u64 = response
        .headers()
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_RETRY_AFTER)))
}
