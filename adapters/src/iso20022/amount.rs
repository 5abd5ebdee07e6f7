//! Amounts as the standard writes them: major units with a decimal point, as many places as the
//! currency has. Integers throughout: no float ever touches money.

use domain::{Currency, Money};

pub(super) fn written(money: Money) -> String {
    let places = money.currency().exponent() as usize;
    let digits = format!(
        "{:0width$}",
        money.minor().unsigned_abs(),
        width = places + 1
    );
    let (whole, part) = digits.split_at(digits.len() - places);
    if part.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{part}")
    }
}

/// Trailing zeros beyond the currency's places are allowed; anything finer is no amount.
pub(super) fn read(text: &str, currency: &str) -> Option<Money> {
    let currency: Currency = currency.parse().ok()?;
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || text.ends_with('.') {
        return None;
    }
    let places = currency.exponent() as usize;
    let (kept, rest) = part.split_at(part.len().min(places));
    if rest.bytes().any(|b| b != b'0') {
        return None;
    }
    let minor = format!("{whole}{kept:0<places$}").parse().ok()?;
    Money::from_minor(minor, currency).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_currency_has_its_own_places() {
        for (minor, code, text) in [
            (1_050, "EUR", "10.50"),
            (5, "EUR", "0.05"),
            (1_050, "JPY", "1050"),
            (1_050, "BHD", "1.050"),
        ] {
            let money = Money::from_minor(minor, code.parse().unwrap()).unwrap();
            assert_eq!(written(money), text);
            assert_eq!(read(text, code), Some(money));
        }
        let money = read("10.5", "EUR").unwrap();
        assert_eq!(money.minor(), 1_050);
        assert_eq!(read("10.500", "EUR"), Some(money));
        for wrong in [
            "",
            ".5",
            "1.",
            "1.001",
            "-1.00",
            "1,00",
            "1e2",
            "99999999999999999999",
            "١",
        ] {
            assert_eq!(read(wrong, "EUR"), None, "{wrong}");
        }
        assert_eq!(read("1.00", "XXX"), None);
    }
}
