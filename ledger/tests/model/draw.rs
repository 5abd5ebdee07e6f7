//! Random questions to the book: mostly sensible, often repeated, sometimes wrong in one place or
//! in several.

use std::time::Duration;

use ambient::Timestamp;
use domain::rail::RailId;
use domain::{AccountId, Currency, Money};
use ledger::{AccountRef, Condition, Place, State};

use super::ask::{Ask, Post, Reserve};
use super::both::chance::Chance;
use super::spec::Model;

const RAIL: RailId = RailId::SandboxBank;
const HOUSE: [AccountRef; 6] = [
    AccountRef::Nostro(RAIL),
    AccountRef::Pool(Place::Internal),
    AccountRef::Pool(Place::Rail(RAIL)),
    AccountRef::Suspense(RAIL),
    AccountRef::Fees,
    AccountRef::Liquidity,
];
const NOBODY: AccountRef = AccountRef::Wallet(AccountId::from_bits(404));

/// What is known so far, to ask about it again.
#[derive(Debug)]
pub(crate) struct Draw {
    pub(crate) chance: Chance,
    pub(crate) wallets: Vec<(AccountRef, Currency)>,
    /// Holds whose ids are known by now.
    pub(crate) holds: Vec<String>,
    /// Entries that earlier transactions have posted.
    pub(crate) entries: Vec<String>,
    asked: Vec<Ask>,
    next: u64,
}

impl Draw {
    pub(crate) fn new(seed: u64, wallets: Vec<(AccountRef, Currency)>) -> Self {
        Self {
            chance: Chance::new(seed),
            wallets,
            holds: Vec::new(),
            entries: Vec::new(),
            asked: Vec::new(),
            next: 0,
        }
    }

    pub(crate) fn ask(&mut self, model: &Model, now: Timestamp) -> Ask {
        let ask = match self.chance.below(100) {
            0..46 => Ask::Post(self.post(model)),
            46..60 => Ask::Reserve(self.reserve(now)),
            60..70 => Ask::Post(self.of_hold(model)),
            70..76 => Ask::Void {
                hold: self.hold(model),
            },
            76..78 => Ask::Expire,
            78..81 => self.correct(),
            81..86 => return self.before(),
            86..93 => {
                let before = self.before();
                return self.altered(before);
            }
            93..97 => self.state(),
            _ => self.terms(),
        };
        if matches!(ask, Ask::Post(_) | Ask::Reserve(_)) {
            self.asked.push(ask.clone());
        }
        ask
    }

    fn key(&mut self, word: &str) -> String {
        self.next += 1;
        match self.chance.below(400) {
            0 => String::new(),
            1 => "k".repeat(201),
            _ => format!("{word}:{}", self.next),
        }
    }

    fn minor(&mut self) -> i64 {
        let most = *self.chance.of(&[10, 500, 20_000]);
        1 + i64::try_from(self.chance.below(most)).unwrap()
    }

    fn account(&mut self, currency: Currency) -> AccountRef {
        match self.chance.below(100) {
            0..2 => NOBODY,
            2..35 => *self.chance.of(&HOUSE),
            // One in many is in another currency.
            35..37 => self.chance.of(&self.wallets.clone()).0,
            _ => {
                let mut fitting = self.wallets.clone();
                fitting.retain(|(_, has)| *has == currency);
                self.chance.of(&fitting).0
            }
        }
    }

    fn post(&mut self, model: &Model) -> Post {
        let currency = self.chance.of(&self.wallets.clone()).1;
        let money = |minor| Money::from_minor(minor, currency).unwrap();
        let mut legs = Vec::new();
        let mut sum = 0;
        for _ in 0..=*self.chance.of(&[0, 0, 0, 1, 2, 4]) {
            let minor = self.minor();
            // The first one pays; those after it may get something.
            let minor = if self.chance.percent(80) {
                -minor
            } else {
                minor
            };
            sum += minor;
            legs.push((self.account(currency), money(minor)));
        }
        if sum != 0 || self.chance.percent(5) {
            let off = i64::from(self.chance.percent(2));
            legs.push((self.account(currency), money(off - sum)));
        }
        if self.chance.percent(2) {
            legs.push((self.account(currency), money(0)));
        }
        let whole = money(if self.chance.percent(2) {
            -sum.abs()
        } else {
            sum.abs().max(1)
        });
        let conditions = self.conditions(model, &legs);
        Post {
            key: self.key("entry"),
            whole,
            legs,
            hold: None,
            conditions,
        }
    }

    fn conditions(&mut self, model: &Model, legs: &[(AccountRef, Money)]) -> Vec<Condition> {
        let mut conditions = Vec::new();
        while self.chance.percent(15) {
            let (account, money) = *self.chance.of(legs);
            let Some(found) = model.accounts.get(&(account, money.currency())) else {
                break;
            };
            let off = i64::try_from(self.chance.below(3)).unwrap() - 1;
            let least = |minor: i64| Money::from_minor(minor + off, money.currency()).unwrap();
            conditions.push(match self.chance.below(3) {
                0 => Condition::VersionIs(account, money.currency(), found.version + off.max(0)),
                1 => Condition::BalanceAtLeast(account, least(found.balance)),
                _ => Condition::AvailableAtLeast(account, least(found.balance - found.held)),
            });
        }
        conditions
    }

