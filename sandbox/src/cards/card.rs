//! The test cards: by number, and by a ready-made token. No other card exists.

/// What a card does whenever it is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Good,
    /// Declined with an error code and, behind it, the issuer's own reason.
    Declined(&'static str, &'static str),
    /// Charged, and charged back a while after the capture.
    ChargedBack,
}

use Outcome::{ChargedBack, Declined, Good};

/// Number, token, what it does. `docs/sandbox.md` is written from this table.
pub(super) const CARDS: [(&str, &str, Outcome); 14] = [
    ("4242424242424242", "pm_card_visa", Good),
    ("5555555555554444", "pm_card_mastercard", Good),
    ("378282246310005", "pm_card_amex", Good),
    (
        "4000000000000002",
        "pm_card_visa_chargeDeclined",
        Declined("card_declined", "generic_decline"),
    ),
    (
        "4000000000009995",
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        Declined("card_declined", "insufficient_funds"),
    ),
    (
        "4000000000009987",
        "pm_card_visa_chargeDeclinedLostCard",
        Declined("card_declined", "lost_card"),
    ),
    (
        "4000000000009979",
        "pm_card_visa_chargeDeclinedStolenCard",
        Declined("card_declined", "stolen_card"),
    ),
    (
        "4000000000000069",
        "pm_card_chargeDeclinedExpiredCard",
        Declined("expired_card", "expired_card"),
    ),
    (
        "4000000000000127",
        "pm_card_chargeDeclinedIncorrectCvc",
        Declined("incorrect_cvc", "incorrect_cvc"),
    ),
    (
        "4000000000000119",
        "pm_card_chargeDeclinedProcessingError",
        Declined("processing_error", "processing_error"),
    ),
    (
        "4100000000000019",
        "pm_card_radarBlock",
        Declined("card_declined", "fraudulent"),
    ),
    (
        "4000000000000341",
        "pm_card_chargeCustomerFail",
        Declined("card_declined", "do_not_honor"),
    ),
    (
        "4000002760003184",
        "pm_card_authenticationRequired",
        Declined("authentication_required", "authentication_required"),
    ),
    ("4000000000000259", "pm_card_createDispute", ChargedBack),
];

/// The token of a test card's number.
pub(super) fn token_of(number: &str) -> Option<&'static str> {
    let known = CARDS.iter().find(|(known, ..)| *known == number);
    known.map(|(_, token, _)| *token)
}

pub(super) fn outcome_of(token: &str) -> Option<Outcome> {
    let known = CARDS.iter().find(|(_, known, _)| *known == token);
    known.map(|(_, _, outcome)| *outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_every_card() {
        let page = include_str!("../../../docs/sandbox.md");
        for (number, token, outcome) in CARDS {
            let row = match outcome {
                Good => format!("| `{number}` | `{token}` | works |"),
                ChargedBack => format!("| `{number}` | `{token}` | charged back"),
                Declined(code, reason) if code == reason => {
                    format!("| `{number}` | `{token}` | `{code}` |")
                }
                Declined(code, reason) => {
                    format!("| `{number}` | `{token}` | `{code}`, `{reason}` |")
                }
            };
            assert!(page.contains(&row), "{row}");
        }
    }
}
