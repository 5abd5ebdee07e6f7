//! The Stripe adapter against servers that others wrote: `localstripe` for the flow of a payment,
//! `stripe-mock` for the form of every request.
#![allow(clippy::unwrap_used)]

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use adapters::stripe::{Config, Stripe};
use adapters::{Http, Limits, Lost, Reply, Request, Secret, Transport};
use anyhow::{Result, ensure};
use async_trait::async_trait;
use domain::rail::{
    Answer, CardAsk, CardOrder, CardToken, Cards, CheckoutOrder, CheckoutQuestion, Found,
    NetworkReference, PortError, Rail, RailId,
};
use domain::{Currency, Money, Step, StepKey, Timestamp, TransferId};
use testkit::{Localstripe, StripeMock, trial_needing};

fn main() -> ExitCode {
    testkit::main(vec![
        trial_needing("localstripe: promised, taken, given back", pays_and_refunds),
        trial_needing("localstripe: a void releases", voids),
        trial_needing("localstripe: a decline is final", declines),
        trial_needing("localstripe: what it cannot tell stays open", leaves_open),
        trial_needing(
            "stripe-mock: every request is one of Stripe's",
            writes_what_stripe_reads,
        ),
    ])
}

const API_KEY: &str = "sk_test_12345";

fn stripe(url: &str) -> Result<Stripe> {
    let config = Config::at(url, Secret::new(API_KEY));
    Ok(Stripe::new(RailId::Stripe, config)?)
}

fn order(transfer: u128, ask: CardAsk) -> CardOrder {
    let step = StepKey::of(TransferId::from_bits(transfer), Step::Collect);
    CardOrder { step, ask }
}

fn eur(amount: i64) -> Money {
    Money::from_minor(amount, Currency::EUR).unwrap()
}

/// A card of localstripe's own, by its number.
async fn card(server: &Localstripe, number: &str) -> Result<CardToken> {
    let response = reqwest::Client::new()
        .post(format!("{}/v1/payment_methods", server.url()))
        .bearer_auth(API_KEY)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!(
            "type=card&card[number]={number}&card[exp_month]=12&card[exp_year]=2040&card[cvc]=123"
        ))
        .send()
        .await?;
    let said: serde_json::Value = response.json().await?;
    Ok(CardToken::new(said["id"].as_str().unwrap_or_default()))
}

async fn promised(
    server: &Localstripe,
    transfer: u128,
    amount: i64,
) -> Result<(Stripe, NetworkReference)> {
    let rail = stripe(server.url())?;
    let card = card(server, "4242424242424242").await?;
    let money = eur(amount);
    let answer = rail
        .submit(&order(transfer, CardAsk::Authorise { card, money }))
        .await?;
    Ok((rail, NetworkReference(answer.bank_reference)))
}

async fn pays_and_refunds(server: &'static Localstripe) -> Result<()> {
    let (rail, payment) = promised(server, 1, 5_000).await?;
    let capture = order(
        1,
        CardAsk::Capture {
            payment: payment.clone(),
            money: eur(5_000),
        },
    );
    ensure!(rail.find(&capture).await == Ok(Found::NotFound));
    let done = Answer {
        bank_reference: payment.0.clone(),
    };
    ensure!(rail.submit(&capture).await == Ok(done));
    ensure!(matches!(
        rail.find(&capture).await,
        Ok(Found::Executed { .. })
    ));
    for (transfer, amount) in [(2, 2_000), (3, 3_000)] {
        let refund = order(
            transfer,
            CardAsk::Refund {
                payment: payment.clone(),
                money: eur(amount),
            },
        );
        ensure!(rail.find(&refund).await == Ok(Found::NotFound));
        let Answer { bank_reference } = rail.submit(&refund).await?;
        ensure!(rail.find(&refund).await == Ok(Found::Executed { bank_reference }));
    }
    Ok(())
}

async fn voids(server: &'static Localstripe) -> Result<()> {
    let (rail, payment) = promised(server, 10, 5_000).await?;
    let void = order(
        10,
        CardAsk::Void {
            payment: payment.clone(),
        },
    );
    ensure!(rail.find(&void).await == Ok(Found::NotFound));
    rail.submit(&void).await?;
    ensure!(matches!(rail.find(&void).await, Ok(Found::Executed { .. })));
    let capture = order(
        10,
        CardAsk::Capture {
            payment,
            money: eur(5_000),
        },
    );
    ensure!(matches!(
        rail.submit(&capture).await,
        Err(PortError::Unknown { .. })
    ));
    ensure!(matches!(
        rail.find(&capture).await,
        Ok(Found::Rejected { .. })
    ));
    Ok(())
}

