//! The posting rules: pure, asked before anything is written, once the accounts are locked.
//!
//! Every rule looks at all legs before the next rule looks at any, so the answer to a bad entry
//! does not depend on the order of its legs. [`Refusal`] lists them in their order.

mod changes;
mod expected;
mod held;

use std::collections::BTreeMap;

use ambient::Timestamp;
use domain::{AccountId, Currency, Money};

use changes::{enough, net, not_too_much};

use crate::{Account, AccountRef, Entry, Hold, Refusal, Reserve, State};

/// One leg as it will stand in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Booked {
    pub account: AccountId,
    pub money: Money,
    /// The account's version and balance once this leg is in it.
    pub version: i64,
    pub balance: Money,
}

/// Longer keys would only fill indexes; every derived key is far below.
pub const LONGEST_KEY: usize = 200;

/// One entry is one row lock per account and is hashed as a whole.
pub const MOST_LEGS: usize = 10_000;

pub fn key_fits(key: &str) -> Result<(), Refusal> {
    // PostgreSQL takes no NUL in a text.
    if key.is_empty() || key.len() > LONGEST_KEY || key.contains('\0') {
        return Err(Refusal::KeyUnfit);
    }
    Ok(())
}

/// A quote is honoured until it expires. Asked after the key: what was posted in time stays posted.
pub fn in_time(entry: &Entry, now: Timestamp) -> Result<(), Refusal> {
    match entry.good_until {
        Some(at) if at <= now => Err(Refusal::QuoteExpired { at }),
        _ => Ok(()),
    }
}

/// What can be said of an entry without looking at the book.
pub fn well_formed(entry: &Entry) -> Result<(), Refusal> {
    let legs = entry.legs.len();
    if !(2..=MOST_LEGS).contains(&legs) {
        return Err(Refusal::LegsOutOfBounds { legs });
    }
    if !entry.money.is_positive() {
        return Err(Refusal::AmountNotPositive);
    }
    if entry.legs.iter().any(|leg| leg.money.is_zero()) {
        return Err(Refusal::AmountZero);
    }
    balanced(entry)
}

/// What a well-formed entry does to the accounts that are found for it, or the first rule that it
/// breaks.
pub fn plan<'a>(
    entry: &Entry,
    find: impl Fn(AccountRef, Currency) -> Option<&'a Account>,
    hold: Option<&Hold>,
) -> Result<Vec<Booked>, Refusal> {
    let legs = known(entry, &find)?;
    let named = expected::named(entry, &find)?;
    in_its_currency(&legs)?;
    open(&legs)?;
    let changes = net(&legs);
    if let Some(hold) = hold {
        held::covers(hold, &changes)?;
    }
    expected::hold_still(&named)?;
    enough(&changes, hold)?;
    not_too_much(&changes)?;
    booked(&legs)
}

/// The account that a hold may be made on.
pub fn holdable<'a>(
    reserve: &Reserve,
    account: Option<&'a Account>,
) -> Result<&'a Account, Refusal> {
    let unknown = Refusal::AccountUnknown {
        account: reserve.account,
    };
    let account = account.ok_or(unknown)?;
    // It is to leave one day, so the same is asked as if it left now.
    let legs = vec![(account, reserve.money.reversed())];
    in_its_currency(&legs)?;
    open(&legs)?;
    enough(&net(&legs), None)?;
    add(account, account.held, reserve.money)?;
    Ok(account)
}

type Legs<'a> = Vec<(&'a Account, Money)>;

fn balanced(entry: &Entry) -> Result<(), Refusal> {
    // Wider than an amount, so that no number of legs can overflow the sum.
    let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
    for leg in &entry.legs {
        *sums.entry(leg.money.currency()).or_default() += i128::from(leg.money.minor());
    }
    match sums.into_iter().find(|(_, sum)| *sum != 0) {
        Some((currency, _)) => Err(Refusal::Unbalanced { currency }),
        None => Ok(()),
    }
}

