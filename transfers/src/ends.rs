//! The two ends of a transfer: found in the tenant's scope, and fit to be used or not.

use domain::transfer::Endpoint;
use domain::{AccountId, BankAccountId, Currency, Tenant, UserId};
use identity::BankAccountState;
use ledger::{AccountRef, State};

use crate::error::{AcceptError, FieldError, StoreError};
use crate::{EndpointRef, NewTransfer, Transfers};

pub(crate) struct End {
    pub(crate) endpoint: Endpoint,
    pub(crate) owner: UserId,
    currency: Currency,
    open: bool,
}

impl Transfers {
    /// Finds one end and says what is wrong with it. None where it cannot be used.
    pub(crate) async fn end(
        &self,
        tenant: &Tenant,
        pointer: &str,
        end: EndpointRef,
        new: &NewTransfer,
        wrong: &mut Vec<FieldError>,
    ) -> Result<Option<End>, AcceptError> {
        let found = match end {
            EndpointRef::Wallet(id) => self.wallet(tenant, id).await?,
            EndpointRef::BankAccount(id) => self.bank_account(tenant, id).await?,
        };
        let currency = new.money.currency();
        let before = wrong.len();
        match &found {
            None => wrong.push(complaint(pointer, "unknown", "is no account here")),
            Some(end) if !end.open => {
                wrong.push(complaint(pointer, "closed", "is not open"));
            }
            Some(end) if end.currency != currency => {
                let detail = format!("is kept in {}, not in {currency}", end.currency);
                wrong.push(complaint(pointer, "currency_differs", detail));
            }
            Some(_) => {}
        }
        Ok(found.filter(|_| wrong.len() == before))
    }

    async fn wallet(&self, tenant: &Tenant, id: AccountId) -> Result<Option<End>, AcceptError> {
        let account = ledger::account(&self.db, *tenant, id).await?;
        // House accounts are ours alone: nobody outside may even learn that they exist.
        let wallet = account.filter(|found| matches!(found.reference, AccountRef::Wallet(_)));
        Ok(wallet.and_then(|wallet| {
            Some(End {
                endpoint: Endpoint::Wallet { account: id },
                owner: wallet.user()?,
                currency: wallet.currency(),
                open: matches!(wallet.state, State::Open),
            })
        }))
    }

    async fn bank_account(
        &self,
        tenant: &Tenant,
        id: BankAccountId,
    ) -> Result<Option<End>, AcceptError> {
        let found = self.identity.bank_account(tenant, id).await;
        Ok(found.map_err(StoreError::from)?.map(|bank| End {
            endpoint: Endpoint::BankAccount {
                account: id,
                rail: bank.rail,
            },
            owner: bank.user,
            currency: bank.currency,
            open: matches!(bank.state, BankAccountState::Open),
        }))
    }
}

pub(crate) fn complaint(
    pointer: &str,
    code: &'static str,
    detail: impl Into<String>,
) -> FieldError {
    FieldError {
        pointer: pointer.to_owned(),
        code,
        detail: detail.into(),
    }
}
