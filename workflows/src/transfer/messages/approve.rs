//! A review ended well: the transfer goes on.

use super::{Desk, No};

pub(super) fn may(desk: &Desk) -> Result<(), No> {
    if desk.in_review && desk.reviewed.is_none() {
        return Ok(());
    }
    Err(No::new("not_in_review", "the transfer is not in review"))
}

pub(super) fn apply(desk: &mut Desk) -> String {
    desk.reviewed = Some(true);
    "the transfer goes on".to_owned()
}
