//! The explicit list: the only words of this bank that mean "no, and finally so".

use domain::transfer::Decline;

/// Whatever is not here is not a refusal, however much it looks like one.
pub const REFUSALS: [(&str, Decline); 10] = [
    ("AC01", Decline::AccountUnknown),
    ("AC04", Decline::AccountClosed),
    ("AC06", Decline::AccountFrozen),
    ("AG01", Decline::RefusedByBank),
    ("AM02", Decline::AmountNotAllowed),
    ("AM03", Decline::RefusedByBank),
    ("AM04", Decline::InsufficientFunds),
    ("CUST", Decline::TakenBack),
    ("MD07", Decline::AccountClosed),
    ("RR04", Decline::RefusedByBank),
];

pub(super) fn decline_of(code: &str) -> Option<Decline> {
    REFUSALS
        .iter()
        .find(|(listed, _)| *listed == code)
        .map(|(_, decline)| *decline)
}
