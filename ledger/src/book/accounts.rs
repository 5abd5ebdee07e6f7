//! Changing what an account may do: its state, and its terms. Each change leaves a record.

use std::sync::Arc;

use domain::{AccountId, Money, Tenant};

use super::undo::Undo;
use super::{Book, Slot};
use crate::{Account, ChangeError, State};

/// The least that must stay available and the most that may be held; `None`: no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub floor: Option<Money>,
    pub ceiling: Option<Money>,
}

/// A change that is not written.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    pub(crate) tenant: Tenant,
    pub(crate) account: AccountId,
    pub(crate) state: State,
    pub(crate) terms: Terms,
    pub(crate) reason: String,
}

impl Book {
    pub(crate) fn change_state(
        &mut self,
        tenant: Tenant,
        id: AccountId,
        to: State,
        reason: &str,
    ) -> Result<Account, ChangeError> {
        let account = self.account(tenant, id).ok_or(ChangeError::Unknown)?;
        match (account.state, to) {
            (from, to) if from == to => return Ok(account.as_ref().clone()),
            (State::Closed, _) => return Err(ChangeError::Closed),
            (_, State::Closed) if !account.balance.is_zero() => {
                return Err(ChangeError::NotEmpty(account.balance));
            }
            // Only with an overdraft may something be held where nothing is.
            (_, State::Closed) if !account.held.is_zero() => {
                return Err(ChangeError::Held(account.held));
            }
            _ => {}
        }
        self.changed(tenant, id, reason, |account| account.state = to)
    }

    pub(crate) fn change_terms(
        &mut self,
        tenant: Tenant,
        id: AccountId,
        terms: Terms,
        reason: &str,
    ) -> Result<Account, ChangeError> {
        let account = self.account(tenant, id).ok_or(ChangeError::Unknown)?;
        if (account.floor, account.ceiling) == (terms.floor, terms.ceiling) {
            return Ok(account.as_ref().clone());
        }
        if account.state == State::Closed {
            return Err(ChangeError::Closed);
        }
        let purpose = account.reference.purpose();
        if terms.floor.is_none() && !purpose.may_go_below_zero() {
            return Err(ChangeError::WithoutFloor(purpose));
        }
        let currency = account.currency();
        let strange = |limit: &Money| limit.currency() != currency;
        if let Some(limit) = terms
            .floor
            .iter()
            .chain(&terms.ceiling)
            .find(|limit| strange(limit))
        {
            return Err(ChangeError::TermsInAnotherCurrency(limit.currency()));
        }
        let (available, balance) = (account.available(), account.balance);
        if terms
            .floor
            .is_some_and(|floor| floor.minor() > available.minor())
        {
            return Err(ChangeError::BelowFloor(available));
        }
        if terms
            .ceiling
            .is_some_and(|ceiling| ceiling.minor() < balance.minor())
        {
            return Err(ChangeError::AboveCeiling(balance));
        }
        self.changed(tenant, id, reason, |account| {
            account.floor = terms.floor;
            account.ceiling = terms.ceiling;
        })
    }

    fn changed(
        &mut self,
        tenant: Tenant,
        id: AccountId,
        reason: &str,
        change: impl FnOnce(&mut Account),
    ) -> Result<Account, ChangeError> {
        let slot = self.accounts.get(&(tenant, id)).and_then(Option::as_ref);
        let mut slot: Slot = slot.ok_or(ChangeError::Unknown)?.clone();
        let account = Arc::make_mut(&mut slot.account);
        change(account);
        let account = account.clone();
        self.changes.push(Changed {
            tenant,
            account: id,
            state: account.state,
            terms: Terms {
                floor: account.floor,
                ceiling: account.ceiling,
            },
            reason: reason.to_owned(),
        });
        self.journal.push(Undo::Changed);
        self.set_account((tenant, id), Some(slot));
        self.effects = true;
        Ok(account)
    }
}
