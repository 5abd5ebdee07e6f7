//! What a hold lets an entry take.

use domain::Money;

use crate::{Account, Hold, Refusal};

/// The entry takes from the account of its hold, and no more than was held.
pub(super) fn covers(hold: &Hold, changes: &[(&Account, Money)]) -> Result<(), Refusal> {
    let taken = changes
        .iter()
        .find(|(account, change)| account.id == hold.account && change.is_negative());
    let Some((_, change)) = taken else {
        return Err(Refusal::HoldElsewhere { hold: hold.id });
    };
    if -change.minor() > hold.money.minor() {
        return Err(Refusal::HoldTooSmall {
            hold: hold.id,
            held: hold.money,
        });
    }
    Ok(())
}
