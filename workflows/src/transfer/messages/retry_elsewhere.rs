//! The step that waits goes to another account of the same receiver, under a new key: the old one
//! is dead, and a key means one instruction.

use domain::{ActionId, BankAccountId};

use super::{Desk, No};
use crate::activities::Elsewhere;

pub(super) fn may(desk: &Desk) -> Result<(), No> {
    if let Some(key) = desk.doubt {
        let why = format!(
            "what became of {key} is not known yet; what may have been paid is not paid again: \
             resolve the doubt first"
        );
        return Err(No::new("in_doubt", why));
    }
    match &desk.waiting {
        Some(waiting) if waiting.may_go_elsewhere => Ok(()),
        Some(waiting) => Err(No::new(
            "only_there",
            format!("{}; that can only be tried again as it is", waiting.why),
        )),
        None => Err(No::new(
            "nothing_waits",
            "no step waits that could go elsewhere",
        )),
    }
}

pub(super) fn apply(desk: &mut Desk, action: ActionId, account: BankAccountId) -> String {
    desk.elsewhere = Some(Elsewhere { action, account });
    desk.by_action = true;
    desk.asked_again += 1;
    "it is sent to the other account, under a new reference".to_owned()
}