fn known<'a>(
    entry: &Entry,
    find: &impl Fn(AccountRef, Currency) -> Option<&'a Account>,
) -> Result<Legs<'a>, Refusal> {
    let found = entry.legs.iter().map(|leg| {
        let account = leg.account;
        find(account, leg.money.currency())
            .map(|found| (found, leg.money))
            .ok_or(Refusal::AccountUnknown { account })
    });
    found.collect()
}

fn in_its_currency(legs: &Legs<'_>) -> Result<(), Refusal> {
    let strange = legs
        .iter()
        .find(|(account, money)| account.currency() != money.currency());
    match strange {
        Some((account, money)) => Err(Refusal::CurrencyDiffers {
            account: account.reference,
            has: account.currency(),
            given: money.currency(),
        }),
        None => Ok(()),
    }
}

fn open(legs: &Legs<'_>) -> Result<(), Refusal> {
    let closed = legs
        .iter()
        .find(|(account, _)| account.state == State::Closed);
    if let Some((account, _)) = closed {
        return Err(Refusal::AccountClosed {
            account: account.reference,
        });
    }
    let frozen = legs
        .iter()
        .find(|(account, money)| account.state == State::Frozen && money.is_negative());
    match frozen {
        Some((account, _)) => Err(Refusal::AccountFrozen {
            account: account.reference,
        }),
        None => Ok(()),
    }
}

fn booked(legs: &Legs<'_>) -> Result<Vec<Booked>, Refusal> {
    let mut standing: BTreeMap<AccountId, (i64, Money)> = BTreeMap::new();
    let booked = legs.iter().map(|(account, money)| {
        let now = standing
            .entry(account.id)
            .or_insert((account.version, account.balance));
        *now = (now.0 + 1, add(account, now.1, *money)?);
        Ok(Booked {
            account: account.id,
            money: *money,
            version: now.0,
            balance: now.1,
        })
    });
    booked.collect()
}

fn add(account: &Account, sum: Money, money: Money) -> Result<Money, Refusal> {
    sum.checked_add(money)
        .map_err(|_| Refusal::BalanceOutOfRange {
            account: account.reference,
        })
}

#[cfg(test)]
mod tests {
    use domain::rail::RailId;
    use domain::{Mode, PartnerId, Tenant};

    use super::*;
    use crate::{Leg, Template};

    const ALICE: AccountRef = AccountRef::Wallet(AccountId::from_bits(1));
    const BOB: AccountRef = AccountRef::Wallet(AccountId::from_bits(2));
    const NOSTRO: AccountRef = AccountRef::Nostro(RailId::SandboxBank);

    fn eur(minor: i64) -> Money {
        Money::from_minor(minor, Currency::EUR).unwrap()
    }

    /// Entries that no template makes, for the rules that templates keep by construction.
    fn entry(legs: &[(AccountRef, Money)]) -> Entry {
        Entry {
            tenant: Tenant {
                partner: PartnerId::from_bits(1),
                mode: Mode::Sandbox,
            },
            key: "key".to_owned(),
            transfer: None,
            template: Template::Opening,
            money: eur(1),
            legs: legs
                .iter()
                .map(|&(account, money)| Leg { account, money })
                .collect(),
            corrects: None,
            linked_to: None,
            replaces: false,
            hold: None,
            conditions: Vec::new(),
            good_until: None,
        }
    }

    fn account(bits: u128, reference: AccountRef, minor: i64) -> Account {
        Account {
            id: AccountId::from_bits(bits),
            reference,
            owner: None,
            period: String::new(),
            state: State::Open,
            balance: eur(minor),
            held: eur(0),
            version: 7,
            floor: reference.purpose().floor().map(eur),
            ceiling: None,
            opened_at: Timestamp::from_micros(0),
            moved_at: Timestamp::from_micros(0),
        }
    }

    fn accounts() -> Vec<Account> {
        vec![
            account(1, ALICE, 100),
            account(2, BOB, 0),
            account(3, NOSTRO, -100),
        ]
    }

