//! The workers, and the sweeper that starts what was accepted while nobody looked.

use std::sync::Arc;

use ::rails::Gates;
use activities::{Audit, Bank, Books, Inbox};
use domain::Code;
use temporal::{Client, Herald, Plans, Runs, Starter};
use transfers::Admission;
use worker::{Activities, Launch, Worker};

use super::{House, rails};
use crate::failure::Failure;
use crate::stores::Stores;

pub(crate) fn raise(
    house: &mut House,
    stores: &Stores,
    client: &Client,
    gates: Gates,
) -> Result<(), Failure> {
    let Some(rails) = rails::build(house)? else {
        return Err(Failure::new(
            Code::ConfigInvalid,
            "workers need a bank: name the sandbox bank's address with --sandbox-url",
        ));
    };
    let books = Books::new(stores.transfers.clone());
    let bank = Bank::new(
        stores.transfers.clone(),
        stores.identity.clone(),
        stores.audit.clone(),
        rails,
        house.clock.clone(),
    )
    .through(gates);
    listen(house, stores, client, &bank);
    let launch = Launch::new(stores.transfers.clone(), Starter::new(client.clone()));
    let plans = activities::Plans::new(stores.transfers.clone(), Arc::new(launch));
    let activities = Activities {
        books,
        bank,
        audit: Audit::new(stores.audit.clone(), stores.transfers.clone()),
        inbox: Inbox::new(stores.inbox.clone(), stores.transfers.clone()),
        plans,
    };
    let (worked, stop) = (client.clone(), house.supervisor.stop());
    house.supervisor.spawn(async move {
        Worker::run(worked, activities, stop)
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
    let (its_books, its_clock) = (transfers.clone(), clock.clone());
    let stop = house.supervisor.stop();
    house.supervisor.spawn(async move {
        worker::tidy(its_books, its_clock, stop).await;
        Ok(())
    });
    let (kept, keeping) = (stores.transfers.clone(), Plans::new(client.clone()));
    let (its_clock, stop) = (house.clock.clone(), house.supervisor.stop());
    house.supervisor.spawn(async move {
        worker::keep(kept, keeping, its_clock, stop).await;
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

/// What banks say by themselves reaches the transfers that wait for it.
fn listen(house: &mut House, stores: &Stores, client: &Client, bank: &Bank) {
    let (inbox, herald) = (stores.inbox.clone(), Herald::new(client.clone()));
    let (clock, stop) = (house.clock.clone(), house.supervisor.stop());
    house.supervisor.spawn(async move {
        worker::tell(inbox, herald, clock, stop).await;
        Ok(())
    });
    let (inbox, bank) = (stores.inbox.clone(), bank.clone());
    let (clock, stop) = (house.clock.clone(), house.supervisor.stop());
    house.supervisor.spawn(async move {
        worker::read_statements(bank, inbox, clock, stop).await;
        Ok(())
    });
}
