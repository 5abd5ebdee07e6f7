//! The magic values, all of them: accounts and amounts that choose what the bank does.
//!
//! `docs/sandbox.md` is written from this file.

use std::time::Duration;

use crate::account::Standing;
use crate::misbehaviour::Misbehaviour;

/// What every account has when it is opened: 1,000,000.00 in a currency with cents.
pub(crate) const OPENING_BALANCE: i64 = 100_000_000;

/// The largest single movement; above it the bank refuses with AM02.
pub(crate) const LARGEST_MOVEMENT: i64 = 1_000_000_000;

/// The currencies in which the bank keeps a settlement account for its client.
pub(crate) const CURRENCIES: [&str; 8] = ["BHD", "CHF", "EUR", "GBP", "INR", "JPY", "SEK", "USD"];

pub(crate) const LATE_AFTER: Duration = Duration::from_secs(3);
pub(crate) const HIDDEN_FOR: Duration = Duration::from_secs(4);
pub(crate) const SLOW_ANSWER: Duration = Duration::from_secs(2);
/// The longest that a silent connection is held before it is cut.
pub(crate) const LONGEST_HOLD: Duration = Duration::from_secs(60);
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(crate) const RETURNED_AFTER: Duration = Duration::from_secs(3);
/// How much later than the second webhook the first one comes, when their order is wrong.
pub(crate) const WEBHOOK_LATE_BY: Duration = Duration::from_secs(2);
/// The pace of an answer that comes a byte at a time.
pub(crate) const TRICKLE: Duration = Duration::from_secs(1);
/// How much blank space a giant answer has.
pub(crate) const GIANT: usize = 8 << 20;

pub(crate) const UNLISTED_CODE: &str = "ZZ99";
/// Why money comes back: the other bank gave no reason.
pub(crate) const RETURN_CODE: &str = "MS03";
/// Why an order was rejected that its client took back.
pub(crate) const CANCELED_CODE: &str = "CUST";

/// Every reason for which the bank refuses an order.
pub(crate) const REFUSALS: [&str; 9] = [
    "AC01", "AC04", "AC06", "AG01", "AM02", "AM03", "AM04", "MD07", "RR04",
];

/// `SB-REFUSE-<code>` refuses everything with that code.
pub(crate) fn refusal_of(number: &str) -> Option<&'static str> {
    let code = number.strip_prefix("SB-REFUSE-")?;
    REFUSALS.into_iter().find(|known| *known == code)
}

/// Opened with the books, in EUR.
pub(crate) const ACCOUNTS: [(&str, &str, Standing); 6] = [
    ("SB-ALICE-0001", "Alice Example", Standing::Open),
    ("SB-BOB-0001", "Bob Example", Standing::Open),
    ("SB-CAROL-0001", "Carol Example", Standing::Open),
    ("SB-CLOSED-0001", "Closed Account", Standing::Closed),
    ("SB-EMPTY-0001", "Empty Account", Standing::Empty),
    ("SB-FROZEN-0001", "Frozen Account", Standing::Frozen),
];

/// What an amount asks for on the given attempt of its reference (the first is 1).
pub(crate) fn of_amount(amount: i64, attempt: i64) -> Option<Misbehaviour> {
    let (misbehaviour, last_attempt) = match amount % 100 {
        11 => (Misbehaviour::TimeoutExecuted, 1),
        12 => (Misbehaviour::TimeoutNotExecuted, 1),
        13 => (Misbehaviour::ErrorExecuted, 1),
        14 => (Misbehaviour::GarbageExecuted, 1),
        15 => (Misbehaviour::LateSuccess, 1),
        16 => (Misbehaviour::Throttled, 2),
        17 => (Misbehaviour::HiddenThenFound, 1),
        18 => (Misbehaviour::UnlistedRejection, 1),
        19 => (Misbehaviour::ReturnedLater, 1),
        61 => (Misbehaviour::GiantExecuted, 1),
        62 => (Misbehaviour::TrickleExecuted, 1),
        63 => (Misbehaviour::AnsweredTwice, 1),
        64 => (Misbehaviour::OtherAmount, 1),
        65 => (Misbehaviour::OtherCurrency, 1),
        66 => (Misbehaviour::BankIdReused, 1),
        67 => (Misbehaviour::EarlierAnswer, 1),
        68 => (Misbehaviour::WebhookTwice, 1),
        69 => (Misbehaviour::WebhookWrongOrder, 1),
        // A storm: longer than a client's patience with two.
        70 => (Misbehaviour::Throttled, 5),
        _ => return None,
    };
    (attempt <= last_attempt).then_some(misbehaviour)
}

/// Any number of the form `SB-[A-Z0-9-]{1,26}` is an account here, opened on first use.
pub(crate) fn is_our_number(number: &str) -> bool {
    number.strip_prefix("SB-").is_some_and(|rest| {
        (1..=26).contains(&rest.len())
            && rest
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_amounts_behave() {
        for amount in [1, 10, 50, 100, 1050, 2500, 4200, 999_999] {
            assert_eq!(of_amount(amount, 1), None, "{amount}");
        }
    }

    #[test]
    fn magic_amounts_misbehave_at_first_only() {
        for cents in (11..=19).chain(61..=70) {
            assert!(of_amount(4_200 + cents, 1).is_some(), "{cents}");
            assert_eq!(of_amount(4_200 + cents, 6), None, "{cents}");
        }
        assert_eq!(of_amount(16, 2), Some(Misbehaviour::Throttled));
        assert_eq!(of_amount(11, 2), None);
    }

    #[test]
    fn knows_its_own_numbers() {
        assert!(ACCOUNTS.iter().all(|(number, ..)| is_our_number(number)));
        for number in [
            "",
            "SB-",
            "SB-a",
            "XX-1",
            "REMIT-EUR",
            &format!("SB-{}", "A".repeat(27)),
        ] {
            assert!(!is_our_number(number), "{number}");
        }
    }

    /// The page that people read says what this file does.
    #[test]
    fn the_page_names_every_value() {
        let page = include_str!("../../docs/sandbox.md");
        for (number, ..) in ACCOUNTS {
            assert!(page.contains(&format!("`{number}`")), "{number}");
        }
        for cents in 0..100 {
            let listed = page.contains(&format!("\n| {cents} | "));
            assert_eq!(listed, of_amount(cents, 1).is_some(), "{cents}");
        }
        let others = [UNLISTED_CODE, RETURN_CODE, CANCELED_CODE];
        for code in REFUSALS.into_iter().chain(others) {
            assert!(page.contains(&format!("\n| `{code}` | ")), "{code}");
        }
        assert!(page.contains(&format!("Currencies: {}.", CURRENCIES.join(", "))));
        for (wait, sentence) in [
            (LATE_AFTER, "decided {} s later"),
            (RETURNED_AFTER, "comes back {} s later"),
            (WEBHOOK_LATE_BY, "the first one {} s late"),
            (HIDDEN_FOR, "for {} s an inquiry finds nothing"),
            (SLOW_ANSWER, "answers after {} s"),
            (LONGEST_HOLD, "held for up to {} s"),
            (RETRY_AFTER, "`Retry-After: {}`"),
        ] {
            let sentence = sentence.replace("{}", &wait.as_secs().to_string());
            assert!(page.contains(&sentence), "{sentence}");
        }
    }
}
