//! The sandbox bank and card network, as if they were other companies' servers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use domain::Code;
use domain::rail::RailId;
use sandbox::{Bank, CardNetwork, WebhookTarget};
use tokio::net::TcpListener;

use super::House;
use crate::failure::Failure;

/// Its notices go to the API of this process, where there is one.
pub(crate) async fn raise(
    house: &mut House,
    listener: TcpListener,
    api: Option<SocketAddr>,
) -> Result<(), Failure> {
    let bank = Bank::open(&house.dir.file("sandbox.db"), house.clock.clone());
    let bank =
        bank.map_err(|error| unopened("the sandbox bank's books cannot be opened", error))?;
    let cards = CardNetwork::open(&house.dir.file("cards.db"), house.clock.clone());
    let cards =
        cards.map_err(|error| unopened("the card network's books cannot be opened", error))?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::caused(Code::Internal, "the bank has no address", &error))?;
    house.places.bank = Some(format!("http://{address}"));
    if let Some(api) = api {
        let secret = fresh_secret()?;
        let told = bank.tell(Some(door(api, RailId::SandboxBank, &secret)));
        told.await.map_err(untold)?;
        let told = cards.tell(Some(door(api, RailId::SandboxCards, &secret)));
        told.await.map_err(untold)?;
        house.notice_secret = Some(secret);
    }
    let stop = house.supervisor.stop();
    house.supervisor.spawn(async move {
        sandbox::serve_both(&bank, &cards, listener, stop.cancelled_owned())
            .await
            .map_err(|error| {
                Failure::caused(
                    Code::Internal,
                    "the sandbox bank's door closed by itself",
                    &error,
                )
            })
    });
    Ok(())
}

fn door(api: SocketAddr, rail: RailId, secret: &str) -> WebhookTarget {
    let host = match api.ip() {
        any if any.is_unspecified() => match any {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        },
        one => one,
    };
    let api = SocketAddr::new(host, api.port());
    WebhookTarget {
        url: format!("http://{api}/v1/rails/{rail}/notices"),
        secret: secret.to_owned(),
    }
}

fn fresh_secret() -> Result<String, Failure> {
    let random = ambient::fill::<32>()
        .map_err(|error| Failure::caused(Code::Internal, "no secret could be made", &error))?;
    let hex = random.iter().map(|byte| format!("{byte:02x}"));
    Ok(format!("whsec_{}", hex.collect::<String>()))
}

fn untold(error: sandbox::BooksError) -> Failure {
    let line = "the sandbox could not be told where its notices go";
    Failure::caused(Code::DataDirUnusable, line, &error)
}

fn unopened(what: &str, error: sandbox::OpenError) -> Failure {
    let code = match &error {
        sandbox::OpenError::Newer { .. } => Code::DataDirNewer,
        sandbox::OpenError::Damaged(_) => Code::DataDirDamaged,
        _ => Code::DataDirUnusable,
    };
    Failure::caused(code, what, &error)
}
