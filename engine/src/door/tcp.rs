//! The door over HTTP/2: tonic's connections and TLS around the same dispatcher, with health and
//! reflection beside it. Health needs no key. Framing is `plain`'s, for what is compressed `packed`'s.
//!
//! The protocol's own services are found by name before tonic's routes are asked: a call that is
//! answered within microseconds feels each layer it goes through.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri};
use tokio::net::TcpListener;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::connections::Writes;
use super::{
    ApiKeys, Door, OPERATOR_SERVICE, ServeOptions, TEST_SERVICE, WORKFLOW_SERVICE, connections,
    gate, packed, plain,
};
use crate::limits;

/// What the SDK's messages look like, for whoever asks by reflection.
pub(super) const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub(crate) async fn serve(
    door: Door,
    options: ServeOptions,
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
    let keyed = {
        let keys = options.keys.clone();
        move |request: tonic::Request<()>| {
            if let Some(keys) = &keys {
                gate::known(keys, request.metadata().as_ref())?;
            }
            Ok(request)
        }
    };
    let (v1, v1alpha) = (reflection().build_v1()?, reflection().build_v1alpha()?);
    let mut others = Routes::builder();
    others
        .add_service(health_service)
        .add_service(InterceptedService::new(v1, keyed.clone()))
        .add_service(InterceptedService::new(v1alpha, keyed));
    let front = Front {
        own: Arc::new(Own {
            door,
            keys: options.keys,
        }),
        others: others.routes().prepare(),
    };
    let writes = match &options.tls {
        Some(_) => Writes::AtOnce,
        None => Writes::Gathered,
    };
    let mut server = Server::builder();
    if let Some(tls) = options.tls {
        server = server.tls_config(tls.config)?;
    }
    server
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .serve_with_incoming_shutdown(
            front,
            connections::at_most(
                limits::CONNECTIONS,
                writes,
                TcpIncoming::from(listener).with_nodelay(Some(true)),
            ),
            shutdown,
        )
        .await?;
    Ok(())
}

/// A peer that vanished without a word frees what waits for it.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The dispatcher, behind keys if there are any.
#[derive(Debug)]
struct Own {
    door: Door,
    keys: Option<ApiKeys>,
}

/// Takes every call of every connection.
#[derive(Clone, Debug)]
struct Front {
    own: Arc<Own>,
    others: Routes,
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl tower_service::Service<Request<Body>> for Front {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        tower_service::Service::<Request<Body>>::poll_ready(&mut self.others, cx)
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        let Some(service) = self.own.service(request.uri()) else {
            return Box::pin(self.others.call(request));
        };
        // Before its body is read: a stranger is not listened to.
        if let Some(keys) = &self.own.keys
            && let Err(unknown) = gate::known(keys, request.headers())
        {
            return Box::pin(std::future::ready(Ok(unknown.into_http())));
        }
        let asked = Asked {
            own: Arc::clone(&self.own),
            service,
            path: request.uri().clone(),
        };
        if packed::is_packed(request.headers()) {
            return Box::pin(async move { Ok(packed::call(asked, request).await) });
        }
        let (parts, body) = request.into_parts();
        let headers = parts.headers;
        Box::pin(async move {
            Ok(match asked.answer(&headers, body).await {
                Ok(answer) => answer,
                Err(refused) => refused.into_http(),
            })
        })
    }
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
    async fn answer(&self, headers: &HeaderMap, body: Body) -> Result<Response<Body>, Status> {
        let proto = plain::read(body).await?;
        let answer = self.reply(headers, proto).await?;
        Ok(match packed::is_worthwhile(headers, answer.len()) {
            true => packed::answer(answer),
            false => plain::answer(&answer),
        })
    }

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
