//! The bank below HTTP: recognition of references, rules and outage, books that survive.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use sandbox::{Delivery, Faults, Misbehaviour, Order, Rule, Target};
use world::{World, open, order, tell};

#[tokio::test]
async fn a_reference_belongs_to_one_order_for_ever() {
    let world = World::new();
    assert_eq!(world.debit("r", "SB-ALICE-0001", 500).await, "Executed");
    assert_eq!(
        world.debit("r", "SB-ALICE-0001", 501).await,
        "ReferenceReused"
    );
    assert_eq!(
        world.debit("r", "SB-BOB-0001", 500).await,
        "ReferenceReused"
    );
    assert_eq!(
        world.pay_out("r", "SB-ALICE-0001", 500).await,
        "ReferenceReused"
    );
    let dollars = Order {
        currency: "USD".into(),
        ..order("r", "SB-ALICE-0001", 500)
    };
    assert_eq!(
        tell(&world.bank.debit(dollars).await.unwrap()),
        "ReferenceReused"
    );
    assert_eq!(world.debit("r", "SB-ALICE-0001", 500).await, "Executed");
    assert_eq!(world.audit().await.len(), 1);
}

#[tokio::test]
async fn a_refusal_is_remembered_too() {
    let world = World::new();
    assert_eq!(
        world.debit("r", "SB-BOB-0001", 100_000_050).await,
        "Rejected AM04"
    );
    assert_eq!(
        world.pay_out("more", "SB-BOB-0001", 5_000).await,
        "Executed"
    );
    assert_eq!(
        world.debit("r", "SB-BOB-0001", 100_000_050).await,
        "Rejected AM04"
    );
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_one_reference_executes_once() {
    let world = World::new();
    let storm: Vec<_> = (0..500)
        .map(|_| {
            let bank = world.bank.clone();
            tokio::spawn(async move { bank.debit(order("storm", "SB-ALICE-0001", 700)).await })
        })
        .collect();
    let mut bank_references = std::collections::BTreeSet::new();
    for attempt in storm {
        match attempt.await.unwrap().unwrap() {
            Delivery::Answer(movement) => bank_references.insert(movement.bank_reference),
            other => panic!("{other:?}"),
        };
    }
    assert_eq!(bank_references.len(), 1);
    assert_eq!(world.balance("SB-ALICE-0001").await, 100_000_000 - 700);
    assert_eq!(world.audit().await[0].attempts, 500);
}

#[tokio::test]
async fn a_caller_that_stops_waiting_stops_nothing() {
    let world = World::new();
    {
        let submitted = world.bank.debit(order("gone", "SB-ALICE-0001", 700));
        tokio::pin!(submitted);
        // Polled once: the order is with the bank; then the caller is gone.
        let _unanswered = futures_poll_once(submitted.as_mut()).await;
    }
    assert_eq!(world.inquire("gone").await, "Executed");
}

async fn futures_poll_once<F: Future + Unpin>(mut future: F) -> bool {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(std::pin::Pin::new(&mut future).poll(context).is_ready())
    })
    .await
}

#[tokio::test]
async fn the_books_survive_a_new_opening() {
    let mut world = World::new();
    world.debit("a", "SB-ALICE-0001", 500).await;
    world.debit("silent", "SB-ALICE-0001", 12).await;
    world.pay_out("late", "SB-BOB-0001", 15).await;
    let before = world.audit().await;
    world.bank = open(&world.dir, &world.clock);
    assert_eq!(world.audit().await, before);
    // The first attempt is remembered although it left nothing in the books.
    assert_eq!(world.debit("silent", "SB-ALICE-0001", 12).await, "Executed");
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(world.inquire("late").await, "Executed");
    assert_eq!(world.debit("a", "SB-ALICE-0001", 500).await, "Executed");
    assert_eq!(world.audit().await.len(), 3);
}

#[tokio::test]
async fn the_statement_lists_decisions_in_their_order() {
    let world = World::new();
    world.debit("late", "SB-ALICE-0001", 15).await;
    world.debit("a", "SB-ALICE-0001", 100).await;
    world.debit("b", "SB-CLOSED-0001", 100).await;
    let references = async |after, limit| {
        let page = world.bank.statement(after, limit).await.unwrap();
        page.into_iter().map(|m| m.reference).collect::<Vec<_>>()
    };
    assert_eq!(references(0, 10).await, ["a", "b"]);
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(references(0, 10).await, ["a", "b", "late"]);
    assert_eq!(references(1, 1).await, ["b"]);
    assert_eq!(references(3, 10).await, [""; 0]);
}

#[tokio::test]
async fn rules_and_outage_are_obeyed() {
    let world = World::new();
    let rule = |on, fault, next| Rule {
        on,
        fault,
        next,
        per_thousand: 0,
    };
    let rules = vec![
        rule(Target::Debits, Misbehaviour::ErrorNotExecuted, 1),
        rule(Target::Debits, Misbehaviour::CutExecuted, 1),
        rule(Target::Debits, Misbehaviour::SlowExecuted, 1),
        rule(Target::Payouts, Misbehaviour::CutNotExecuted, 1),
        rule(Target::Inquiries, Misbehaviour::TimeoutNotExecuted, 1),
    ];
    world.bank.set_faults(Faults { rules, seed: 1 }).unwrap();
    assert_eq!(world.debit("a", "SB-ALICE-0001", 100).await, "ServerError");
    assert_eq!(world.inquire("a").await, "Silence");
    assert_eq!(world.inquire("a").await, "NotFound");
    assert_eq!(world.debit("a", "SB-ALICE-0001", 100).await, "Cut");
    assert_eq!(world.inquire("a").await, "Executed");
    assert_eq!(world.debit("a", "SB-ALICE-0001", 100).await, "SlowAnswer");
    assert_eq!(world.pay_out("b", "SB-ALICE-0001", 100).await, "Cut");
    assert_eq!(world.inquire("b").await, "NotFound");
    assert!(world.bank.faults().rules.iter().all(|rule| rule.next == 0));

    world.bank.set_outage(true);
    assert_eq!(world.debit("c", "SB-ALICE-0001", 100).await, "Outage");
    assert_eq!(world.inquire("a").await, "Outage");
    world.bank.set_outage(false);
    assert_eq!(world.inquire("c").await, "NotFound");
    assert_eq!(world.audit().await.len(), 1);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(24))]
    /// Whatever clients send, in whatever order and however often, the books agree.
    #[test]
    fn any_orders_leave_books_that_agree(
        orders in proptest::collection::vec((0_u8..6, 0_usize..4, 1_i64..130, proptest::bool::ANY), 1..60),
    ) {
        let accounts = ["SB-ALICE-0001", "SB-EMPTY-0001", "SB-CLOSED-0001", "SB-X"];
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            for (reference, account, amount, payout) in orders {
                let (reference, account) = (format!("r{reference}"), accounts[account]);
                match payout {
                    true => world.pay_out(&reference, account, amount).await,
                    false => world.debit(&reference, account, amount).await,
                };
                world.clock.advance(Duration::from_millis(700));
            }
            world.audit().await;
        });
    }
}
