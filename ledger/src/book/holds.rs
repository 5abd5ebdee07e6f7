//! Holds: made, posted, voided, expired. Each is resolved once.

use std::sync::Arc;

use ambient::Mint;
use domain::{AccountId, EntryId, HoldId, Money, Tenant, TransferId};

use super::{Book, Content, HoldSlot, Known, unfetched};
use crate::{Hold, HoldState, PostError, Purpose, Refusal, Reserve, Reserved, rules};

impl Book {
    /// Open ones of a transfer that no table has yet.
    pub(crate) fn new_limit_holds(&self, tenant: Tenant, transfer: TransferId) -> Vec<HoldId> {
        let new = self.changed_holds().filter(|(of, slot)| {
            let hold = &slot.hold;
            *of == tenant
                && slot.is_new
                && hold.state == HoldState::Open
                && hold.transfer == Some(transfer)
        });
        let on_a_limit = new.filter(|(_, slot)| {
            let account = self.account(tenant, slot.hold.account);
            account.is_some_and(|it| it.reference.purpose() == Purpose::Limit)
        });
        on_a_limit.map(|(_, slot)| slot.hold.id).collect()
    }

    pub(crate) fn reserve(
        &mut self,
        mint: &Mint,
        reserve: &Reserve,
    ) -> Result<Reserved, PostError> {
        rules::key_fits(&reserve.key)?;
        let content = Content::of_hold(reserve);
        if let Some(reserved) = self.replay_hold(reserve, &content)? {
            return Ok(reserved);
        }
        let answer = self.attempt_hold(mint, reserve, &content);
        match &answer {
            Ok(_) => self.effects = true,
            Err(PostError::Refused(refusal)) if refusal.is_remembered() => {
                self.remember(reserve.tenant, &reserve.key, content, refusal);
            }
            Err(_) => {}
        }
        answer
    }

    fn replay_hold(
        &self,
        reserve: &Reserve,
        content: &Content,
    ) -> Result<Option<Reserved>, PostError> {
        let same = |before: &Content| match before.differs(content) {
            Some(field) => Err(Refusal::KeyReused { field }),
            None => Ok(()),
        };
        match self.key(reserve.tenant, &reserve.key)? {
            Known::Fresh => Ok(None),
            Known::Entry(..) | Known::Written(..) | Known::Staged(_) => {
                Err(Refusal::KeyReused { field: "template" }.into())
            }
            Known::Hold(hold, before) => {
                same(before)?;
                // Nothing is held by it any more, unless an entry has taken it.
                if self.known_hold(reserve.tenant, *hold)?.state != HoldState::Posted {
                    self.open_hold(reserve.tenant, *hold)?;
                }
                Ok(Some(Reserved {
                    hold: *hold,
                    replayed: true,
                }))
            }
            Known::Refused(before, refusal) => {
                same(before)?;
                Err(refusal.clone().into())
            }
        }
    }

    fn attempt_hold(
        &mut self,
        mint: &Mint,
        reserve: &Reserve,
        content: &Content,
    ) -> Result<Reserved, PostError> {
        let tenant = reserve.tenant;
        if !reserve.money.is_positive() {
            return Err(Refusal::AmountNotPositive.into());
        }
        if let Some(at) = reserve.expires_at.filter(|at| *at <= self.now) {
            return Err(Refusal::ExpiryPast { at }.into());
        }
        let account = self.meant(tenant, reserve.account, reserve.money.currency());
        let account = rules::holdable(reserve, account.map(Arc::as_ref))?.id;
        let id = HoldId::from_bits(mint.next()?);
        self.set_held(tenant, account, reserve.money)?;
        let hold = Hold {
            id,
            key: reserve.key.clone(),
            account,
            money: reserve.money,
            posted: Money::zero(reserve.money.currency()),
            state: HoldState::Open,
            transfer: reserve.transfer,
            entry: None,
            opened_at: self.now,
            expires_at: reserve.expires_at,
            resolved_at: None,
        };
        self.touched_holds.insert((tenant, id));
        let slot = HoldSlot {
            hold: Arc::new(hold),
            is_new: true,
            resolved: false,
        };
        self.set_hold((tenant, id), Some(slot));
        let known = Known::Hold(id, Arc::new(content.clone()));
        self.set_key(tenant, &reserve.key, known);
        Ok(Reserved {
            hold: id,
            replayed: false,
        })
    }