async fn declines(server: &'static Localstripe) -> Result<()> {
    let rail = stripe(server.url())?;
    let card = card(server, "4000000000000341").await?;
    let ask = CardAsk::Authorise {
        card,
        money: eur(5_000),
    };
    let answer = rail.submit(&order(20, ask)).await;
    ensure!(matches!(answer, Err(PortError::Rejected(_))), "{answer:?}");
    Ok(())
}

/// It has no search, and does not say how much of a promise was taken: neither is guessed.
async fn leaves_open(server: &'static Localstripe) -> Result<()> {
    let (rail, payment) = promised(server, 30, 5_000).await?;
    let card = CardToken::new("pm_any");
    let again = order(
        30,
        CardAsk::Authorise {
            card,
            money: eur(5_000),
        },
    );
    ensure!(matches!(
        rail.find(&again).await,
        Err(PortError::Unknown { .. })
    ));
    let part = order(
        30,
        CardAsk::Capture {
            payment,
            money: eur(4_000),
        },
    );
    ensure!(matches!(
        rail.submit(&part).await,
        Err(PortError::Unknown { .. })
    ));
    Ok(())
}

/// Remembers the status of every answer.
#[derive(Debug)]
struct Watched {
    http: Http,
    statuses: Mutex<Vec<(String, u16)>>,
}

#[async_trait]
impl Transport for Watched {
    async fn send(&self, request: Request) -> Result<Reply, Lost> {
        let what = format!("{} {}", request.method, request.url.path());
        let reply = self.http.send(request).await?;
        self.statuses.lock().unwrap().push((what, reply.status));
        Ok(reply)
    }
}

async fn writes_what_stripe_reads(server: &'static StripeMock) -> Result<()> {
    let http = Http::new(Limits::default())?;
    let statuses = Mutex::default();
    let watched = Arc::new(Watched { http, statuses });
    let config = Config {
        return_url: Some("https://shop.example/thanks".to_owned()),
        ..Config::at(server.url(), Secret::new(API_KEY))
    };
    let rail = Stripe::over(watched.clone(), RailId::Stripe, config)?;
    let cards = rail.cards().unwrap();
    let payment = NetworkReference("pi_123".into());
    let asks = [
        CardAsk::Authorise {
            card: CardToken::new("pm_card_visa"),
            money: eur(5_000),
        },
        CardAsk::Capture {
            payment: payment.clone(),
            money: eur(4_000),
        },
        CardAsk::Void {
            payment: payment.clone(),
        },
        CardAsk::Refund {
            payment: payment.clone(),
            money: eur(1_000),
        },
    ];
    for ask in asks {
        let order = order(40, ask);
        // It answers with samples, which are about other payments: none may be believed.
        let answer = cards.submit(&order).await;
        ensure!(
            matches!(answer, Err(PortError::Unknown { .. })),
            "{answer:?}"
        );
        let found = cards.find(&order).await;
        ensure!(!matches!(found, Ok(Found::Executed { .. })), "{found:?}");
    }
    let _sample = cards.payment(&payment).await;
    let page = CheckoutOrder {
        key: StepKey::of(TransferId::from_bits(41), Step::Collect),
        money: eur(5_000),
        until: Timestamp::from_seconds(1_900_000_000),
    };
    let checkouts = rail.checkouts().unwrap();
    let opened = checkouts.open(&page).await;
    ensure!(
        matches!(opened, Err(PortError::Unknown { .. })),
        "{opened:?}"
    );
    for known in [None, Some("cs_test_123".to_owned())] {
        let about = CheckoutQuestion {
            key: page.key,
            money: page.money,
            page: known,
        };
        let found = checkouts.find(&about).await;
        ensure!(!matches!(found, Ok(Found::Executed { .. })), "{found:?}");
        checkouts.close(&about).await?;
    }
    let statuses = watched.statuses.lock().unwrap();
    ensure!(statuses.len() == 13, "{statuses:?}");
    ensure!(
        statuses.iter().all(|(_, status)| *status == 200),
        "{statuses:?}"
    );
    Ok(())
}
