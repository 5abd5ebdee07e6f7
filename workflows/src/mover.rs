//! What the parts that workflows share need of a run: steps at a rail, doubts, waiting for a person.

use domain::transfer::Order;
use domain::{ActionKind, LinkedId};

use crate::transfer::desk::Desk;
use crate::transfer::{Refused, Standing, messages};

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

    /// Where it stands, with what it waits for and what may be said to it.
    fn shown(&self) -> Standing {
        Standing {
            waiting: self.desk().waiting_for(),
            possible: self.desk().possible(self.at().status),
            ..self.at().clone()
        }
    }

    /// Whether such a message is taken now.
    fn may(&self, kind: ActionKind) -> Result<(), Refused> {
        let answer = self.desk().may(kind, self.at().status);
        answer.map_err(|no| messages::failure(&no))
    }
}
