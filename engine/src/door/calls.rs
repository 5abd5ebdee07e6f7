//! What is called over HTTP/2, and by whom: the protocol's own services go to the dispatcher, health
//! and reflection to tonic's. Health needs no key. Framing is `plain`'s, for what is compressed
//! `packed`'s.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response, Uri};
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::service::interceptor::InterceptedService;
use tower_service::Service;

use super::stream::{self, Incoming};
use super::tcp::BoxError;
use super::{ApiKeys, Door, OPERATOR_SERVICE, TEST_SERVICE, WORKFLOW_SERVICE, gate, packed, plain};

/// What the SDK's messages look like, for whoever asks by reflection.
pub(super) const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Takes every call of every connection.
#[derive(Debug)]
pub(super) struct Front {
    own: Arc<Own>,
    others: Routes,
}

/// The dispatcher, behind keys if there are any.
#[derive(Debug)]
struct Own {
    door: Door,
    keys: Option<ApiKeys>,
}

enum Answer {
    Message(Vec<u8>),
    Response(Response<Body>),
}

impl Front {
    pub(super) async fn new(door: Door, keys: Option<ApiKeys>) -> Result<Self, BoxError> {
        Ok(Self {
            others: others(keys.clone()).await?,
            own: Arc::new(Own { door, keys }),
        })
    }

    /// Answers a call, unless its caller gives it up.
    pub(super) async fn call(
        self: Arc<Self>,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
    ) {
        let within = deadline(request.headers());
        let answer = {
            let answering = self.answer(request);
            let mut answering = pin!(async {
                match within {
                    Some(within) => tokio::time::timeout(within, answering)
                        .await
                        .unwrap_or_else(|_| Err(late())),
                    None => answering.await,
                }
            });
            std::future::poll_fn(|cx| match answering.as_mut().poll(cx) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending => respond.poll_reset(cx).map(|_| None),
            })
            .await
        };
        match answer {
            Some(Ok(Answer::Message(proto))) => plain::answer(&mut respond, &proto),
            Some(Ok(Answer::Response(response))) => {
                Box::pin(stream::send(&mut respond, response)).await;
            }
            Some(Err(refused)) => plain::refuse(&mut respond, refused),
            None => {}
        }
    }

    async fn answer(&self, request: Request<RecvStream>) -> Result<Answer, Status> {
        let Some(service) = self.own.service(request.uri()) else {
            let calling = self.others.clone().call(request.map(stream::body));
            return Ok(match Box::pin(calling).await {
                Ok(response) => Answer::Response(response),
                Err(never) => match never {},
            });
        };
        // Before its body is read: a stranger is not listened to.
        if let Some(keys) = &self.own.keys {
            gate::known(keys, request.headers())?;
        }
        let (parts, body) = request.into_parts();
        let headers = parts.headers;
        let asked = Asked {
            own: Arc::clone(&self.own),
            service,
            path: parts.uri,
        };
        if packed::is_packed(&headers) {
            let mut request = Request::new(stream::body(body));
            *request.headers_mut() = headers;
            return Ok(Answer::Response(
                Box::pin(packed::call(asked, request)).await,
            ));
        }
        let proto = plain::read(Incoming::new(body)).await?;
        let answer = asked.reply(&headers, proto).await?;
        Ok(match packed::is_worthwhile(&headers, answer.len()) {
            true => Answer::Response(packed::answer(answer)),
            false => Answer::Message(answer),
        })
    }
}

/// Health and reflection.
async fn others(keys: Option<ApiKeys>) -> Result<Routes, BoxError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    for service in ["", WORKFLOW_SERVICE, OPERATOR_SERVICE] {
        let status = tonic_health::ServingStatus::Serving;
        health.set_service_status(service, status).await;
    }
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
    };
    let keyed = move |request: tonic::Request<()>| {
        if let Some(keys) = &keys {
            gate::known(keys, request.metadata().as_ref())?;
        }
        Ok(request)
    };
    let (v1, v1alpha) = (reflection().build_v1()?, reflection().build_v1alpha()?);
    let mut others = Routes::builder();
    others
        .add_service(health_service)
        .add_service(InterceptedService::new(v1, keyed.clone()))
        .add_service(InterceptedService::new(v1alpha, keyed));
    Ok(others.routes().prepare())
}

impl Own {
    /// The service of a call that is for the dispatcher.
    fn service(&self, path: &Uri) -> Option<&'static str> {
        let (named, _) = path.path().strip_prefix('/')?.split_once('/')?;
        [WORKFLOW_SERVICE, OPERATOR_SERVICE, TEST_SERVICE]
            .into_iter()
            .find(|service| *service == named)
            .filter(|service| *service != TEST_SERVICE || self.door.has_test_service())
    }
}

/// Which RPC is called.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    own: Arc<Own>,
    service: &'static str,
    path: Uri,
}

impl Asked {
    /// Asks the dispatcher.
    pub(super) async fn reply(&self, headers: &HeaderMap, proto: Bytes) -> Result<Vec<u8>, Status> {
        let rpc = self.path.path().rsplit('/').next().unwrap_or_default();
        let Own { door, keys } = &*self.own;
        let reply = match keys {
            Some(keys) => {
                let headers = headers.clone();
                door.call_with_key(keys, self.service, rpc, headers, proto)
                    .await?
            }
            None => {
                door.call(self.service, rpc, HeaderMap::new(), proto)
                    .await?
            }
        };
        Ok(reply.proto)
    }
}

/// How long the caller waits: at most eight digits and a unit.
fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let said = headers.get("grpc-timeout")?.to_str().ok()?;
    let (unit_at, unit) = said.char_indices().next_back()?;
    let digits = said.get(..unit_at)?;
    if digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count = digits.parse().ok()?;
    Some(match unit {
        'H' => Duration::from_secs(count * 3_600),
        'M' => Duration::from_secs(count * 60),
        'S' => Duration::from_secs(count),
        'm' => Duration::from_millis(count),
        'u' => Duration::from_micros(count),
        'n' => Duration::from_nanos(count),
        _ => return None,
    })
}

fn late() -> Status {
    Status::deadline_exceeded("context deadline exceeded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_a_caller_waits_is_read_as_grpc_says_it() {
        let read = |said: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", http::HeaderValue::from_static(said));
            deadline(&headers)
        };
        assert_eq!(read("2H"), Some(Duration::from_secs(7_200)));
        assert_eq!(read("3M"), Some(Duration::from_secs(180)));
        assert_eq!(read("42S"), Some(Duration::from_secs(42)));
        assert_eq!(read("70000m"), Some(Duration::from_secs(70)));
        assert_eq!(read("82u"), Some(Duration::from_micros(82)));
        assert_eq!(read("99999999n"), Some(Duration::from_nanos(99_999_999)));
        for other in ["", "S", "5", "-5S", "+5S", "123456789S", "5s"] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(deadline(&HeaderMap::new()), None);
    }
}
