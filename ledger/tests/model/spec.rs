//! The book as plain maps and plain numbers: what it must answer, written down once more and apart
//! from the code that is tested. No SQL, no batches, no ids of entries; slow and short.

use std::collections::BTreeMap;

use ambient::Timestamp;
use domain::{Currency, HoldId, Money};
use ledger::{AccountRef, HoldState, Refusal, State};

use super::ask::{Ask, Post, Reserve, Said};
use super::keys::{again, fit, hold_differs, same};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) currency: Currency,
    pub(crate) state: State,
    pub(crate) balance: i64,
    pub(crate) held: i64,
    pub(crate) version: i64,
    pub(crate) floor: Option<i64>,
    pub(crate) ceiling: Option<i64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Hold {
    pub(crate) account: AccountRef,
    pub(crate) money: Money,
    pub(crate) state: HoldState,
    expires_at: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub(super) enum Used {
    Entry(Post),
    Hold(Reserve),
    Refused(Ask, Refusal),
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    /// A house account is there once per currency, so the currency is part of the name.
    pub(crate) accounts: BTreeMap<(AccountRef, Currency), Account>,
    pub(crate) holds: BTreeMap<String, Hold>,
    pub(super) keys: BTreeMap<String, Used>,
}

impl Model {
    pub(crate) fn open(&mut self, account: AccountRef, currency: Currency) {
        let floor = (!account.purpose().may_go_below_zero()).then_some(0);
        let opened = Account {
            currency,
            state: State::Open,
            balance: 0,
            held: 0,
            version: 0,
            floor,
            ceiling: None,
        };
        self.accounts.entry((account, currency)).or_insert(opened);
    }

    pub(crate) fn say(&mut self, ask: &Ask, now: Timestamp, id: impl Fn(&str) -> HoldId) -> Said {
        let before = self.accounts.clone();
        let said = match ask {
            Ask::Post(post) => self.post(post, now, &id),
            Ask::Reserve(reserve) => self.reserve(reserve, now, &id),
            Ask::Correct { entry } => self.correct(entry, now, &id),
            Ask::Void { hold } => self.void(hold, now, &id),
            Ask::Expire => Ok(self.expire(now)),
            Ask::State { account, to } => Ok(self.change(*account, *to)),
            Ask::Terms {
                account,
                floor,
                ceiling,
                ..
            } => Ok(self.terms(*account, *floor, *ceiling)),
        };
        said.unwrap_or_else(|refusal| {
            // House accounts that were opened for nothing.
            self.accounts = before;
            let key = match ask {
                Ask::Post(post) => &post.key,
                Ask::Reserve(reserve) => &reserve.key,
                _ => return Said::Refused(refusal),
            };
            // A known key stays what it is.
            let looked_at = is_only_looked_at(ask, &refusal);
            if is_final(&refusal) && !looked_at && !self.keys.contains_key(key) {
                let used = Used::Refused(ask.clone(), refusal.clone());
                self.keys.insert(key.clone(), used);
            }
            Said::Refused(refusal)
        })
    }

    /// The legs the other way and the last first, under a key of its own.
    fn correct(&mut self, entry: &str, now: Timestamp, id: &impl Fn(&str) -> HoldId) -> Answer {
        let Some(Used::Entry(wrong)) = self.keys.get(entry) else {
            return Ok(Said::Kept("unknown"));
        };
        let back = |(account, money): &(AccountRef, Money)| (*account, money.reversed());
        let legs: Vec<_> = wrong.legs.iter().rev().map(back).collect();
        let whole = legs[0].1;
        let back = Post {
            key: format!("correction:{entry}"),
            whole: if whole.is_negative() {
                whole.reversed()
            } else {
                whole
            },
            legs,
            hold: None,
            conditions: Vec::new(),
        };
        self.post(&back, now, id)
    }

    fn reserve(
        &mut self,
        reserve: &Reserve,
        now: Timestamp,
        id: &impl Fn(&str) -> HoldId,
    ) -> Answer {
        fit(&reserve.key)?;
        let asked = Ask::Reserve(reserve.clone());
        match self.keys.get(&reserve.key) {
            Some(Used::Hold(before)) => {
                let answer = same(hold_differs(before, reserve))?;
                if self.holds[&reserve.key].state != HoldState::Posted {
                    self.open_hold(&reserve.key, now, id)?;
                }
                return Ok(answer);
            }
            Some(Used::Entry(_)) => return Err(Refusal::KeyReused { field: "template" }),
            Some(Used::Refused(before, refusal)) => return again(before, &asked, refusal),
            None => {}
        }
        if !reserve.money.is_positive() {
            return Err(Refusal::AmountNotPositive);
        }
        if let Some(at) = reserve.expires_at.filter(|at| *at <= now) {
            return Err(Refusal::ExpiryPast { at });
        }
        let named = (reserve.account, reserve.money.currency());
        if reserve.account.owned().is_none() && !self.accounts.contains_key(&named) {
            // Only an entry opens a house account.
            let account = reserve.account;
            return Err(Refusal::AccountUnknown { account });
        }
        let slot = self.slots([(reserve.account, reserve.money)].into_iter())?[0];
        let account = &self.accounts[&slot];
        match account.state {
            State::Closed => return Err(Refusal::AccountClosed { account: slot.0 }),
            State::Frozen => return Err(Refusal::AccountFrozen { account: slot.0 }),
            State::Open => {}
        }
        let available = account.balance - account.held;
        if account
            .floor
            .is_some_and(|floor| available - reserve.money.minor() < floor)
        {
            return Err(Refusal::InsufficientAvailable {
                account: slot.0,
                available: money(available, slot.1),
            });
        }
        self.accounts.get_mut(&slot).unwrap().held += reserve.money.minor();
        let hold = Hold {
            account: slot.0,
            money: reserve.money,
            state: HoldState::Open,
            expires_at: reserve.expires_at,
        };
        self.holds.insert(reserve.key.clone(), hold);
        self.keys
            .insert(reserve.key.clone(), Used::Hold(reserve.clone()));
        Ok(Said::Done)
    }

    fn void(&mut self, key: &str, now: Timestamp, id: &impl Fn(&str) -> HoldId) -> Answer {
        if self
            .holds
            .get(key)
            .is_some_and(|hold| hold.state == HoldState::Voided)
        {
            return Ok(Said::Replayed);
        }
        self.open_hold(key, now, id)?;
        self.resolve(key, HoldState::Voided);
        Ok(Said::Done)
    }

    fn expire(&mut self, now: Timestamp) -> Said {
        let due: Vec<_> = self
            .holds
            .iter()
            .filter(|(_, hold)| hold.state == HoldState::Open && is_due(hold, now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in &due {
            self.resolve(key, HoldState::Expired);
        }
        Said::Expired(due.len())
    }

    fn change(&mut self, account: AccountRef, to: State) -> Said {
        let Some(found) = self.owned(account) else {
            return Said::Kept("unknown");
        };
        match (found.state, to) {
            (from, to) if from == to => {}
            (State::Closed, _) => return Said::Kept("closed"),
            (_, State::Closed) if found.balance != 0 => return Said::Kept("not empty"),
            (_, State::Closed) if found.held != 0 => return Said::Kept("held"),
            _ => found.state = to,
        }
        Said::Done
    }

    fn terms(&mut self, account: AccountRef, floor: Option<i64>, ceiling: Option<i64>) -> Said {
        let Some(found) = self.owned(account) else {
            return Said::Kept("unknown");
        };
        if (found.floor, found.ceiling) == (floor, ceiling) {
            return Said::Done;
        }
        if found.state == State::Closed {
            return Said::Kept("closed");
        }
        if floor.is_none() && !account.purpose().may_go_below_zero() {
            return Said::Kept("without floor");
        }
        if floor.is_some_and(|floor| found.balance - found.held < floor)
            || ceiling.is_some_and(|ceiling| found.balance > ceiling)
        {
            return Said::Kept("broken already");
        }
        (found.floor, found.ceiling) = (floor, ceiling);
        Said::Done
    }

    fn owned(&mut self, account: AccountRef) -> Option<&mut Account> {
        let mut all = self.accounts.iter_mut();
        all.find(|((known, _), _)| *known == account)
            .map(|(_, found)| found)
    }

    pub(super) fn open_hold(
        &self,
        key: &str,
        now: Timestamp,
        id: &impl Fn(&str) -> HoldId,
    ) -> Result<Hold, Refusal> {
        let Some(hold) = self.holds.get(key) else {
            return Err(Refusal::HoldUnknown { hold: id(key) });
        };
        match hold.state {
            HoldState::Open if is_due(hold, now) => Err(Refusal::HoldExpired { hold: id(key) }),
            HoldState::Open => Ok(hold.clone()),
            HoldState::Expired => Err(Refusal::HoldExpired { hold: id(key) }),
            state => Err(Refusal::HoldResolved {
                hold: id(key),
                state,
            }),
        }
    }

    pub(super) fn resolve(&mut self, key: &str, state: HoldState) {
        let hold = self.holds.get_mut(key).unwrap();
        hold.state = state;
        let slot = (hold.account, hold.money.currency());
        self.accounts.get_mut(&slot).unwrap().held -= hold.money.minor();
    }
}

pub(super) type Answer = Result<Said, Refusal>;
pub(super) type Slot = (AccountRef, Currency);

pub(super) fn money(minor: i64, currency: Currency) -> Money {
    Money::from_minor(minor, currency).unwrap()
}

fn is_due(hold: &Hold, now: Timestamp) -> bool {
    hold.expires_at.is_some_and(|at| at <= now)
}

/// The account at fault is one of a condition's, and none that the entry moves.
fn is_only_looked_at(ask: &Ask, refusal: &Refusal) -> bool {
    match (ask, refusal) {
        (
            Ask::Post(post),
            Refusal::AccountUnknown { account } | Refusal::CurrencyDiffers { account, .. },
        ) => post.legs.iter().all(|(leg, _)| leg != account),
        _ => false,
    }
}

/// A customer's refusal is for good. What was malformed, and what is the house's own fault, may be
/// mended under the same key.
fn is_final(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::AccountUnknown { account }
        | Refusal::CurrencyDiffers { account, .. }
        | Refusal::AccountClosed { account }
        | Refusal::AccountFrozen { account }
        | Refusal::InsufficientAvailable { account, .. }
        | Refusal::AboveCeiling { account, .. }
        | Refusal::BalanceOutOfRange { account } => account.owned().is_some(),
        _ => false,
    }
}
