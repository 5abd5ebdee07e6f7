//! The workers, and the sweeper that starts what was accepted while nobody looked.

use activities::{Audit, Bank, Books};
use adapters::{RailConfig, Rails, Secret, sandbox_bank, stripe};
use domain::Code;
use rails::Gates;
use temporal::{Client, Runs, Starter};
use transfers::Admission;
use worker::Worker;

use super::House;
use crate::failure::Failure;
use crate::stores::Stores;

pub(crate) fn raise(
    house: &mut House,
    stores: &Stores,
    client: &Client,
    gates: Gates,
) -> Result<(), Failure> {
    let Some(bank_url) = house.places.bank.clone() else {
        return Err(Failure::new(
            Code::ConfigInvalid,
            "workers need a bank: name the sandbox bank's address with --sandbox-url",
        ));
    };
    let live = house.settings.live.iter().cloned();
    let rails = Rails::build(sandboxes(&bank_url).into_iter().chain(live)).map_err(|error| {
        Failure::caused(
            Code::ConfigInvalid,
            "the rails to the banks cannot be used",
            &error,
        )
    })?;
    let books = Books::new(stores.transfers.clone());
    let bank = Bank::new(
        stores.transfers.clone(),
        stores.identity.clone(),
        stores.audit.clone(),
        rails,
        house.clock.clone(),
    )
    .through(gates);
    let audit = Audit::new(stores.audit.clone(), stores.transfers.clone());
    let (worked, stop) = (client.clone(), house.supervisor.stop());
    house.supervisor.spawn(async move {
        Worker::run(worked, books, bank, audit, stop)
            .await
            .map_err(|error| {
                Failure::caused(Code::EngineUnavailable, "the workers stopped", &error)
            })
    });
    let (transfers, clock) = (stores.transfers.clone(), house.clock.clone());
    let (watched, looking) = (transfers.clone(), Runs::new(client.clone()));
    let (its_clock, stop) = (clock.clone(), house.supervisor.stop());
    house.supervisor.spawn(async move {
        worker::watch(watched, looking, its_clock, stop).await;
        Ok(())
    });
    let (starter, stop) = (Starter::new(client.clone()), house.supervisor.stop());
    house.supervisor.spawn(async move {
        let admission = Admission::new(transfers.clone());
        worker::sweep(transfers, admission, starter, clock, stop).await;
        Ok(())
    });
    Ok(())
}

/// The sandbox bank, and the card network that answers below it at the same address.
fn sandboxes(address: &str) -> [RailConfig; 2] {
    // The network takes any key of the usual form: it has one client, and no money.
    let key = Secret::new("sk_sandbox");
    let cards = format!("{}/cards", address.trim_end_matches('/'));
    [
        RailConfig::SandboxBank(sandbox_bank::Config::at(address)),
        RailConfig::SandboxCards(stripe::Config {
            // Where the network's own pages are; a shop would name its own.
            return_url: Some(format!("{cards}/")),
            ..stripe::Config::at(cards.clone(), key)
        }),
    ]
}
