//! A person found out what the bank does not answer. The books have settled the attempts by that
//! word before this is applied, so what counts here is what they say then: a bank that answered
//! meanwhile has the last word.

use domain::StepKey;

use super::{Desk, No};
use crate::activities::Settled;

pub(super) fn may(desk: &Desk) -> Result<(), No> {
    match (desk.doubt, &desk.told) {
        (Some(_), None) => Ok(()),
        _ => Err(No::new("not_in_doubt", "no step is in doubt")),
    }
}

/// An action is about one step: it says nothing about another that is in doubt by now.
pub(super) fn fits(desk: &Desk, key: StepKey) -> Result<(), No> {
    match desk.doubt {
        Some(doubt) if doubt == key => Ok(()),
        Some(doubt) => Err(No::new(
            "another_step",
            format!("the action is about {key}, and {doubt} is in doubt"),
        )),
        None => may(desk),
    }
}

pub(super) fn apply(desk: &mut Desk, settled: Option<Settled>) -> String {
    let next = match &settled {
        Some(Settled::Executed { .. }) => "it counts as executed, and the transfer goes on",
        Some(Settled::Refused { .. }) => {
            "it counts as refused for good; what was done before it is undone"
        }
        None => "nothing was settled",
    };
    desk.told = settled;
    next.to_owned()
}
