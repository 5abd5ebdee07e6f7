//! Posting, rule after rule: each looks at everything before the next looks at anything.

use std::collections::BTreeMap;

use ambient::Timestamp;
use domain::{Currency, HoldId, Money};
use ledger::{AccountRef, Condition, HoldState, Refusal, State};

use super::ask::{Ask, Post, Said};
use super::keys::{again, differs, fit, same};
use super::spec::{Account, Answer, Model, Slot, Used, money};

/// The largest amount that every reader can hold.
const MOST: i64 = (1 << 53) - 1;

impl Model {
    pub(super) fn post(
        &mut self,
        post: &Post,
        now: Timestamp,
        id: &impl Fn(&str) -> HoldId,
    ) -> Answer {
        fit(&post.key)?;
        let asked = Ask::Post(post.clone());
        match self.keys.get(&post.key) {
            Some(Used::Entry(before)) => return same(differs(before, post)),
            Some(Used::Hold(_)) => return Err(Refusal::KeyReused { field: "template" }),
            Some(Used::Refused(before, refusal)) => return again(before, &asked, refusal),
            None => {}
        }
        let hold = match &post.hold {
            Some(key) => Some((key, self.open_hold(key, now, id)?)),
            None => None,
        };
        if !(2..=10_000).contains(&post.legs.len()) {
            return Err(Refusal::LegsOutOfBounds {
                legs: post.legs.len(),
            });
        }
        if !post.whole.is_positive() {
            return Err(Refusal::AmountNotPositive);
        }
        if post.legs.iter().any(|(_, money)| money.is_zero()) {
            return Err(Refusal::AmountZero);
        }
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        for (_, money) in &post.legs {
            *sums.entry(money.currency()).or_default() += i128::from(money.minor());
        }
        if let Some((currency, _)) = sums.into_iter().find(|(_, sum)| *sum != 0) {
            return Err(Refusal::Unbalanced { currency });
        }
        let slots = self.slots(post.legs.iter().map(|(account, money)| (*account, *money)))?;
        let states: Vec<_> = slots.iter().map(|slot| self.accounts[slot].state).collect();
        for ((account, _), state) in slots.iter().zip(&states) {
            if *state == State::Closed {
                return Err(Refusal::AccountClosed { account: *account });
            }
        }
        for (((account, _), state), (_, money)) in slots.iter().zip(&states).zip(&post.legs) {
            if *state == State::Frozen && money.is_negative() {
                return Err(Refusal::AccountFrozen { account: *account });
            }
        }
        let mut net: Vec<(Slot, i128)> = Vec::new();
        for (slot, (_, money)) in slots.iter().zip(&post.legs) {
            match net.iter_mut().find(|(known, _)| known == slot) {
                Some((_, sum)) => *sum += i128::from(money.minor()),
                None => net.push((*slot, i128::from(money.minor()))),
            }
        }
        let mut freed: Option<(Slot, i64)> = None;
        if let Some((key, held)) = &hold {
            let slot = (held.account, held.money.currency());
            let id = id(key);
            match net.iter().find(|(known, sum)| *known == slot && *sum < 0) {
                None => return Err(Refusal::HoldElsewhere { hold: id }),
                Some((_, sum)) if -sum > i128::from(held.money.minor()) => {
                    return Err(Refusal::HoldTooSmall {
                        hold: id,
                        held: held.money,
                    });
                }
                Some(_) => freed = Some((slot, held.money.minor())),
            }
        }
        self.conditions(&post.conditions)?;
        for (slot, sum) in &net {
            let account = &self.accounts[slot];
            let freed = freed
                .filter(|(known, _)| known == slot)
                .map_or(0, |(_, held)| held);
            let available = account.balance - account.held + freed;
            if let Some(floor) = account.floor
                && *sum < 0
                && i128::from(available) + sum < i128::from(floor)
            {
                return Err(Refusal::InsufficientAvailable {
                    account: slot.0,
                    available: money(available, slot.1),
                });
            }
        }
        for (slot, sum) in &net {
            let account = &self.accounts[slot];
            if let Some(ceiling) = account.ceiling
                && *sum > 0
                && i128::from(account.balance) + sum > i128::from(ceiling)
            {
                return Err(Refusal::AboveCeiling {
                    account: slot.0,
                    ceiling: money(ceiling, slot.1),
                });
            }
        }
        for (slot, sum) in &net {
            if (i128::from(self.accounts[slot].balance) + sum).abs() > i128::from(MOST) {
                return Err(Refusal::BalanceOutOfRange { account: slot.0 });
            }
        }
        for (slot, (_, money)) in slots.iter().zip(&post.legs) {
            let account = self.accounts.get_mut(slot).unwrap();
            account.balance += money.minor();
            account.version += 1;
        }
        if let Some((key, _)) = hold {
            self.resolve(&key.clone(), HoldState::Posted);
        }
        self.keys
            .insert(post.key.clone(), Used::Entry(post.clone()));
        Ok(Said::Done)
    }

    /// The accounts that are meant, house accounts opened; first all that are unknown, then all in
    /// another currency.
    pub(super) fn slots(
        &mut self,
        named: impl Iterator<Item = (AccountRef, Money)>,
    ) -> Result<Vec<Slot>, Refusal> {
        let named: Vec<_> = named.collect();
        for (account, money) in &named {
            if account.owned().is_none() {
                self.open(*account, money.currency());
            } else if !self.accounts.keys().any(|(known, _)| known == account) {
                return Err(Refusal::AccountUnknown { account: *account });
            }
        }
        for (account, money) in &named {
            let given = money.currency();
            if !self.accounts.contains_key(&(*account, given)) {
                let mut all = self.accounts.keys();
                let has = all.find(|(known, _)| known == account).unwrap().1;
                return Err(Refusal::CurrencyDiffers {
                    account: *account,
                    has,
                    given,
                });
            }
        }
        Ok(named
            .iter()
            .map(|(account, money)| (*account, money.currency()))
            .collect())
    }

    fn conditions(&self, conditions: &[Condition]) -> Result<(), Refusal> {
        for condition in conditions {
            if let Condition::VersionIs(account, currency, expected) = *condition {
                let is = self.accounts[&(account, currency)].version;
                if is != expected {
                    return Err(Refusal::VersionStale {
                        account,
                        expected,
                        is,
                    });
                }
            }
        }
        for condition in conditions {
            let (account, currency) = (condition.account(), condition.currency());
            let Account { balance, held, .. } = self.accounts[&(account, currency)];
            match condition {
                Condition::BalanceAtLeast(_, least) if balance < least.minor() => {
                    return Err(Refusal::BalanceBelow {
                        account,
                        balance: money(balance, currency),
                    });
                }
                Condition::AvailableAtLeast(_, least) if balance - held < least.minor() => {
                    let available = money(balance - held, currency);
                    return Err(Refusal::AvailableBelow { account, available });
                }
                _ => {}
            }
        }
        Ok(())
    }
}
