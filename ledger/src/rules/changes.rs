//! What an entry does to each account in all, and whether the account's terms allow it.

use std::collections::BTreeMap;

use domain::AccountId;

use super::{Legs, add};
use crate::{Account, Hold, Refusal};

/// What each account gains or loses in all, in the order of its first leg, in minor units. Wider than
/// an amount: whether the sum is in range is asked last, when it is known that it may be moved at all.
pub(super) type Changes<'a> = Vec<(&'a Account, i128)>;

pub(super) fn net<'a>(legs: &Legs<'a>) -> Changes<'a> {
    let mut places: BTreeMap<AccountId, usize> = BTreeMap::new();
    let mut changes: Changes<'a> = Vec::with_capacity(legs.len());
    for (account, money) in legs {
        let minor = i128::from(money.minor());
        match places.get(&account.id) {
            Some(place) => changes[*place].1 += minor,
            None => {
                places.insert(account.id, changes.len());
                changes.push((account, minor));
            }
        }
    }
    changes
}

pub(super) fn enough(changes: &Changes<'_>, hold: Option<&Hold>) -> Result<(), Refusal> {
    for (account, change) in changes {
        let Some(floor) = account.floor.filter(|_| *change < 0) else {
            continue;
        };
        let available = match hold.filter(|hold| hold.account == account.id) {
            // What was held for this very entry is free for it.
            Some(hold) => add(account, account.available(), hold.money)?,
            None => account.available(),
        };
        if i128::from(available.minor()) + change < i128::from(floor.minor()) {
            return Err(Refusal::InsufficientAvailable {
                account: account.reference,
                available,
            });
        }
    }
    Ok(())
}

pub(super) fn not_too_much(changes: &Changes<'_>) -> Result<(), Refusal> {
    for (account, change) in changes {
        let ceiling = account.ceiling.filter(|_| *change > 0);
        if let Some(ceiling) = ceiling
            && i128::from(account.balance.minor()) + change > i128::from(ceiling.minor())
        {
            return Err(Refusal::AboveCeiling {
                account: account.reference,
                ceiling,
            });
        }
    }
    Ok(())
}