    fn reserve(&mut self, now: Timestamp) -> Reserve {
        let currency = self.chance.of(&self.wallets.clone()).1;
        let minor = match self.chance.below(50) {
            0 => 0,
            1 => -5,
            _ => self.minor(),
        };
        let expires_at = match self.chance.below(10) {
            0..5 => None,
            5 => Some(now),
            _ => Some(now.after(Duration::from_secs(1 + self.chance.below(40)))),
        };
        Reserve {
            key: self.key("hold"),
            account: self.account(currency),
            money: Money::from_minor(minor, currency).unwrap(),
            expires_at,
        }
    }

    /// Mostly one of the newest, which may still be open.
    fn hold(&mut self, model: &Model) -> String {
        let newest = &self.holds[self.holds.len().saturating_sub(30)..];
        if newest.is_empty() || self.chance.percent(2) {
            return "no such hold".to_owned();
        }
        let open: Vec<_> = newest
            .iter()
            .filter(|key| model.holds[*key].state == ledger::HoldState::Open)
            .cloned()
            .collect();
        if open.is_empty() || self.chance.percent(15) {
            return self
                .chance
                .of(&self.holds[self.holds.len().saturating_sub(30)..])
                .clone();
        }
        self.chance.of(&open).clone()
    }

    fn of_hold(&mut self, model: &Model) -> Post {
        let hold = self.hold(model);
        let (mut from, held) = model.holds.get(&hold).map_or(
            (
                self.wallets[0].0,
                Money::from_minor(1, Currency::EUR).unwrap(),
            ),
            |hold| (hold.account, hold.money),
        );
        if self.chance.percent(4) {
            from = self.account(held.currency());
        }
        let most = u64::try_from(held.minor()).unwrap();
        let minor = match self.chance.below(10) {
            0 => held.minor() + 1,
            1..6 => held.minor(),
            _ => 1 + i64::try_from(self.chance.below(most)).unwrap(),
        };
        let whole = Money::from_minor(minor, held.currency()).unwrap();
        let to = self.account(held.currency());
        Post {
            key: self.key("posting"),
            whole,
            legs: vec![(from, whole.reversed()), (to, whole)],
            hold: Some(hold),
            conditions: Vec::new(),
        }
    }

    fn correct(&mut self) -> Ask {
        if self.entries.is_empty() || self.chance.percent(3) {
            let entry = "no such entry".to_owned();
            return Ask::Correct { entry };
        }
        let newest = self.entries.len().saturating_sub(50);
        let entry = self.chance.of(&self.entries[newest..]).clone();
        Ask::Correct { entry }
    }

    fn before(&mut self) -> Ask {
        match self.asked.is_empty() {
            true => Ask::Expire,
            false => {
                // Old ones too, but the newest are where a store could still be undecided.
                let newest = self.asked.len().saturating_sub(40);
                let from = if self.chance.percent(70) { newest } else { 0 };
                self.chance.of(&self.asked[from..]).clone()
            }
        }
    }

    /// The same key with other content, or the other kind of thing under the same key.
    fn altered(&mut self, mut ask: Ask) -> Ask {
        match &mut ask {
            Ask::Post(post) => match self.chance.below(4) {
                0 => {
                    let currency = post.legs.last().unwrap().1.currency();
                    post.legs.last_mut().unwrap().0 = self.account(currency);
                }
                1 => post.legs.truncate(1),
                2 => {
                    for (_, money) in &mut post.legs {
                        *money = Money::from_minor(2 * money.minor(), money.currency()).unwrap();
                    }
                }
                _ => {
                    let (account, money) = post.legs[0];
                    let key = post.key.clone();
                    return Ask::Reserve(Reserve {
                        key,
                        account,
                        money,
                        expires_at: None,
                    });
                }
            },
            Ask::Reserve(reserve) => {
                let minor = reserve.money.minor() + 1;
                reserve.money = Money::from_minor(minor, reserve.money.currency()).unwrap();
            }
            _ => {}
        }
        ask
    }

    fn state(&mut self) -> Ask {
        let to = *self.chance.of(&[
            State::Frozen,
            State::Open,
            State::Open,
            State::Open,
            State::Closed,
        ]);
        let account = self.chance.of(&self.wallets.clone()).0;
        Ask::State { account, to }
    }

    fn terms(&mut self) -> Ask {
        let floor = *self.chance.of(&[
            Some(0),
            Some(0),
            Some(-5_000),
            Some(-50_000),
            Some(300),
            None,
        ]);
        let ceiling = *self.chance.of(&[None, None, Some(50_000), Some(1_000)]);
        let (account, currency) = *self.chance.of(&self.wallets);
        Ask::Terms {
            account,
            currency,
            floor,
            ceiling,
        }
    }
}
