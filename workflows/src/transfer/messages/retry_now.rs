//! Goes on with the step that waits, or asks the bank about a doubt at once.

use super::{Desk, No};

pub(super) fn may(desk: &Desk) -> Result<(), No> {
    if desk.waiting.is_some() || desk.doubt.is_some() {
        return Ok(());
    }
    Err(No::new(
        "nothing_waits",
        "nothing waits to be tried again; it goes on by itself",
    ))
}

pub(super) fn apply(desk: &mut Desk) -> String {
    desk.asked_again += 1;
    match desk.doubt {
        Some(key) => format!("the bank is asked about {key} at once"),
        None => {
            desk.by_action = true;
            "it is tried again at once".to_owned()
        }
    }
}
