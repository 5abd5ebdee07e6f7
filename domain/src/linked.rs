//! What follows a completed transfer: a refund, a payout that came back, a chargeback. Each is a
//! movement of its own, linked to the transfer, whose status it never changes.

mod id;
mod state;
mod turn;

use serde::{Deserialize, Serialize};

pub use id::{InvalidLinkedId, Kind, LinkedId};
pub use state::{NotNow, State};
pub use turn::Turn;

use crate::Money;
use crate::transfer::Order;

/// The input of a linked movement's workflow. Ids and an amount only: it lies in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub id: LinkedId,
    /// The transfer, as it was accepted.
    pub order: Order,
    /// How much of it.
    pub money: Money,
}
