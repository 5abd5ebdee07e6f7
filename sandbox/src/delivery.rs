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
    /// The same, in a body of many megabytes.
    Giant(Box<Movement>),
    /// The same, a byte at a time.
    Trickle(Box<Movement>),
    /// The same, twice in one body.
    Twice(Box<Movement>),
    /// The reference belongs to another order.
    ReferenceReused,
    /// Decided already, so it cannot be canceled any more.
    TooLate,
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
/// `earlier` is the movement before it, for answers that get mixed up.
pub(crate) fn of(
    fault: Option<Misbehaviour>,
    movement: Option<Movement>,
    earlier: Option<Movement>,
) -> Delivery {
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
        (Some(M::GiantExecuted), Some(movement)) => Delivery::Giant(movement),
        (Some(M::TrickleExecuted), Some(movement)) => Delivery::Trickle(movement),
        (Some(M::AnsweredTwice), Some(movement)) => Delivery::Twice(movement),
        (Some(fault), Some(movement)) => {
            Delivery::Answer(Box::new(distorted(fault, *movement, earlier)))
        }
        (None, Some(movement)) => Delivery::Answer(movement),
    }
}

/// The answer says what is not in the books; the books stay true.
fn distorted(fault: Misbehaviour, mut movement: Movement, earlier: Option<Movement>) -> Movement {
    match fault {
        Misbehaviour::OtherAmount => movement.amount += 1,
        Misbehaviour::OtherCurrency => {
            let other = if movement.currency == "SEK" {
                "EUR"
            } else {
                "SEK"
            };
            movement.currency = other.to_owned();
        }
        Misbehaviour::BankIdReused => {
            if let Some(earlier) = earlier {
                movement.bank_reference = earlier.bank_reference;
            }
        }
        Misbehaviour::EarlierAnswer => match earlier {
            Some(earlier) => return earlier,
            // The first movement of all has none before it.
            None => movement.reference = "another".to_owned(),
        },
        _ => {}
    }
    movement
}
