//! One client, two kinds of engine behind it.

use std::time::Duration;

use temporalio_client::envconfig::LoadClientConfigProfileOptions;
use temporalio_client::errors::ClientConnectError;
use temporalio_client::tonic::{Code, Request, Status};
use temporalio_client::{Client, ClientOptions, Connection, ConnectionOptions, NamespacedClient};
use temporalio_common::data_converters::{
    DataConverter, DefaultFailureConverter, PayloadConverter,
};

use temporalio_common::protos::temporal::api::workflowservice::v1::DescribeNamespaceRequest;
use vault::{Vault, VaultError};

use crate::codec::{Codec, Histories};

/// An engine as a function from a call to its answer. It is also the seam at which a test drops,
/// delays or repeats calls.
pub use temporalio_client::callback_based::CallbackBasedGrpcService as InProcess;

/// Where the workflow engine is.
#[derive(Clone, Debug)]
pub enum Address {
    /// In this process: every call is a function call.
    InProcess {
        engine: InProcess,
        namespace: String,
    },
    /// A Temporal server at `host:port` (or a URL). The SDK's own `TEMPORAL_*` variables and its
    /// configuration file fill in what is not said here: TLS, API key, namespace.
    Server {
        address: Option<String>,
        namespace: Option<String>,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error(
        "the address of the Temporal server or one of its TEMPORAL_* settings is not valid ({0}); nothing was started"
    )]
    Config(String),
    #[error("{0:?} is not an address of the form HOST:PORT; nothing was started")]
    Address(String),
    #[error("the workflow engine cannot be reached; accepted transfers wait and lose nothing")]
    Unreachable(#[from] ClientConnectError),
    #[error(
        "the engine has no namespace {0:?}; create it there, or choose another with --namespace"
    )]
    NoNamespace(String),
    #[error("the workflow engine does not answer; accepted transfers wait and lose nothing")]
    NoAnswer(#[source] Box<Status>),
    #[error("the key that seals payloads cannot be made")]
    Key(#[from] VaultError),
    #[error("the client cannot be built")]
    Client(#[from] temporalio_client::errors::ClientNewError),
}

/// Connects, and passes every payload through the codec.
pub async fn connect(
    address: Address,
    identity: &str,
    vault: Vault,
    histories: Histories,
) -> Result<Client, ConnectError> {
    let (connection, namespace) = match address {
        Address::InProcess { engine, namespace } => (in_process(engine, identity)?, namespace),
        Address::Server {
            address,
            namespace: chosen,
        } => {
            let (mut connection, profile) =
                ClientOptions::load_from_config(LoadClientConfigProfileOptions::default())
                    .map_err(|error| ConnectError::Config(error.to_string()))?;
            if let Some(address) = address {
                connection.target = url_of(&address, connection.tls_options.is_some())?;
            }
            connection.identity = identity.to_owned();
            connection.connect_timeout = Some(Duration::from_secs(10));
            (connection, chosen.unwrap_or(profile.namespace))
        }
    };
    let codec = Codec::new(vault, &namespace, histories)?;
    let converter = DataConverter::new(
        PayloadConverter::default(),
        DefaultFailureConverter::default(),
        codec,
    );
    let options = ClientOptions::new(namespace)
        .data_converter(converter)
        .build();
    Ok(Client::new(
        Connection::connect(connection).await?,
        options,
    )?)
}

/// Asks the engine for the namespace: the one question whose answer means "transfers can run".
pub(crate) async fn namespace_is_there(client: &Client) -> Result<(), ConnectError> {
    let namespace = client.namespace();
    let question = DescribeNamespaceRequest {
        namespace: namespace.clone(),
        ..Default::default()
    };
    let mut service = client.connection().workflow_service();
    match service.describe_namespace(Request::new(question)).await {
        Ok(_) => Ok(()),
        Err(status) if status.code() == Code::NotFound => Err(ConnectError::NoNamespace(namespace)),
        Err(status) => Err(ConnectError::NoAnswer(Box::new(status))),
    }
}

fn in_process(engine: InProcess, identity: &str) -> Result<ConnectionOptions, ConnectError> {
    Ok(
        ConnectionOptions::new(url_of("embedded.invalid:7233", false)?)
            .identity(identity)
            .service_override(engine)
            // Neither means anything without a network.
            .dns_load_balancing(None)
            .keep_alive(None)
            .build(),
    )
}

fn url_of(address: &str, tls: bool) -> Result<temporalio_client::Url, ConnectError> {
    let scheme = if tls { "https" } else { "http" };
    let full = if address.contains("://") {
        address.to_owned()
    } else {
        format!("{scheme}://{address}")
    };
    temporalio_client::Url::parse(&full)
        .ok()
        .filter(|url| url.host().is_some() && matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| ConnectError::Address(address.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(
            url_of("db.example:7233", false).unwrap().as_str(),
            "http://db.example:7233/"
        );
        assert_eq!(url_of("db.example:7233", true).unwrap().scheme(), "https");
        for bad in ["", ":7233", "ftp://x", "a b:1", "http://"] {
            assert!(url_of(bad, false).is_err(), "{bad}");
        }
    }
}
