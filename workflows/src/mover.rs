//! What the parts that workflows share need of a run: steps at a rail, doubts, waiting for a person.

use domain::LinkedId;
use domain::transfer::Order;

use crate::transfer::Standing;
use crate::transfer::desk::Desk;

/// A run that moves money over rails: a transfer, or what follows a completed one.
pub(crate) trait Mover: 'static {
    /// The transfer that it is, or that it belongs to.
    fn order(&self) -> Order;

    /// What is linked to the transfer; none where it is the transfer itself.
    fn linked(&self) -> Option<LinkedId>;

    fn desk(&self) -> &Desk;

    fn desk_mut(&mut self) -> &mut Desk;

    /// Where it stands, as its messages see it.
    fn at(&self) -> &Standing;

    fn at_mut(&mut self) -> &mut Standing;
}
