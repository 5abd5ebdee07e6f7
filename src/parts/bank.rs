//! The sandbox bank and card network, as if they were other companies' servers.

use domain::Code;
use sandbox::{Bank, CardNetwork};
use tokio::net::TcpListener;

use super::House;
use crate::failure::Failure;

pub(crate) fn raise(house: &mut House, listener: TcpListener) -> Result<(), Failure> {
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

fn unopened(what: &str, error: sandbox::OpenError) -> Failure {
    let code = match &error {
        sandbox::OpenError::Newer { .. } => Code::DataDirNewer,
        sandbox::OpenError::Damaged(_) => Code::DataDirDamaged,
        _ => Code::DataDirUnusable,
    };
    Failure::caused(code, what, &error)
}
