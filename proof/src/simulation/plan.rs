//! What a seed says: which transfers there are, and what their calls to banks meet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use domain::rail::RailId;
use domain::{Step, TransferId};
use sandbox::Misbehaviour as Bad;
use transfers::EndpointRef;

use super::dice::Dice;
use crate::world::{Call, Luck, Person, Script, Town, What};

/// The worst share of calls that go wrong, in a thousand.
const WORST: u64 = 300;

/// What the bank may do to an order. Each is as likely as the others. An answer with another
/// movement's bank reference is not among them (see `docs/proof.md`).
const ORDERS: &[Luck] = &[
    Luck::Bad(Bad::TimeoutExecuted),
    Luck::Bad(Bad::TimeoutNotExecuted),
    Luck::Bad(Bad::ErrorExecuted),
    Luck::Bad(Bad::ErrorNotExecuted),
    Luck::Bad(Bad::GarbageExecuted),
    Luck::Bad(Bad::SlowExecuted),
    Luck::Bad(Bad::Throttled),
    Luck::Bad(Bad::CutExecuted),
    Luck::Bad(Bad::CutNotExecuted),
    Luck::Bad(Bad::LateSuccess),
    Luck::Bad(Bad::HiddenThenFound),
    Luck::Bad(Bad::ReturnedLater),
    Luck::Bad(Bad::GiantExecuted),
    Luck::Bad(Bad::TrickleExecuted),
    Luck::Bad(Bad::AnsweredTwice),
    Luck::Bad(Bad::OtherAmount),
    Luck::Bad(Bad::OtherCurrency),
    Luck::Bad(Bad::EarlierAnswer),
    Luck::Unreachable,
    Luck::Refused,
];

/// And to a question.
const QUESTIONS: &[Luck] = &[
    Luck::Bad(Bad::TimeoutExecuted),
    Luck::Bad(Bad::ErrorExecuted),
    Luck::Bad(Bad::GarbageExecuted),
    Luck::Bad(Bad::SlowExecuted),
    Luck::Bad(Bad::Throttled),
    Luck::Bad(Bad::CutExecuted),
    Luck::Bad(Bad::TrickleExecuted),
    Luck::Bad(Bad::AnsweredTwice),
    Luck::Bad(Bad::OtherAmount),
    Luck::Bad(Bad::OtherCurrency),
    Luck::Bad(Bad::EarlierAnswer),
    Luck::Unreachable,
];

/// A transfer as somebody will ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    pub minor: i64,
    pub source: EndpointRef,
    pub destination: EndpointRef,
    /// The client repeats the request, and sends another one under the same key.
    pub repeated: bool,
}

#[derive(Debug)]
pub struct Plan {
    seed: u64,
    numbers: RwLock<HashMap<TransferId, u32>>,
    calls: AtomicU64,
    mishaps: AtomicU64,
}

impl Plan {
    pub fn of(seed: u64) -> Self {
        Self {
            seed,
            numbers: RwLock::default(),
            calls: AtomicU64::new(0),
            mishaps: AtomicU64::new(0),
        }
    }

    /// What the transfer of this number is.
    pub fn wish(&self, number: u32, town: &Town) -> Option<Wish> {
        let mut dice = Dice::of(&[self.seed, number.into(), 1]);
        let pick = |dice: &mut Dice| {
            let many = u64::try_from(town.people.len()).ok()?;
            town.people.get(usize::try_from(dice.below(many)).ok()?)
        };
        let (giver, taker) = (pick(&mut dice)?, pick(&mut dice)?);
        let rail = if dice.below(100) < 4 {
            RailId::Iso20022
        } else {
            RailId::SandboxBank
        };
        let from_bank = dice.below(100) < 55;
        let to_bank = dice.below(100) < 50;
        let source = match from_bank {
            true => EndpointRef::BankAccount(giving(giver, rail, &mut dice)?),
            false => EndpointRef::Wallet(giver.wallet),
        };
        let mut destination = match to_bank {
            true => EndpointRef::BankAccount(taking(taker, rail, &mut dice)?),
            false => EndpointRef::Wallet(taker.wallet),
        };
        // All closed accounts have one number: from one to another is from one to itself.
        let closed = |it| matches!(it, EndpointRef::BankAccount(id) if is_closed(id, rail, town));
        if destination == source || (closed(source) && closed(destination)) {
            let place = town.people.iter().position(|it| it.user == giver.user)?;
            let next = town.people.get((place + 1) % town.people.len())?;
            destination = EndpointRef::Wallet(next.wallet);
        }
        let euros = i64::try_from(dice.below(300)).ok()?;
        // The last two digits of some amounts choose a misbehaviour by themselves: none of these.
        let cents = i64::try_from(20 + dice.below(40)).ok()?;
        Some(Wish {
            minor: 100 * euros + cents,
            source,
            destination,
            repeated: dice.below(100) < 3,
        })
    }

    /// From now on calls about this transfer are those of this number.
    pub fn accepted(&self, transfer: TransferId, number: u32) {
        let mut numbers = self.numbers.write().unwrap_or_else(PoisonError::into_inner);
        numbers.insert(transfer, number);
    }

    pub fn calls(&self) -> (u64, u64) {
        (
            self.calls.load(Ordering::Relaxed),
            self.mishaps.load(Ordering::Relaxed),
        )
    }

    /// What the seed has for this call of this number.
    pub fn luck_of(&self, number: u32, call: Call) -> Luck {
        let share = Dice::of(&[self.seed, number.into(), 2]).below(WORST + 1);
        let what = match call.what {
            What::Order => 10,
            What::Inquiry => 20,
        };
        let step = match call.key.step {
            Step::Collect => 1,
            Step::Fund => 2,
            Step::PayOut => 3,
            Step::Settle => 4,
            Step::Screen => 5,
            Step::Convert => 6,
        };
        let undo = u64::from(call.key.undo);
        let mut dice = Dice::of(&[self.seed, number.into(), what + step, undo, call.nth.into()]);
        if dice.below(1_000) >= share {
            return Luck::Fair;
        }
        let of = match call.what {
            What::Order => ORDERS,
            What::Inquiry => QUESTIONS,
        };
        dice.one_of(of).unwrap_or(Luck::Fair)
    }
}

impl Script for Plan {
    fn luck(&self, call: Call) -> Luck {
        let numbers = self.numbers.read().unwrap_or_else(PoisonError::into_inner);
        let number = numbers.get(&call.key.transfer).copied();
        drop(numbers);
        let luck = number.map_or(Luck::Fair, |number| self.luck_of(number, call));
        self.calls.fetch_add(1, Ordering::Relaxed);
        if luck != Luck::Fair {
            self.mishaps.fetch_add(1, Ordering::Relaxed);
        }
        luck
    }
}

fn giving(who: &Person, rail: RailId, dice: &mut Dice) -> Option<domain::BankAccountId> {
    match dice.below(100) {
        0..4 => who.empty.get(&rail).copied(),
        4..6 => who.closed.get(&rail).copied(),
        _ => who.good.get(&rail).copied(),
    }
}

fn is_closed(account: domain::BankAccountId, rail: RailId, town: &Town) -> bool {
    let mut people = town.people.iter();
    people.any(|it| it.closed.get(&rail) == Some(&account))
}

fn taking(who: &Person, rail: RailId, dice: &mut Dice) -> Option<domain::BankAccountId> {
    match dice.below(100) {
        0..8 => who.closed.get(&rail).copied(),
        _ => who.good.get(&rail).copied(),
    }
}
