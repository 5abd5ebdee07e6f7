//! What a hold lets an entry take.

use super::changes::Changes;
use crate::{Hold, Refusal};

/// The entry takes from the account of its hold, and no more than was held.
pub(super) fn covers(hold: &Hold, changes: &Changes<'_>) -> Result<(), Refusal> {
    let taken = changes
        .iter()
        .find(|(account, change)| account.id == hold.account && *change < 0);
    let Some((_, change)) = taken else {
        return Err(Refusal::HoldElsewhere { hold: hold.id });
    };
    if -change > i128::from(hold.money.minor()) {
        return Err(Refusal::HoldTooSmall {
            hold: hold.id,
            held: hold.money,
        });
    }
    Ok(())
}
