//! Entries, and the only way to make one: a template per business event. No caller invents
//! postings, so every entry balances by construction and says by its name why it is there.
//!
//! | template            | from → to                  | when                                          |
//! |---------------------|----------------------------|-----------------------------------------------|
//! | collect_from_wallet | wallet → pool              | the sender's wallet pays                      |
//! | collect_from_bank   | nostro → pool              | the sender's bank has sent us the money       |
//! | set_aside           | pool → suspense            | a bank is about to be asked to pay out        |
//! | pay_wallet          | pool → wallet              | the receiver is a wallet                      |
//! | settle_payout       | suspense → nostro          | the bank has paid out                         |
//! | release_set_aside   | suspense → pool            | the bank refused to pay out, for good         |
//! | give_back_to_wallet | pool → wallet              | undone: the sender's wallet has it back       |
//! | give_back_to_bank   | pool → nostro              | undone: the sender's bank has it back         |
//! | opening             | nostro → wallet            | sandbox: money to play with                   |

use std::fmt;
use std::str::FromStr;

use domain::rail::RailId;
use domain::{AccountId, EntryId, HoldId, Money, StepKey, Tenant, TransferId};

use crate::chart::UnknownWord;
use crate::{AccountRef, Condition, Place};

macro_rules! templates {
    ($($name:ident = $word:literal;)*) => {
        /// Why an entry is in the book.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Template { $($name,)* }

        impl Template {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

templates! {
    CollectFromWallet = "collect_from_wallet";
    CollectFromBank = "collect_from_bank";
    SetAside = "set_aside";
    PayWallet = "pay_wallet";
    SettlePayout = "settle_payout";
    ReleaseSetAside = "release_set_aside";
    GiveBackToWallet = "give_back_to_wallet";
    GiveBackToBank = "give_back_to_bank";
    Opening = "opening";
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Template {
    type Err = UnknownWord;

    fn from_str(name: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .iter()
            .copied()
            .find(|template| template.name() == name)
            .ok_or(UnknownWord)
    }
}

/// What one account gains (positive) or loses (negative).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    pub account: AccountRef,
    pub money: Money,
}

/// An entry before it is posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub(crate) tenant: Tenant,
    pub(crate) key: String,
    pub(crate) transfer: Option<TransferId>,
    pub(crate) template: Template,
    /// What is moved; the rules want it positive.
    pub(crate) money: Money,
    pub(crate) legs: Vec<Leg>,
    /// The entry that this one takes back, and one that it belongs with.
    pub(crate) corrects: Option<EntryId>,
    pub(crate) linked_to: Option<EntryId>,
    /// The hold that this entry posts: it is released, and the entry takes no more than it held.
    pub(crate) hold: Option<HoldId>,
    /// What must be true in the instant of posting. No part of the content: a repetition of an
    /// entry that was posted is answered whatever has changed since.
    pub(crate) conditions: Vec<Condition>,
}

impl Entry {
    pub fn collect_from_wallet(
        tenant: Tenant,
        key: StepKey,
        wallet: AccountId,
        money: Money,
    ) -> Self {
        let from = AccountRef::Wallet(wallet);
        Self::of_step(
            tenant,
            key,
            Template::CollectFromWallet,
            from,
            AccountRef::Pool(Place::Internal),
            money,
        )
    }

    pub fn collect_from_bank(tenant: Tenant, key: StepKey, rail: RailId, money: Money) -> Self {
        let from = AccountRef::Nostro(rail);
        Self::of_step(
            tenant,
            key,
            Template::CollectFromBank,
            from,
            AccountRef::Pool(Place::Internal),
            money,
        )
    }

    pub fn set_aside(tenant: Tenant, key: StepKey, rail: RailId, money: Money) -> Self {
        let to = AccountRef::Suspense(rail);
        Self::of_step(
            tenant,
            key,
            Template::SetAside,
            AccountRef::Pool(Place::Internal),
            to,
            money,
        )
    }

    pub fn pay_wallet(tenant: Tenant, key: StepKey, wallet: AccountId, money: Money) -> Self {
        let to = AccountRef::Wallet(wallet);
        Self::of_step(
            tenant,
            key,
            Template::PayWallet,
            AccountRef::Pool(Place::Internal),
            to,
            money,
        )
    }

    pub fn settle_payout(tenant: Tenant, key: StepKey, rail: RailId, money: Money) -> Self {
        let (from, to) = (AccountRef::Suspense(rail), AccountRef::Nostro(rail));
        Self::of_step(tenant, key, Template::SettlePayout, from, to, money)
    }

    pub fn release_set_aside(tenant: Tenant, key: StepKey, rail: RailId, money: Money) -> Self {
        let from = AccountRef::Suspense(rail);
        Self::of_step(
            tenant,
            key,
            Template::ReleaseSetAside,
            from,
            AccountRef::Pool(Place::Internal),
            money,
        )
    }

    pub fn give_back_to_wallet(
        tenant: Tenant,
        key: StepKey,
        wallet: AccountId,
        money: Money,
    ) -> Self {
        let to = AccountRef::Wallet(wallet);
        Self::of_step(
            tenant,
            key,
            Template::GiveBackToWallet,
            AccountRef::Pool(Place::Internal),
            to,
            money,
        )
    }

    pub fn give_back_to_bank(tenant: Tenant, key: StepKey, rail: RailId, money: Money) -> Self {
        let to = AccountRef::Nostro(rail);
        Self::of_step(
            tenant,
            key,
            Template::GiveBackToBank,
            AccountRef::Pool(Place::Internal),
            to,
            money,
        )
    }

    /// Belongs to no transfer, so the caller names it: the same key is never paid in twice.
    pub fn opening(
        tenant: Tenant,
        key: &str,
        rail: RailId,
        wallet: AccountId,
        money: Money,
    ) -> Self {
        let (from, to) = (AccountRef::Nostro(rail), AccountRef::Wallet(wallet));
        let key = format!("opening:{key}");
        Self::of_two(tenant, key, None, Template::Opening, from, to, money)
    }

    /// Posts a hold with this entry: fully, or partly, and never twice.
    #[must_use]
    pub fn posting(mut self, hold: HoldId) -> Self {
        self.hold = Some(hold);
        self
    }

    /// Posted only if this is true by then.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    pub const fn template(&self) -> Template {
        self.template
    }

    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }

    fn of_step(
        tenant: Tenant,
        key: StepKey,
        template: Template,
        from: AccountRef,
        to: AccountRef,
        money: Money,
    ) -> Self {
        let transfer = Some(key.transfer);
        Self::of_two(tenant, key.to_string(), transfer, template, from, to, money)
    }

    fn of_two(
        tenant: Tenant,
        key: String,
        transfer: Option<TransferId>,
        template: Template,
        from: AccountRef,
        to: AccountRef,
        money: Money,
    ) -> Self {
        Self {
            tenant,
            key,
            transfer,
            template,
            money,
            legs: vec![
                Leg {
                    account: from,
                    money: money.reversed(),
                },
                Leg { account: to, money },
            ],
            corrects: None,
            linked_to: None,
            hold: None,
            conditions: Vec::new(),
        }
    }
}
