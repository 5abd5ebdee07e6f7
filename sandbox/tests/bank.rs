//! The bank below HTTP: magic values, recognition of references, books that survive.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, Timestamp};
use sandbox::{
    Bank, Delivery, Faults, Malformed, Misbehaviour, Movement, Order, Rule, State, Target,
};
use tempfile::TempDir;

/// A bank in a directory of its own, and its clock's hands.
struct World {
    dir: TempDir,
    clock: ManualClock,
    bank: Bank,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
        let bank = open(&dir, &clock);
        Self { dir, clock, bank }
    }

    async fn debit(&self, reference: &str, account: &str, amount: i64) -> String {
        tell(
            &self
                .bank
                .debit(order(reference, account, amount))
                .await
                .unwrap(),
        )
    }

    async fn pay_out(&self, reference: &str, account: &str, amount: i64) -> String {
        tell(
            &self
                .bank
                .pay_out(order(reference, account, amount))
                .await
                .unwrap(),
        )
    }

    async fn inquire(&self, reference: &str) -> String {
        tell(&self.bank.inquire(reference).await.unwrap())
    }

    async fn balance(&self, number: &str) -> i64 {
        self.bank.account(number).await.unwrap().unwrap().balance
    }

    /// The books agree with themselves: every balance is its opening plus its executed movements.
    async fn audit(&self) -> Vec<Movement> {
        let movements = self.bank.movements().await.unwrap();
        let executed = || movements.iter().filter(|m| m.state == State::Executed);
        let signed = |m: &Movement| match m.kind {
            sandbox::Kind::Debit => m.amount,
            sandbox::Kind::Payout => -m.amount,
        };
        let settlement = self.bank.account("REMIT-EUR").await.unwrap().unwrap();
        let moved: i64 = executed().filter(|m| m.currency == "EUR").map(signed).sum();
        assert_eq!(settlement.balance, settlement.opening + moved);
        for movement in executed() {
            let account = self.bank.account(&movement.account).await.unwrap().unwrap();
            let taken: i64 = executed()
                .filter(|m| m.account == account.number)
                .map(signed)
                .sum();
            assert_eq!(account.balance, account.opening - taken);
        }
        movements
    }
}

fn open(dir: &TempDir, clock: &ManualClock) -> Bank {
    Bank::open(&dir.path().join("bank.db"), Arc::new(clock.clone())).unwrap()
}

fn order(reference: &str, account: &str, amount: i64) -> Order {
    Order {
        reference: reference.into(),
        account: account.into(),
        amount,
        currency: "EUR".into(),
    }
}

fn tell(delivery: &Delivery) -> String {
    match delivery {
        Delivery::Answer(m) => match &m.code {
            Some(code) => format!("{:?} {code}", m.state),
            None => format!("{:?}", m.state),
        },
        other => format!("{other:?}").split('(').next().unwrap().to_owned(),
    }
}

#[tokio::test]
async fn accounts_choose_the_answer() {
    let world = World::new();
    for (number, debit, payout) in [
        ("SB-ALICE-0001", "Executed", "Executed"),
        ("SB-BOB-0001", "Executed", "Executed"),
        ("SB-CAROL-0001", "Executed", "Executed"),
        ("SB-ANYBODY-42", "Executed", "Executed"),
        ("SB-CLOSED-0001", "Rejected AC04", "Rejected AC04"),
        ("SB-FROZEN-0001", "Rejected AC06", "Rejected AC06"),
        ("SB-EMPTY-0001", "Rejected AM04", "Executed"),
        ("XX-NOT-OURS", "Rejected AC01", "Rejected AC01"),
        ("REMIT-EUR", "Rejected AC01", "Rejected AC01"),
    ] {
        assert_eq!(
            world.pay_out(&format!("p-{number}"), number, 1_050).await,
            payout,
            "{number}"
        );
        assert_eq!(
            world.debit(&format!("d-{number}"), number, 2_500).await,
            debit,
            "{number}"
        );
    }
    assert_eq!(world.balance("SB-EMPTY-0001").await, 1_050);
    world.audit().await;
}

