//! Stops it before the next instruction that leaves us. What has left is not called back by it.

use super::{Desk, No};

pub(super) fn may(desk: &Desk) -> Result<(), No> {
    if desk.held {
        return Err(No::new("on_hold", "it is on hold already"));
    }
    Ok(())
}

pub(super) fn apply(desk: &mut Desk) -> String {
    desk.held = true;
    "nothing more leaves until it is released; what is under way at a bank comes to its end"
        .to_owned()
}
