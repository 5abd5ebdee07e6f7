//! Amounts as Stripe writes them: mostly, and not always, in the minor units of ISO 4217.

use domain::{Currency, Money};

/// Without minor units at Stripe, although the standard has some.
const NONE_THERE: [&str; 1] = ["MGA"];
/// With hundredths at Stripe, although the standard has none.
const HUNDREDTHS_THERE: [&str; 2] = ["ISK", "UGX"];

/// `None` when the amount cannot be written there: it is not sent.
pub(super) fn to_wire(money: Money) -> Option<i64> {
    let (code, minor) = (money.currency().code(), money.minor());
    if NONE_THERE.contains(&code) {
        return (minor % 100 == 0).then_some(minor / 100);
    }
    if HUNDREDTHS_THERE.contains(&code) {
        return minor.checked_mul(100);
    }
    // Thousandths must end in zero: the networks behind it round to hundredths.
    (money.currency().exponent() < 3 || minor % 10 == 0).then_some(minor)
}

pub(super) fn from_wire(amount: i64, currency: &str) -> Option<Money> {
    let currency: Currency = currency.to_ascii_uppercase().parse().ok()?;
    let code = currency.code();
    let minor = if NONE_THERE.contains(&code) {
        amount.checked_mul(100)?
    } else if HUNDREDTHS_THERE.contains(&code) {
        if amount % 100 != 0 {
            return None;
        }
        amount / 100
    } else {
        amount
    };
    Money::from_minor(minor, currency).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_odd_currencies_are_written_their_way_and_read_back() {
        for (code, minor, wire) in [
            ("EUR", 1_050, Some(1_050)),
            ("JPY", 1_050, Some(1_050)),
            ("BHD", 1_050, Some(1_050)),
            ("BHD", 1_051, None),
            ("ISK", 7, Some(700)),
            ("UGX", 7, Some(700)),
            ("MGA", 700, Some(7)),
            ("MGA", 705, None),
        ] {
            let money = Money::from_minor(minor, code.parse().unwrap()).unwrap();
            assert_eq!(to_wire(money), wire, "{money}");
            if let Some(wire) = wire {
                let lower = code.to_ascii_lowercase();
                assert_eq!(from_wire(wire, &lower), Some(money), "{money}");
            }
        }
        assert_eq!(from_wire(750, "isk"), None);
        assert_eq!(from_wire(1, "zzz"), None);
    }
}