    #[test]
    fn each_currency_must_sum_to_zero_by_itself() {
        let usd = Money::from_minor(-1, Currency::USD).unwrap();
        for (legs, currency) in [
            (vec![(ALICE, eur(-2)), (BOB, eur(1))], Currency::EUR),
            (vec![(ALICE, eur(1)), (BOB, usd)], Currency::EUR),
            (
                vec![(ALICE, eur(-1)), (BOB, eur(1)), (NOSTRO, usd)],
                Currency::USD,
            ),
        ] {
            assert_eq!(
                well_formed(&entry(&legs)),
                Err(Refusal::Unbalanced { currency })
            );
        }
    }

    fn planned(entry: &Entry, accounts: &[Account]) -> Result<Vec<Booked>, Refusal> {
        let find = |wanted, _| accounts.iter().find(|account| account.reference == wanted);
        plan(entry, find, None)
    }

    #[test]
    fn a_key_is_neither_empty_nor_a_novel() {
        assert_eq!(key_fits("k"), Ok(()));
        for length in [0, LONGEST_KEY + 1, 10_000] {
            assert_eq!(key_fits(&"k".repeat(length)), Err(Refusal::KeyUnfit));
        }
        assert_eq!(key_fits("k\0k"), Err(Refusal::KeyUnfit));
    }

    #[test]
    fn an_entry_has_two_legs_or_more_and_none_of_zero() {
        for legs in [0, 1, MOST_LEGS + 1] {
            let entry = entry(&vec![(ALICE, eur(0)); legs]);
            assert_eq!(well_formed(&entry), Err(Refusal::LegsOutOfBounds { legs }));
        }
        let entry = entry(&[(ALICE, eur(-1)), (BOB, eur(1)), (NOSTRO, eur(0))]);
        assert_eq!(well_formed(&entry), Err(Refusal::AmountZero));
    }

    #[test]
    fn what_an_account_gains_in_the_same_entry_may_be_spent_in_it() {
        let legs = [
            (BOB, eur(-30)),
            (ALICE, eur(-60)),
            (BOB, eur(50)),
            (NOSTRO, eur(40)),
        ];
        let booked = planned(&entry(&legs), &accounts()).unwrap();
        let shown: Vec<_> = booked
            .iter()
            .map(|leg| (leg.account.bits(), leg.version, leg.balance.minor()))
            .collect();
        assert_eq!(shown, [(2, 8, -30), (1, 8, 40), (2, 9, 20), (3, 8, -60)]);
    }

    #[test]
    fn all_legs_of_an_account_count_together() {
        let legs = [(ALICE, eur(-60)), (ALICE, eur(-60)), (BOB, eur(120))];
        assert_eq!(
            planned(&entry(&legs), &accounts()),
            Err(Refusal::InsufficientAvailable {
                account: ALICE,
                available: eur(100)
            })
        );
    }

    /// Legs that only together are more than an amount can be.
    #[test]
    fn whether_it_may_be_moved_is_asked_before_whether_it_can_be() {
        let most = domain::LARGEST_AMOUNT;
        let legs = [
            (ALICE, eur(-most)),
            (ALICE, eur(-most)),
            (NOSTRO, eur(most)),
            (NOSTRO, eur(most)),
        ];
        let mut accounts = accounts();
        let short = Refusal::InsufficientAvailable {
            account: ALICE,
            available: eur(100),
        };
        assert_eq!(planned(&entry(&legs), &accounts), Err(short));
        accounts[0].floor = None;
        let beyond = Refusal::BalanceOutOfRange { account: ALICE };
        assert_eq!(planned(&entry(&legs), &accounts), Err(beyond));
    }

    #[test]
    fn the_order_of_the_legs_does_not_change_the_answer() {
        let mut accounts = accounts();
        accounts[1].state = State::Frozen;
        // Alice is short and Bob is frozen: the state is looked at before what is available.
        let mut legs = [(ALICE, eur(-500)), (BOB, eur(-500)), (NOSTRO, eur(1_000))];
        for _ in 0..legs.len() {
            legs.rotate_left(1);
            assert_eq!(
                planned(&entry(&legs), &accounts),
                Err(Refusal::AccountFrozen { account: BOB })
            );
        }
    }
}
