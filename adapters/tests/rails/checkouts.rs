//! The pages of the Stripe adapter against the sandbox network, on a real socket: opened once,
//! believed only about themselves, closed for good, paid once.

use std::sync::Arc;
use std::time::Duration;

use adapters::stripe::{Config, Stripe};
use adapters::{Limits, Secret};
use ambient::{Clock, ManualClock, Timestamp};
use domain::rail::{
    CardAsk, CardOrder, CheckoutOrder, CheckoutPage, CheckoutQuestion, Found, NetworkReference,
    PortError, Rail, RailId,
};
use domain::transfer::Decline;
use domain::{Currency, Money, Step, StepKey, TransferId};
use sandbox::{Bank, CardNetwork, Faults, Misbehaviour, Rule, Target};
use tokio::net::TcpListener;

struct World {
    clock: ManualClock,
    network: CardNetwork,
    rail: Stripe,
}

async fn world() -> World {
    let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
    let network = CardNetwork::fleeting(Arc::new(clock.clone())).unwrap();
    let bank = Bank::fleeting(Arc::new(clock.clone())).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base = format!("http://{}/cards", listener.local_addr().unwrap());
    let served = network.clone();
    // Ends with the test's runtime.
    drop(tokio::spawn(async move {
        sandbox::serve_both(&bank, &served, listener, std::future::pending()).await
    }));
    let config = Config {
        limits: Limits {
            total: Duration::from_millis(500),
            ..Limits::default()
        },
        return_url: Some("https://shop.example/thanks".to_owned()),
        ..Config::at(base, Secret::new("sk_test_1"))
    };
    let rail = Stripe::new(RailId::SandboxCards, config).unwrap();
    World {
        clock,
        network,
        rail,
    }
}

fn key(number: u128) -> StepKey {
    StepKey::of(TransferId::from_bits(number), Step::Collect)
}

impl World {
    fn order(&self, number: u128) -> CheckoutOrder {
        CheckoutOrder {
            key: key(number),
            money: Money::from_minor(2_500, Currency::EUR).unwrap(),
            until: self.clock.now().after(Duration::from_secs(3_600)),
        }
    }

    async fn open(&self, order: &CheckoutOrder) -> Result<CheckoutPage, PortError> {
        self.rail.checkouts().unwrap().open(order).await
    }

    async fn find(&self, order: &CheckoutOrder, page: Option<&CheckoutPage>) -> Found {
        let about = question(order, page);
        self.rail.checkouts().unwrap().find(&about).await.unwrap()
    }

    async fn close(&self, order: &CheckoutOrder, page: &CheckoutPage) -> Result<(), PortError> {
        let about = question(order, Some(page));
        self.rail.checkouts().unwrap().close(&about).await
    }

    fn go_wrong(&self, fault: Misbehaviour) {
        let rules = vec![Rule {
            on: Target::Checkouts,
            fault,
            next: 1,
            per_thousand: 0,
        }];
        self.network.set_faults(Faults { rules, seed: 0 }).unwrap();
    }
}

fn question(order: &CheckoutOrder, page: Option<&CheckoutPage>) -> CheckoutQuestion {
    CheckoutQuestion {
        key: order.key,
        money: order.money,
        page: page.map(|page| page.reference.clone()),
    }
}

async fn pay(page: &CheckoutPage) {
    let request = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = request.post(format!("{}/pay", page.link)).send().await;
    assert!(answer.unwrap().status().is_success());
}

#[tokio::test]
async fn a_page_is_opened_once_and_paid_once() {
    let world = world().await;
    let order = world.order(1);
    let page = world.open(&order).await.unwrap();
    assert_eq!(world.open(&order).await.unwrap(), page);
    assert_eq!(world.find(&order, Some(&page)).await, Found::Pending);
    // Who does not know the page finds what was paid, and nothing was.
    assert_eq!(world.find(&order, None).await, Found::NotFound);
    pay(&page).await;
    pay(&page).await;
    let payments = world.network.payments().await.unwrap();
    assert_eq!(payments.len(), 1);
    let paid = Found::Executed {
        bank_reference: payments[0].id.clone(),
    };
    assert_eq!(world.find(&order, Some(&page)).await, paid);
    assert_eq!(world.find(&order, None).await, paid);
    // Too late to close: it stays paid, and can be given back as a card's payment is.
    world.close(&order, &page).await.unwrap();
    assert_eq!(world.find(&order, Some(&page)).await, paid);
    let refund = CardOrder {
        step: StepKey::undo(order.key.transfer, Step::Collect),
        ask: CardAsk::Refund {
            payment: NetworkReference(payments[0].id.clone()),
            money: order.money,
        },
    };
    let cards = world.rail.cards().unwrap();
    cards.submit(&refund).await.unwrap();
    assert!(matches!(
        cards.find(&refund).await.unwrap(),
        Found::Executed { .. }
    ));
}

#[tokio::test]
async fn a_page_that_closed_unpaid_is_never_paid() {
    let world = world().await;
    for by_time in [false, true] {
        let order = world.order(if by_time { 2 } else { 3 });
        let page = world.open(&order).await.unwrap();
        if by_time {
            world.clock.advance(Duration::from_secs(3_600));
        }
        for _ in 0..2 {
            world.close(&order, &page).await.unwrap();
        }
        pay(&page).await;
        let Found::Rejected { rejection } = world.find(&order, Some(&page)).await else {
            panic!("a closed page is open");
        };
        assert_eq!(rejection.decline, Decline::NotPaidInTime);
        assert_eq!(rejection.network_code, "expired");
    }
    assert_eq!(world.network.payments().await.unwrap(), []);
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_no_page() {
    let world = world().await;
    for (number, fault) in (10..).zip([
        Misbehaviour::GarbageExecuted,
        Misbehaviour::OtherAmount,
        Misbehaviour::OtherCurrency,
        Misbehaviour::AnsweredTwice,
        Misbehaviour::ErrorExecuted,
        Misbehaviour::ErrorNotExecuted,
        Misbehaviour::CutExecuted,
        Misbehaviour::GiantExecuted,
    ]) {
        let order = world.order(number);
        world.go_wrong(fault);
        let answer = world.open(&order).await;
        assert!(
            matches!(answer, Err(PortError::Unknown { .. })),
            "{fault:?}: {answer:?}"
        );
        // The next one is believed, and is the only one.
        let page = world.open(&order).await.unwrap();
        assert_eq!(world.open(&order).await.unwrap(), page, "{fault:?}");
    }
    world.go_wrong(Misbehaviour::Throttled);
    let answer = world.open(&world.order(30)).await;
    assert!(matches!(answer, Err(PortError::Throttled { .. })));
    // Another amount than the page has: not ours to conclude anything from.
    let order = world.order(31);
    let page = world.open(&order).await.unwrap();
    let other = CheckoutOrder {
        money: Money::from_minor(2_501, Currency::EUR).unwrap(),
        ..order
    };
    let found = world.find(&other, Some(&page)).await;
    assert!(matches!(found, Found::Contradicts { .. }), "{found:?}");
}

#[tokio::test]
async fn without_an_address_to_come_back_to_there_are_no_pages() {
    let config = Config::at("http://127.0.0.1:1", Secret::new("sk_test_1"));
    let rail = Stripe::new(RailId::Stripe, config).unwrap();
    assert!(rail.checkouts().is_none());
}
