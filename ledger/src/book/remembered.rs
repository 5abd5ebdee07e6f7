//! Refusals that are kept: failed for good stays failed, in the same words.

use std::sync::Arc;

use domain::{Currency, Money, Tenant};

use super::{Book, Content, Known, StagedRefusal, undo::Undo};
use crate::chart::UnknownWord;
use crate::{AccountRef, Refusal};

impl Refusal {
    /// A customer's refusal is final under its key. What was malformed, and what is our fault, may
    /// be mended, so the key stays free.
    pub(crate) const fn is_remembered(&self) -> bool {
        self.decline().is_some() && !matches!(self, Self::AmountNotPositive)
    }
}

impl Book {
    pub(super) fn remember(
        &mut self,
        tenant: Tenant,
        key: &str,
        content: Content,
        refusal: &Refusal,
    ) {
        let content = Arc::new(content);
        let known = Known::Refused(content.clone(), refusal.clone());
        self.set_key(tenant, key, known);
        let stays = !self.effects;
        self.refusals.push(StagedRefusal {
            tenant,
            key: key.to_owned(),
            content,
            refusal: refusal.clone(),
            stays,
        });
        // What the job itself did may be the cause: then the refusal goes with it.
        if !stays {
            self.journal.push(Undo::Refusal);
        }
    }
}

pub(crate) fn write_refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::AccountUnknown { account } => format!("account_unknown - - {account}"),
        Refusal::CurrencyDiffers {
            account,
            has,
            given,
        } => format!("currency_differs {has} {given} {account}"),
        Refusal::AccountClosed { account } => format!("account_closed - - {account}"),
        Refusal::AccountFrozen { account } => format!("account_frozen - - {account}"),
        Refusal::InsufficientAvailable { account, available } => format!(
            "insufficient_available {} {} {account}",
            available.minor(),
            available.currency()
        ),
        Refusal::AboveCeiling { account, ceiling } => format!(
            "above_ceiling {} {} {account}",
            ceiling.minor(),
            ceiling.currency()
        ),
        Refusal::BalanceOutOfRange { account } => format!("balance_out_of_range - - {account}"),
        // Not remembered, so never written; a word that is not read back would be noticed.
        other => other.to_string(),
    }
}

pub(crate) fn read_refusal(text: &str) -> Result<Refusal, UnknownWord> {
    let mut words = text.splitn(4, ' ');
    let mut word = || words.next().ok_or(UnknownWord);
    let (kind, one, two) = (word()?, word()?, word()?);
    let account: AccountRef = word()?.parse()?;
    let currency = |text: &str| text.parse::<Currency>().map_err(|_| UnknownWord);
    let money = || {
        let minor = one.parse().map_err(|_| UnknownWord)?;
        Money::from_minor(minor, currency(two)?).map_err(|_| UnknownWord)
    };
    Ok(match kind {
        "account_unknown" => Refusal::AccountUnknown { account },
        "currency_differs" => Refusal::CurrencyDiffers {
            account,
            has: currency(one)?,
            given: currency(two)?,
        },
        "account_closed" => Refusal::AccountClosed { account },
        "account_frozen" => Refusal::AccountFrozen { account },
        "insufficient_available" => Refusal::InsufficientAvailable {
            account,
            available: money()?,
        },
        "above_ceiling" => Refusal::AboveCeiling {
            account,
            ceiling: money()?,
        },
        "balance_out_of_range" => Refusal::BalanceOutOfRange { account },
        _ => return Err(UnknownWord),
    })
}

#[cfg(test)]
mod tests {
    use domain::AccountId;

    use super::*;

    #[test]
    fn every_refusal_that_is_remembered_is_read_back() {
        let account = AccountRef::Wallet(AccountId::from_bits(1));
        let money = Money::from_minor(-7, Currency::EUR).unwrap();
        for refusal in [
            Refusal::AccountUnknown { account },
            Refusal::CurrencyDiffers {
                account,
                has: Currency::EUR,
                given: Currency::JPY,
            },
            Refusal::AccountClosed { account },
            Refusal::AccountFrozen { account },
            Refusal::InsufficientAvailable {
                account,
                available: money,
            },
            Refusal::AboveCeiling {
                account,
                ceiling: money,
            },
            Refusal::BalanceOutOfRange { account },
        ] {
            assert!(refusal.is_remembered());
            assert_eq!(read_refusal(&write_refusal(&refusal)), Ok(refusal));
        }
    }
}
