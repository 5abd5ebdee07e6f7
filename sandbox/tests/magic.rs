//! The magic values: what an account number or the end of an amount makes the bank do.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use sandbox::{Malformed, Order, State};
use world::{World, order, tell};

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