#[tokio::test]
async fn amounts_and_currencies_have_limits() {
    let world = World::new();
    assert_eq!(
        world.pay_out("a", "SB-BOB-0001", 1_000_000_001).await,
        "Rejected AM02"
    );
    assert_eq!(
        world.debit("b", "SB-BOB-0001", 100_000_001).await,
        "Rejected AM04"
    );
    assert_eq!(
        world.debit("c", "SB-BOB-0001", 100_000_000).await,
        "Executed"
    );
    for (currency, account) in [("USD", "SB-ALICE-0001"), ("XAU", "SB-NEW-1")] {
        let order = Order {
            currency: currency.into(),
            ..order(currency, account, 100)
        };
        assert_eq!(
            tell(&world.bank.debit(order).await.unwrap()),
            "Rejected AM03"
        );
    }
    let order = Order {
        amount: 0,
        ..order("d", "SB-BOB-0001", 1)
    };
    let refused = world.bank.debit(order).await.unwrap_err();
    assert!(matches!(
        refused,
        sandbox::BankError::Malformed(Malformed::Amount)
    ));
    world.audit().await;
}

/// What the first and second attempt see, and what the inquiry sees between and after them.
#[tokio::test]
async fn amounts_choose_the_misbehaviour_of_the_first_attempt() {
    for (amount, first, asked, second, executed) in [
        (1_050, "Executed", "Executed", "Executed", 1),
        (1_011, "Silence", "Executed", "Executed", 1),
        (1_012, "Silence", "NotFound", "Executed", 1),
        (1_013, "ServerError", "Executed", "Executed", 1),
        (1_014, "Garbage", "Executed", "Executed", 1),
        (1_015, "Pending", "Pending", "Pending", 0),
        (1_016, "Throttled", "NotFound", "Throttled", 0),
        (1_017, "Silence", "NotFound", "Executed", 1),
        (1_018, "Rejected ZZ99", "Rejected ZZ99", "Rejected ZZ99", 0),
    ] {
        for payout in [false, true] {
            let world = World::new();
            let attempt = async || match payout {
                true => world.pay_out("r", "SB-BOB-0001", amount).await,
                false => world.debit("r", "SB-BOB-0001", amount).await,
            };
            assert_eq!(attempt().await, first, "{amount}");
            assert_eq!(world.inquire("r").await, asked, "{amount}");
            assert_eq!(attempt().await, second, "{amount}");
            let movements = world.audit().await;
            let really = movements
                .iter()
                .filter(|m| m.state == State::Executed)
                .count();
            assert_eq!(really, executed, "{amount}");
        }
    }
}

#[tokio::test]
async fn what_is_pending_is_executed_later_and_only_once() {
    let world = World::new();
    assert_eq!(world.debit("late", "SB-BOB-0001", 15).await, "Pending");
    assert_eq!(world.balance("SB-BOB-0001").await, 100_000_000);
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(world.inquire("late").await, "Pending");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.inquire("late").await, "Executed");
    assert_eq!(world.debit("late", "SB-BOB-0001", 15).await, "Executed");
    assert_eq!(world.balance("SB-BOB-0001").await, 100_000_000 - 15);
    world.audit().await;
}

#[tokio::test]
async fn what_is_pending_can_still_be_refused() {
    let world = World::new();
    assert_eq!(
        world.debit("late", "SB-BOB-0001", 99_999_915).await,
        "Pending"
    );
    assert_eq!(world.debit("first", "SB-BOB-0001", 1_000).await, "Executed");
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(world.inquire("late").await, "Rejected AM04");
    world.audit().await;
}

#[tokio::test]
async fn what_is_hidden_is_found_later() {
    let world = World::new();
    assert_eq!(world.pay_out("hidden", "SB-BOB-0001", 17).await, "Silence");
    world.clock.advance(Duration::from_micros(3_999_999));
    assert_eq!(world.inquire("hidden").await, "NotFound");
    world.clock.advance(Duration::from_micros(1));
    assert_eq!(world.inquire("hidden").await, "Executed");
}

#[tokio::test]
async fn throttles_twice_and_then_executes() {
    let world = World::new();
    assert_eq!(world.debit("r", "SB-BOB-0001", 16).await, "Throttled");
    assert_eq!(world.debit("r", "SB-BOB-0001", 16).await, "Throttled");
    assert_eq!(world.debit("r", "SB-BOB-0001", 16).await, "Executed");
    assert_eq!(world.audit().await[0].attempts, 3);
}

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
