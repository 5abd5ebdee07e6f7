//! An entry before it is posted. Outside this room only the templates make one: no caller invents
//! postings, so every entry balances by construction and says by its name why it is there.

use ambient::Timestamp;
use domain::{EntryId, HoldId, Money, Tenant, TransferId};

use crate::{AccountRef, Condition, Template};

/// What one account gains (positive) or loses (negative).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    pub account: AccountRef,
    pub money: Money,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub(crate) tenant: Tenant,
    pub(crate) key: String,
    pub(crate) transfer: Option<TransferId>,
    pub(crate) template: Template,
    /// What is moved; the rules want it positive.
    pub(crate) money: Money,
    pub(crate) legs: Vec<Leg>,
    /// The entry that this one takes back, exactly and at most once.
    pub(crate) corrects: Option<EntryId>,
    /// An earlier entry that this one belongs to.
    pub(crate) linked_to: Option<EntryId>,
    /// It stands in for that earlier entry, which must have been taken back.
    pub(crate) replaces: bool,
    /// The hold that this entry posts: it is released, and the entry takes no more than it held.
    pub(crate) hold: Option<HoldId>,
    /// What must be true in the instant of posting. No part of the content: a repetition of an
    /// entry that was posted is answered whatever has changed since.
    pub(crate) conditions: Vec<Condition>,
    /// From then on it is refused: the quote behind it has expired.
    pub(crate) good_until: Option<Timestamp>,
}

impl Entry {
    pub(crate) const fn new(
        tenant: Tenant,
        key: String,
        transfer: Option<TransferId>,
        template: Template,
        money: Money,
        legs: Vec<Leg>,
    ) -> Self {
        Self {
            tenant,
            key,
            transfer,
            template,
            money,
            legs,
            corrects: None,
            linked_to: None,
            replaces: false,
            hold: None,
            conditions: Vec::new(),
            good_until: None,
        }
    }

    /// Belongs to an earlier entry: a return to its payout, a chargeback to its collection.
    #[must_use]
    pub const fn following(mut self, entry: EntryId) -> Self {
        self.linked_to = Some(entry);
        self
    }

    /// Stands in for an entry that was corrected, linked to it and under a key of its own: so the
    /// same template can be posted for the same step again, and only once again.
    #[must_use]
    pub fn replacing(mut self, corrected: EntryId) -> Self {
        self.key = format!("replacement:{corrected}");
        self.replaces = true;
        self.following(corrected)
    }

    /// Posts a hold with this entry: fully, or partly, and never twice.
    #[must_use]
    pub const fn posting(mut self, hold: HoldId) -> Self {
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

    pub const fn tenant(&self) -> Tenant {
        self.tenant
    }

    pub const fn transfer(&self) -> Option<TransferId> {
        self.transfer
    }

    pub const fn template(&self) -> Template {
        self.template
    }

    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }
}
