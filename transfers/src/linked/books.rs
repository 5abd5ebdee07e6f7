//! What each turn of a linked movement means for the money: the ledger entries that justify it, and
//! the transfer's money facts.
//!
//! | kind       | turn       | sender            | entry               |
//! |------------|------------|-------------------|---------------------|
//! | refund     | begun      | over a rail       | set_aside_refund    |
//! | refund     | given back | over a rail       | settle_refund       |
//! | refund     | given back | a wallet          | refund              |
//! | refund     | refused    | over a rail       | release_refund      |
//! | return     | begun      | any               | payout_returned     |
//! | return     | given back | as the source     | give_back_to_…      |
//! | chargeback | begun      | a card            | chargeback          |
//! | chargeback | won        | a card            | chargeback_won      |
//! | chargeback | lost       | who was paid      | chargeback_charged  |
//! | chargeback | lost       | nobody to charge  | chargeback_lost     |
//!
//! Every key is derived from the linked movement's id, so each entry is posted once.

use domain::linked::{Kind, State, Turn};
use domain::transfer::{Endpoint, MoneyFacts, Order, Till};
use domain::{Money, Step, StepKey};
use ledger::{Entry, Event, Holder, Place};

use super::Linked;

/// `from` is the state before: what was never set aside is never released.
pub(super) fn entry(
    order: &Order,
    pool: Place,
    linked: &Linked,
    from: State,
    turn: &Turn,
) -> Option<Entry> {
    let name = linked.id.to_string();
    let event = Event {
        tenant: order.tenant,
        transfer: order.transfer,
        name: &name,
    };
    let money = linked.money;
    let (came, went) = (order.source.rail(), order.destination.rail());
    let payer = linked.payer.map(holder);
    Some(match (linked.kind(), turn) {
        (Kind::Refund, Turn::Begun) => Entry::set_aside_refund(event, payer?, came?, money),
        (Kind::Refund, Turn::GivenBack { .. }) => match order.source {
            Endpoint::Wallet { account } => {
                Entry::refund(event, payer?, Holder::Wallet(account), money)
            }
            _ => Entry::settle_refund(event, came?, money),
        },
        (Kind::Refund, Turn::Refused { .. }) if matches!(from, State::Pending) => {
            Entry::release_refund(event, payer?, came?, money)
        }
        (Kind::Return, Turn::Begun) => Entry::payout_returned(event, went?, pool, money),
        (Kind::Return, Turn::GivenBack { .. }) => return given_back(order, pool, linked),
        (Kind::Chargeback, Turn::Begun) => Entry::chargeback(event, came?, money),
        (Kind::Chargeback, Turn::Won) => Entry::chargeback_won(event, came?, money),
        (Kind::Chargeback, Turn::Charged) => Entry::chargeback_charged(event, payer?, money),
        (Kind::Chargeback, Turn::Borne) => Entry::chargeback_lost(event, money),
        _ => return None,
    })
}

fn given_back(order: &Order, pool: Place, linked: &Linked) -> Option<Entry> {
    let (tenant, money) = (order.tenant, linked.money);
    let key = StepKey {
        linked: Some(linked.id),
        ..StepKey::undo(order.transfer, Step::Fund)
    };
    Some(match order.source {
        Endpoint::Wallet { account } => {
            Entry::give_back_to_wallet(tenant, key, pool, account, money)
        }
        Endpoint::BankAccount { rail, .. } => {
            Entry::give_back_to_bank(tenant, key, pool, rail, money)
        }
        Endpoint::Card { rail, .. } => Entry::give_back_to_card(tenant, key, pool, rail, money),
        Endpoint::Checkout { rail } => Entry::give_back_to_checkout(tenant, key, pool, rail, money),
        Endpoint::Merchant { .. } => return None,
    })
}

const fn holder(till: Till) -> Holder {
    match till {
        Till::Wallet { account } => Holder::Wallet(account),
        Till::Float { account } => Holder::Float(account),
    }
}

/// The facts after it, in the sender's currency. Always: debited = held + credited + refunded.
///
/// What came back in another currency than was sent has no amount in the facts until a person has
/// decided about it, and neither has what the receiver did not have any more.
pub(super) fn facts(before: MoneyFacts, linked: &Linked, turn: &Turn) -> MoneyFacts {
    let moved = |from: Money, to: Money| {
        let less = from.checked_sub(linked.money).ok()?;
        let more = to.checked_add(linked.money).ok()?;
        (!less.is_negative()).then_some((less, more))
    };
    match (linked.kind(), turn) {
        (Kind::Refund, Turn::GivenBack { .. }) | (Kind::Chargeback, Turn::Charged) => {
            moved(before.credited, before.refunded).map(|(credited, refunded)| MoneyFacts {
                credited,
                refunded,
                ..before
            })
        }
        (Kind::Return, Turn::Begun) => {
            moved(before.credited, before.held).map(|(credited, held)| MoneyFacts {
                credited,
                held,
                ..before
            })
        }
        (Kind::Return, Turn::GivenBack { .. }) => {
            moved(before.held, before.refunded).map(|(held, refunded)| MoneyFacts {
                held,
                refunded,
                ..before
            })
        }
        _ => None,
    }
    .unwrap_or(before)
}
