//! The API and the console on one listener.

use std::sync::Arc;

use api::{App, Limits, Parts, Ports, Probe, StartError};
use domain::linked::Link;
use domain::transfer::Order;
use domain::{Code, MessageId, TransferId};
use futures::future::{BoxFuture, FutureExt};
use rails::Watched;
use temporal::{Client, Herald, Starter};
use tokio::net::TcpListener;

use super::House;
use crate::demo::{self, Demo};
use crate::failure::Failure;
use crate::parts;
use crate::stores::Stores;

pub(crate) async fn raise(
    house: &mut House,
    stores: &Stores,
    client: &Client,
    rails: Watched,
    listener: TcpListener,
) -> Result<Demo, Failure> {
    let address = listener
        .local_addr()
        .map_err(|error| Failure::caused(Code::Internal, "the API has no address", &error))?;
    house.places.api = Some(address);
    let starter = Starter::new(client.clone());
    let demo = demo::prepare(stores, &starter, &house.dir, address).await?;
    let app = App::from(Parts {
        db: stores.db.clone(),
        identity: stores.identity.clone(),
        transfers: stores.transfers.clone(),
        inbox: stores.inbox.clone(),
        ports: ports(house)?,
        starter: Arc::new(Start {
            starter,
            herald: Herald::new(client.clone()),
        }),
        rails,
        clock: house.clock.clone(),
        mint: stores.mint.clone(),
        limits: Limits::default(),
        probes: house.places.bank.iter().map(bank_probe).collect(),
    });
    let (limits, clock) = (app.limits, house.clock.clone());
    let routes = api::app_with(app.clone(), console::pages(app, address));
    let stop = house.supervisor.stop();
    house.supervisor.spawn(async move {
        api::serve(listener, routes, limits, clock, stop.cancelled_owned()).await;
        Ok(())
    });
    Ok(demo)
}

/// The banks that may send notices to this process.
fn ports(house: &House) -> Result<Ports, Failure> {
    let Some(rails) = parts::rails::build(house)? else {
        return Ok(Ports::default());
    };
    let ports = rails.ids().filter_map(|id| {
        let port = rails.get(id).ok()?;
        Some((id, Arc::clone(port)))
    });
    Ok(Arc::new(ports.collect()))
}

/// Whether the sandbox bank answers.
fn bank_probe(bank: &String) -> Probe {
    let (http, url) = (reqwest::Client::new(), format!("{bank}/livez"));
    Probe::new("sandbox", move || {
        let asked = http.get(&url).send();
        async move {
            let answer = asked.await.and_then(reqwest::Response::error_for_status);
            answer
                .map(drop)
                .map_err(|_| "the sandbox bank does not answer".to_owned())
        }
        .boxed()
    })
}

/// The API says what it needs; the engine's client says how.
#[derive(Debug)]
struct Start {
    starter: Starter,
    herald: Herald,
}

impl api::Starter for Start {
    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<(), StartError>> {
        async {
            self.starter
                .start(order)
                .await
                .map_err(|error| StartError(Box::new(error)))
        }
        .boxed()
    }

    fn call_off(&self, transfer: TransferId) -> BoxFuture<'_, Result<(), StartError>> {
        async move {
            self.starter
                .call_off(transfer)
                .await
                .map_err(|error| StartError(Box::new(error)))
        }
        .boxed()
    }

    fn tell(
        &self,
        transfer: TransferId,
        message: MessageId,
    ) -> BoxFuture<'_, Result<bool, StartError>> {
        async move {
            let told = self.herald.tell(transfer, message).await;
            told.map_err(|error| StartError(Box::new(error)))
        }
        .boxed()
    }

    fn start_linked<'a>(&'a self, link: &'a Link) -> BoxFuture<'a, Result<(), StartError>> {
        async {
            self.starter
                .start_linked(link)
                .await
                .map_err(|error| StartError(Box::new(error)))
        }
        .boxed()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StartError>> {
        async {
            self.starter
                .ready()
                .await
                .map_err(|error| StartError(Box::new(error)))
        }
        .boxed()
    }
}
