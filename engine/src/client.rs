//! The official SDK's client on an engine in the same process: every call is a function call.

use std::sync::Arc;

use temporalio_client::callback_based::{CallbackBasedGrpcService, GrpcSuccessResponse};
use temporalio_client::{Client, ClientOptions, Connection, ConnectionOptions, Url};

use crate::{ConnectError, Door, Engine};

/// Never asked for: the SDK wants an address also where there is no network.
const NOWHERE: &str = "http://in-process.invalid";

impl Engine {
    /// A client of a namespace, for starting workflows and for the SDK's worker.
    pub async fn client(&self, namespace: &str) -> Result<Client, ConnectError> {
        let address = Url::parse(NOWHERE).map_err(|_| ConnectError::Address)?;
        let options = ConnectionOptions::new(address)
            .service_override(self.door().service())
            .dns_load_balancing(None)
            .keep_alive(None)
            .build();
        let connection = Connection::connect(options)
            .await
            .map_err(|error| ConnectError::Sdk(Box::new(error)))?;
        Client::new(connection, ClientOptions::new(namespace).build())
            .map_err(|error| ConnectError::Sdk(Box::new(error)))
    }
}

impl Door {
    /// This door as what `ConnectionOptions::service_override` takes, for whoever sets the other
    /// options too.
    pub fn service(&self) -> CallbackBasedGrpcService {
        let door = self.clone();
        CallbackBasedGrpcService {
            callback: Arc::new(move |request| {
                let door = door.clone();
                Box::pin(async move {
                    let reply = door
                        .call(
                            &request.service,
                            &request.rpc,
                            request.headers,
                            request.proto,
                        )
                        .await?;
                    Ok(GrpcSuccessResponse {
                        headers: reply.headers,
                        proto: reply.proto,
                    })
                })
            }),
        }
    }
}
