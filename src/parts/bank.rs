//! The sandbox bank, as if it were another company's server.

use domain::Code;
use sandbox::Bank;
use tokio::net::TcpListener;

use super::House;
use crate::failure::Failure;

pub(crate) fn raise(house: &mut House, listener: TcpListener) -> Result<(), Failure> {
    let bank = Bank::open(&house.dir.file("sandbox.db"), house.clock.clone()).map_err(|error| {
        let code = match &error {
            sandbox::OpenError::Newer { .. } => Code::DataDirNewer,
            sandbox::OpenError::Damaged(_) => Code::DataDirDamaged,
            _ => Code::DataDirUnusable,
        };
        Failure::caused(code, "the sandbox bank's books cannot be opened", &error)
    })?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::caused(Code::Internal, "the bank has no address", &error))?;
    house.places.bank = Some(format!("http://{address}"));
    let stop = house.supervisor.stop();
    house.supervisor.spawn(async move {
        bank.serve(listener, stop.cancelled_owned())
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
