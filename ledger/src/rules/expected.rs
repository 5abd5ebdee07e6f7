//! What the caller of an entry expects of the book: versions and balances that it has read.

use domain::Currency;

use crate::{Account, AccountRef, Condition, Entry, Refusal};

/// The accounts that the conditions name, each in its own currency.
pub(super) fn named<'a, 'e>(
    entry: &'e Entry,
    find: &impl Fn(AccountRef, Currency) -> Option<&'a Account>,
) -> Result<Vec<(&'a Account, &'e Condition)>, Refusal> {
    let found = entry.conditions.iter().map(|condition| {
        let (account, given) = (condition.account(), condition.currency());
        let found = find(account, given).ok_or(Refusal::AccountUnknown { account })?;
        let has = found.currency();
        if has == given {
            Ok((found, condition))
        } else {
            Err(Refusal::CurrencyDiffers {
                account,
                has,
                given,
            })
        }
    });
    found.collect()
}

/// What the caller has read still holds. Versions of all come before balances of any.
pub(super) fn hold_still(named: &[(&Account, &Condition)]) -> Result<(), Refusal> {
    for (account, condition) in named {
        if let Condition::VersionIs(reference, _, expected) = **condition
            && account.version != expected
        {
            return Err(Refusal::VersionStale {
                account: reference,
                expected,
                is: account.version,
            });
        }
    }
    for (found, condition) in named {
        match **condition {
            Condition::BalanceAtLeast(account, least) if found.balance.minor() < least.minor() => {
                let balance = found.balance;
                return Err(Refusal::BalanceBelow { account, balance });
            }
            Condition::AvailableAtLeast(account, least)
                if found.available().minor() < least.minor() =>
            {
                let available = found.available();
                return Err(Refusal::AvailableBelow { account, available });
            }
            _ => {}
        }
    }
    Ok(())
}
