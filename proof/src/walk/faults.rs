//! The faults that a step can meet: what its calls to the bank meet, one after the other.

use sandbox::Misbehaviour as Bad;

use crate::world::Luck::{self, Fair, Overslept, Refused, Unreachable};
use crate::world::What::{self, Inquiry, Order};

pub(super) struct Fault {
    pub(super) name: &'static str,
    /// Which repetition of which call meets what. All others are fair.
    pub(super) lines: &'static [(What, u32, Luck)],
    /// The bank's last word is no.
    pub(super) refuses: bool,
    /// It left and surely never happened; whoever may not send it twice has to leave it at that.
    pub(super) not_executed: bool,
}

macro_rules! faults {
    ($($name:literal $($kind:ident)? [$($what:ident $nth:literal $luck:expr),*];)*) => {
        &[$(Fault {
            name: $name,
            lines: &[$(($what, $nth, $luck)),*],
            refuses: faults!(@refuses $($kind)?),
            not_executed: faults!(@nothing $($kind)?),
        }),*]
    };
    (@refuses refused) => { true };
    (@refuses $($other:ident)?) => { false };
    (@nothing nothing) => { true };
    (@nothing $($other:ident)?) => { false };
}

/// All but an answer with another movement's bank reference: nothing recognises that one yet (see
/// `docs/proof.md`).
pub(super) const FAULTS: &[Fault] = faults! {
    "rejected" refused [Order 0 Refused];
    "throttled" [Order 0 Luck::Bad(Bad::Throttled)];
    "throttled again and again" [
        Order 0 Luck::Bad(Bad::Throttled), Order 1 Luck::Bad(Bad::Throttled),
        Order 2 Luck::Bad(Bad::Throttled), Order 3 Luck::Bad(Bad::Throttled)
    ];
    "unreachable" [Order 0 Unreachable];
    "unknown, executed" [Order 0 Luck::Bad(Bad::CutExecuted)];
    "unknown, not executed" nothing [Order 0 Luck::Bad(Bad::CutNotExecuted)];
    "silence, executed" [Order 0 Luck::Bad(Bad::TimeoutExecuted)];
    "silence, not executed" nothing [Order 0 Luck::Bad(Bad::TimeoutNotExecuted)];
    "an error, executed" [Order 0 Luck::Bad(Bad::ErrorExecuted)];
    "an error, not executed" nothing [Order 0 Luck::Bad(Bad::ErrorNotExecuted)];
    "garbage" [Order 0 Luck::Bad(Bad::GarbageExecuted)];
    "slow" [Order 0 Luck::Bad(Bad::SlowExecuted)];
    "late success" [Order 0 Luck::Bad(Bad::LateSuccess)];
    "hidden, then found" [Order 0 Luck::Bad(Bad::HiddenThenFound)];
    "returned later" [Order 0 Luck::Bad(Bad::ReturnedLater)];
    "a giant answer" [Order 0 Luck::Bad(Bad::GiantExecuted)];
    "a trickle" [Order 0 Luck::Bad(Bad::TrickleExecuted)];
    "answered twice" [Order 0 Luck::Bad(Bad::AnsweredTwice)];
    "another amount" [Order 0 Luck::Bad(Bad::OtherAmount)];
    "another currency" [Order 0 Luck::Bad(Bad::OtherCurrency)];
    "another's answer" [Order 0 Luck::Bad(Bad::EarlierAnswer)];
    "run twice" [Order 0 Overslept];
    "executed unheard, then rejected" [Order 0 Overslept, Order 1 Refused];
    "executed unheard, then unreachable" [Order 0 Overslept, Order 1 Unreachable];
    "executed unheard, then throttled" [Order 0 Overslept, Order 1 Luck::Bad(Bad::Throttled)];
    "executed unheard, then unknown" [
        Order 0 Overslept, Order 1 Luck::Bad(Bad::CutExecuted)
    ];
    "executed, and nobody to ask" [
        Order 0 Luck::Bad(Bad::CutExecuted), Inquiry 0 Unreachable,
        Inquiry 1 Luck::Bad(Bad::Throttled), Inquiry 2 Luck::Bad(Bad::ErrorExecuted)
    ];
    "executed, and asked in vain" [
        Order 0 Luck::Bad(Bad::CutExecuted), Inquiry 0 Luck::Bad(Bad::TimeoutExecuted),
        Inquiry 1 Luck::Bad(Bad::GarbageExecuted), Inquiry 2 Luck::Bad(Bad::OtherAmount)
    ];
    "executed, and the question run twice" [
        Order 0 Luck::Bad(Bad::CutExecuted), Inquiry 0 Overslept
    ];
    "not executed, and asked in vain" nothing [
        Order 0 Luck::Bad(Bad::CutNotExecuted), Inquiry 0 Luck::Bad(Bad::TimeoutExecuted),
        Inquiry 1 Luck::Bad(Bad::ErrorExecuted)
    ];
    "never arrives, until a person looks" nothing [
        Order 0 Luck::Bad(Bad::CutNotExecuted), Order 1 Luck::Bad(Bad::CutNotExecuted),
        Order 2 Luck::Bad(Bad::CutNotExecuted), Order 3 Luck::Bad(Bad::CutNotExecuted),
        Order 4 Luck::Bad(Bad::CutNotExecuted), Order 5 Luck::Bad(Bad::CutNotExecuted)
    ];
    "not executed, then executed unheard" nothing [
        Order 0 Luck::Bad(Bad::CutNotExecuted), Order 1 Luck::Bad(Bad::CutExecuted)
    ];
    "as ever" [Order 0 Fair];
};
