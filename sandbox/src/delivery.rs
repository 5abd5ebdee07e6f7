//! What leaves the bank for one request: the answer, or what comes instead of it.
//!
//! Decided below HTTP, so that a simulation without sockets sees the same bad days.

use crate::misbehaviour::Misbehaviour;
use crate::movement::Movement;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    Answer(Box<Movement>),
    /// The same, after a while.
    SlowAnswer(Box<Movement>),
    /// The reference belongs to another order.
    ReferenceReused,
    /// No such reference (or not yet visible).
    NotFound,
    /// Nothing, until the client gives up.
    Silence,
    /// The connection ends without an answer.
    Cut,
    ServerError,
    /// A body that is no JSON.
    Garbage,
    /// "Not now, ask again"; nothing was booked.
    Throttled,
    /// The whole bank is out of order.
    Outage,
}

/// How a fault delivers an answer that has its movement, or none because nothing was booked.
pub(crate) fn of(fault: Option<Misbehaviour>, movement: Option<Movement>) -> Delivery {
    use Misbehaviour as M;
    match (fault, movement.map(Box::new)) {
        (Some(M::TimeoutExecuted | M::TimeoutNotExecuted | M::HiddenThenFound), _) => {
            Delivery::Silence
        }
        (Some(M::ErrorExecuted | M::ErrorNotExecuted), _) => Delivery::ServerError,
        (Some(M::CutExecuted | M::CutNotExecuted), _) => Delivery::Cut,
        (Some(M::GarbageExecuted), _) => Delivery::Garbage,
        (Some(M::Throttled), _) => Delivery::Throttled,
        (_, None) => Delivery::NotFound,
        (Some(M::SlowExecuted), Some(movement)) => Delivery::SlowAnswer(movement),
        (None | Some(M::LateSuccess | M::UnlistedRejection), Some(movement)) => {
            Delivery::Answer(movement)
        }
    }
}
