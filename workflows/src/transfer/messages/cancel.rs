//! Calls it off before the sender's money is taken.

use domain::transfer::Status;

use super::{Desk, No};

pub(super) fn may(desk: &Desk, status: Status) -> Result<(), No> {
    if desk.take_back {
        return Err(No::new("asked_already", "it is being called off already"));
    }
    if let Some(key) = desk.doubt {
        let why = format!(
            "what became of {key} is not known yet; resolve the doubt first, then what was taken \
             can be refunded"
        );
        return Err(No::new("in_doubt", why));
    }
    match status {
        Status::Funded | Status::PayingOut => Err(No::new(
            "collected",
            "the sender's money was collected; ask for a refund",
        )),
        Status::Compensating => Err(No::new(
            "given_back_already",
            "the sender is being given the money back already",
        )),
        _ => match &desk.waiting {
            Some(waiting) if !waiting.may_be_taken_back => Err(No::new(
                "stuck",
                format!("{}; that has to be tried again first", waiting.why),
            )),
            _ => Ok(()),
        },
    }
}

pub(super) fn apply(desk: &mut Desk) -> String {
    desk.take_back = true;
    "it is called off before anything more leaves; should the step under way take the sender's \
     money after all, it is given back"
        .to_owned()
}
