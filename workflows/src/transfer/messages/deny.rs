//! A review ended the transfer before anything moved.

use super::{Desk, No, approve};

pub(super) fn may(desk: &Desk) -> Result<(), No> {
    approve::may(desk)
}

pub(super) fn apply(desk: &mut Desk) -> String {
    desk.reviewed = Some(false);
    "the transfer ends as failed; nothing was taken from the sender".to_owned()
}
