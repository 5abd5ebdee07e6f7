//! The explicit list of reasons (ExternalStatusReason1Code) that mean "no, and finally so".

use domain::transfer::Decline;

/// Whatever is not here is not a refusal, however much it looks like one: a duplicate (`AM05`), for
/// one, says that an earlier message may have been executed.
pub const REFUSALS: [(&str, Decline); 19] = [
    ("AC01", Decline::AccountUnknown),
    ("AC03", Decline::AccountUnknown),
    ("AC04", Decline::AccountClosed),
    ("AC06", Decline::AccountFrozen),
    ("AC13", Decline::RefusedByBank),
    ("AG01", Decline::RefusedByBank),
    ("AG02", Decline::RefusedByBank),
    ("AM02", Decline::AmountNotAllowed),
    ("AM03", Decline::RefusedByBank),
    ("AM04", Decline::InsufficientFunds),
    ("AM14", Decline::AmountNotAllowed),
    ("BE04", Decline::RefusedByBank),
    ("CUST", Decline::TakenBack),
    ("MD01", Decline::RefusedByBank),
    ("MD07", Decline::AccountClosed),
    ("RC01", Decline::AccountUnknown),
    ("RR04", Decline::RefusedByBank),
    ("SL01", Decline::RefusedByBank),
    ("TM01", Decline::RefusedByBank),
];

pub(super) fn decline_of(code: &str) -> Option<Decline> {
    REFUSALS
        .iter()
        .find(|(listed, _)| *listed == code)
        .map(|(_, decline)| *decline)
}
