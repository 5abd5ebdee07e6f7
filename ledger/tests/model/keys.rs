//! One key, one content: what a repetition is told, and which field of another content is named.

use domain::Money;
use ledger::{AccountRef, Refusal};

use super::ask::{Ask, Post, Reserve, Said};

pub(super) fn fit(key: &str) -> Result<(), Refusal> {
    match key.len() {
        1..=200 => Ok(()),
        _ => Err(Refusal::KeyUnfit),
    }
}

pub(super) fn same(differs: Option<&'static str>) -> Result<Said, Refusal> {
    match differs {
        Some(field) => Err(Refusal::KeyReused { field }),
        None => Ok(Said::Replayed),
    }
}

/// Refused once, refused for ever; but only the very same.
pub(super) fn again(before: &Ask, now: &Ask, refusal: &Refusal) -> Result<Said, Refusal> {
    let differs = match (before, now) {
        (Ask::Post(before), Ask::Post(now)) => differs(before, now),
        (Ask::Reserve(before), Ask::Reserve(now)) => hold_differs(before, now),
        _ => Some("template"),
    };
    match differs {
        Some(field) => Err(Refusal::KeyReused { field }),
        None => Err(refusal.clone()),
    }
}

pub(super) fn differs(before: &Post, now: &Post) -> Option<&'static str> {
    if before.legs.len() != now.legs.len() {
        return Some("legs");
    }
    before
        .legs
        .iter()
        .zip(&now.legs)
        .find_map(|(before, now)| leg_differs(*before, *now))
        .or((before.hold != now.hold).then_some("hold"))
}

pub(super) fn hold_differs(before: &Reserve, now: &Reserve) -> Option<&'static str> {
    // Until when is no part of it: who asks again counts from a new now.
    leg_differs((before.account, before.money), (now.account, now.money))
}

fn leg_differs(before: (AccountRef, Money), now: (AccountRef, Money)) -> Option<&'static str> {
    if before.1.currency() != now.1.currency() {
        Some("currency")
    } else if before.1 != now.1 {
        Some("amount")
    } else {
        (before.0 != now.0).then_some("account")
    }
}
