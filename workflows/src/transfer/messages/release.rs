//! Ends a hold.

use super::{Desk, No};

pub(super) fn may(desk: &Desk) -> Result<(), No> {
    if desk.held {
        return Ok(());
    }
    Err(No::new("not_on_hold", "it is not on hold"))
}

pub(super) fn apply(desk: &mut Desk) -> String {
    desk.held = false;
    "it goes on".to_owned()
}
