//! Whose account it is, in words: "Alice's wallet" says more than an id. Each account and each
//! person is asked for once a page.

use std::collections::BTreeMap;

use domain::transfer::Endpoint;
use domain::{Tenant, UserId};

use crate::Console;
use crate::answer::Refusal;
use crate::words;

/// What was looked up so far, for one page and one partner.
pub(crate) struct People<'a> {
    console: &'a Console,
    tenant: Tenant,
    names: BTreeMap<UserId, Option<String>>,
    ends: BTreeMap<String, String>,
}

impl<'a> People<'a> {
    pub(crate) const fn of(console: &'a Console, tenant: Tenant) -> Self {
        Self {
            console,
            tenant,
            names: BTreeMap::new(),
            ends: BTreeMap::new(),
        }
    }

    /// None for somebody who was erased.
    pub(crate) async fn name(&mut self, user: UserId) -> Result<Option<String>, Refusal> {
        if let Some(known) = self.names.get(&user) {
            return Ok(known.clone());
        }
        let found = self.console.app.identity.user(&self.tenant, user).await;
        let name = found
            .map_err(|error| Refusal::failed(&error))?
            .and_then(|user| user.name);
        self.names.insert(user, name.clone());
        Ok(name)
    }

    /// One end of a transfer: whose it is and, outside, which of their accounts.
    pub(crate) async fn end(&mut self, end: Endpoint) -> Result<String, Refusal> {
        let id = end.named();
        if let Some(known) = self.ends.get(&id) {
            return Ok(known.clone());
        }
        let (owner, kind) = self.look_up(end).await?;
        let name = match owner {
            Some(owner) => self.name(owner).await?,
            None => None,
        };
        let words = name.map_or_else(|| words::endpoint(end), |name| format!("{name}'s {kind}"));
        self.ends.insert(id, words.clone());
        Ok(words)
    }

    async fn look_up(&self, end: Endpoint) -> Result<(Option<UserId>, String), Refusal> {
        let app = &self.console.app;
        Ok(match end {
            Endpoint::Wallet { account } => {
                let found = ledger::account(&app.db, self.tenant, account).await;
                let found = found.map_err(|error| Refusal::failed(&error))?;
                (found.and_then(|wallet| wallet.user()), "wallet".to_owned())
            }
            Endpoint::BankAccount { account, .. } => {
                let found = app.identity.bank_account(&self.tenant, account).await;
                let found = found.map_err(|error| Refusal::failed(&error))?;
                let last_four = found.as_ref().map_or("", |bank| &bank.last_four);
                let kind = format!("bank account ··{last_four}");
                (found.as_ref().map(|bank| bank.user), kind)
            }
            Endpoint::Card { card, .. } => {
                let found = app.identity.card(&self.tenant, card).await;
                let found = found.map_err(|error| Refusal::failed(&error))?;
                let last_four = found.as_ref().map_or("", |card| &card.last_four);
                let kind = format!("card ··{last_four}");
                (found.as_ref().map(|card| card.user), kind)
            }
            Endpoint::Merchant { merchant, .. } => {
                let found = app.identity.merchant(&self.tenant, merchant).await;
                let found = found.map_err(|error| Refusal::failed(&error))?;
                let name = found.as_ref().and_then(|merchant| merchant.name.as_deref());
                let kind = format!("shop {}", name.unwrap_or_default());
                (found.as_ref().map(|merchant| merchant.user), kind)
            }
            Endpoint::Checkout { .. } => (None, "checkout".to_owned()),
        })
    }
}