    /// A hold that may still be resolved by its owner.
    pub(super) fn open_hold(&self, tenant: Tenant, id: HoldId) -> Result<Arc<Hold>, PostError> {
        let hold = self.known_hold(tenant, id)?;
        match hold.state {
            HoldState::Open if hold.is_due(self.now) => {
                Err(Refusal::HoldExpired { hold: id }.into())
            }
            HoldState::Open => Ok(hold),
            HoldState::Expired => Err(Refusal::HoldExpired { hold: id }.into()),
            state => Err(Refusal::HoldResolved { hold: id, state }.into()),
        }
    }

    fn known_hold(&self, tenant: Tenant, id: HoldId) -> Result<Arc<Hold>, PostError> {
        let slot = self.holds.get(&(tenant, id));
        let found = slot.ok_or_else(|| unfetched("hold"))?.as_ref();
        let slot = found.ok_or(Refusal::HoldUnknown { hold: id })?;
        Ok(Arc::clone(&slot.hold))
    }

    /// All of it is free again, and what the entry takes is taken by its legs.
    pub(super) fn posted_hold(
        &mut self,
        tenant: Tenant,
        hold: &Arc<Hold>,
        entry: EntryId,
        taken: i64,
    ) -> Result<(), PostError> {
        let taken = Money::from_minor(taken, hold.money.currency())
            .map_err(|_| unfetched("what the entry takes of its hold"))?;
        self.resolve(tenant, hold, HoldState::Posted, Some((entry, taken)))
    }

    /// `true`: it was voided before.
    pub(crate) fn void(&mut self, tenant: Tenant, id: HoldId) -> Result<bool, PostError> {
        if self.known_hold(tenant, id)?.state == HoldState::Voided {
            return Ok(true);
        }
        let hold = self.open_hold(tenant, id)?;
        self.resolve(tenant, &hold, HoldState::Voided, None)?;
        self.effects = true;
        Ok(false)
    }

    /// `true`: its time was over, and now it is resolved.
    pub(crate) fn expire(&mut self, tenant: Tenant, id: HoldId) -> Result<bool, PostError> {
        let hold = self.known_hold(tenant, id)?;
        if hold.state != HoldState::Open || !hold.is_due(self.now) {
            return Ok(false);
        }
        self.resolve(tenant, &hold, HoldState::Expired, None)?;
        self.effects = true;
        Ok(true)
    }

    fn resolve(
        &mut self,
        tenant: Tenant,
        hold: &Arc<Hold>,
        state: HoldState,
        posted: Option<(EntryId, Money)>,
    ) -> Result<(), PostError> {
        self.set_held(tenant, hold.account, hold.money.reversed())?;
        let slot = self.holds.get(&(tenant, hold.id)).and_then(Option::as_ref);
        let mut slot = slot.ok_or_else(|| unfetched("hold"))?.clone();
        let changed = Arc::make_mut(&mut slot.hold);
        changed.state = state;
        changed.resolved_at = Some(self.now);
        if let Some((entry, taken)) = posted {
            changed.entry = Some(entry);
            changed.posted = taken;
        }
        slot.resolved = true;
        self.touched_holds.insert((tenant, hold.id));
        self.set_hold((tenant, hold.id), Some(slot));
        Ok(())
    }

    fn set_held(&mut self, tenant: Tenant, id: AccountId, more: Money) -> Result<(), PostError> {
        let mut slot = self.slot(tenant, id)?.clone();
        let reference = slot.account.reference;
        let changed = Arc::make_mut(&mut slot.account);
        let out_of_range = |_| Refusal::BalanceOutOfRange { account: reference };
        changed.held = changed.held.checked_add(more).map_err(out_of_range)?;
        slot.moved = true;
        self.touched.insert((tenant, id));
        self.set_account((tenant, id), Some(slot));
        Ok(())
    }
}
