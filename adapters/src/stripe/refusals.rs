//! The explicit list: the only words of Stripe that mean "no, and finally so".

use domain::transfer::Decline;

/// Codes of errors and, where the error is `card_declined`, the issuer's own reasons. Whatever is
/// not here is not a refusal, however much it looks like one.
pub const REFUSALS: [(&str, Decline); 30] = [
    ("amount_too_large", Decline::AmountNotAllowed),
    ("amount_too_small", Decline::AmountNotAllowed),
    ("authentication_required", Decline::ConfirmationMissing),
    ("call_issuer", Decline::RefusedByBank),
    ("canceled", Decline::RefusedByBank),
    ("captured", Decline::RefusedByBank),
    ("card_declined", Decline::RefusedByBank),
    ("card_not_supported", Decline::RefusedByBank),
    ("card_velocity_exceeded", Decline::AmountNotAllowed),
    ("charge_already_refunded", Decline::AmountNotAllowed),
    ("charge_disputed", Decline::RefusedByBank),
    ("currency_not_supported", Decline::RefusedByBank),
    ("do_not_honor", Decline::RefusedByBank),
    ("expired_card", Decline::CardExpired),
    ("fraudulent", Decline::RefusedByBank),
    ("generic_decline", Decline::RefusedByBank),
    ("incorrect_cvc", Decline::CardNotVerified),
    ("incorrect_number", Decline::CardNotVerified),
    ("insufficient_funds", Decline::InsufficientFunds),
    ("invalid_account", Decline::AccountUnknown),
    ("invalid_cvc", Decline::CardNotVerified),
    ("invalid_number", Decline::CardNotVerified),
    ("lost_card", Decline::CardBlocked),
    ("pickup_card", Decline::CardBlocked),
    ("processing_error", Decline::RefusedByBank),
    ("restricted_card", Decline::CardBlocked),
    ("stolen_card", Decline::CardBlocked),
    ("transaction_not_allowed", Decline::RefusedByBank),
    ("try_again_later", Decline::RefusedByBank),
    ("withdrawal_count_limit_exceeded", Decline::AmountNotAllowed),
];

/// Ours, for an amount that cannot be written in Stripe's units: nothing is sent.
pub(super) const NOT_WRITABLE: &str = "amount_too_small";
/// Ours, for a payment whose state says that the order can never happen.
pub(super) const CANCELED: &str = "canceled";
pub(super) const CAPTURED: &str = "captured";

pub(super) fn decline_of(code: &str) -> Option<Decline> {
    REFUSALS
        .iter()
        .find(|(listed, _)| *listed == code)
        .map(|(_, decline)| *decline)
}
