//! Gives back what was collected, instead of paying it out.

use domain::transfer::Status;

use super::{Desk, No};

pub(super) fn may(desk: &Desk, status: Status) -> Result<(), No> {
    if desk.take_back {
        return Err(No::new("asked_already", "it is being given back already"));
    }
    if let Some(key) = desk.doubt {
        let why = format!(
            "what became of {key} is not known yet; what may have been paid is never given back: \
             resolve the doubt first"
        );
        return Err(No::new("in_doubt", why));
    }
    match status {
        Status::Funded | Status::PayingOut => match &desk.waiting {
            Some(waiting) if !waiting.may_be_taken_back => Err(No::new(
                "stuck",
                format!("{}; that has to be tried again first", waiting.why),
            )),
            _ => Ok(()),
        },
        Status::Compensating => Err(No::new(
            "given_back_already",
            "the sender is being given the money back already",
        )),
        _ => Err(No::new(
            "not_collected",
            "nothing was collected from the sender yet; cancel it instead",
        )),
    }
}

pub(super) fn apply(desk: &mut Desk) -> String {
    desk.take_back = true;
    "the sender is given the money back before anything more leaves for the receiver; should the \
     payout under way prove to be executed, the transfer completes instead"
        .to_owned()
}
