//! A bank of its own for each test, with a clock that moves when told.
#![allow(dead_code, unreachable_pub)] // Each test file uses its part.

use std::sync::Arc;

use ambient::{ManualClock, Timestamp};
use sandbox::{Bank, Delivery, Movement, Order, State};
use tempfile::TempDir;

/// A bank in a directory of its own, and its clock's hands.
pub struct World {
    pub dir: TempDir,
    pub clock: ManualClock,
    pub bank: Bank,
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
        let bank = open(&dir, &clock);
        Self { dir, clock, bank }
    }

    pub async fn debit(&self, reference: &str, account: &str, amount: i64) -> String {
        tell(
            &self
                .bank
                .debit(order(reference, account, amount))
                .await
                .unwrap(),
        )
    }

    pub async fn pay_out(&self, reference: &str, account: &str, amount: i64) -> String {
        tell(
            &self
                .bank
                .pay_out(order(reference, account, amount))
                .await
                .unwrap(),
        )
    }

    pub async fn inquire(&self, reference: &str) -> String {
        tell(&self.bank.inquire(reference).await.unwrap())
    }

    pub async fn balance(&self, number: &str) -> i64 {
        self.bank.account(number).await.unwrap().unwrap().balance
    }

    /// What came back, as the statement tells it.
    pub async fn returned(&self) -> Vec<Movement> {
        let lines = self.bank.statement(0, 1_000).await.unwrap();
        let back = |line: &Movement| line.state == State::Returned;
        lines.into_iter().filter(back).collect()
    }

    /// The books agree with themselves: every balance is its opening plus its executed movements.
    pub async fn audit(&self) -> Vec<Movement> {
        let movements = self.bank.movements().await.unwrap();
        let executed = || movements.iter().filter(|m| m.state == State::Executed);
        let signed = |m: &Movement| match m.kind {
            sandbox::Kind::Debit => m.amount,
            sandbox::Kind::Payout => -m.amount,
        };
        let settlement = self.bank.account("REMIT-EUR").await.unwrap().unwrap();
        let moved: i64 = executed().filter(|m| m.currency == "EUR").map(signed).sum();
        let back = self.returned().await;
        let returned: i64 = back.iter().map(|m| -signed(m)).sum();
        assert_eq!(settlement.balance, settlement.opening + moved + returned);
        for movement in executed() {
            let account = self.bank.account(&movement.account).await.unwrap().unwrap();
            let taken: i64 = executed()
                .filter(|m| m.account == account.number)
                .map(signed)
                .sum();
            let back: i64 = back
                .iter()
                .filter(|m| m.account == account.number)
                .map(signed)
                .sum();
            assert_eq!(account.balance, account.opening - taken + back);
        }
        movements
    }
}

pub fn open(dir: &TempDir, clock: &ManualClock) -> Bank {
    Bank::open(&dir.path().join("bank.db"), Arc::new(clock.clone())).unwrap()
}

pub fn order(reference: &str, account: &str, amount: i64) -> Order {
    Order {
        reference: reference.into(),
        account: account.into(),
        amount,
        currency: "EUR".into(),
    }
}

pub fn tell(delivery: &Delivery) -> String {
    match delivery {
        Delivery::Answer(m) => match &m.code {
            Some(code) => format!("{:?} {code}", m.state),
            None => format!("{:?}", m.state),
        },
        other => format!("{other:?}").split('(').next().unwrap().to_owned(),
    }
}
