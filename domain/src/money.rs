//! Money: integer minor units and their currency, in one type with checked operations.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest amount that JSON readers keep exact (2^53 − 1). Nothing larger is accepted.
pub const LARGEST_AMOUNT: i64 = (1 << 53) - 1;

/// An ISO 4217 currency that is in circulation and has minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    pub const EUR: Self = Self(iso_currency::Currency::EUR);
    pub const JPY: Self = Self(iso_currency::Currency::JPY);
    pub const USD: Self = Self(iso_currency::Currency::USD);

    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimal places a minor unit stands for: 2 for EUR, 0 for JPY, 3 for BHD.
    pub fn exponent(self) -> u32 {
        u32::from(self.0.exponent().unwrap_or(0))
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        iso_currency::Currency::from_code(code)
            // Gold, test codes and "no currency" are in the standard, but are not money to move.
            .filter(|currency| {
                currency.exponent().is_some() && !currency.flags().iter().any(is_special)
            })
            .map(Self)
            .ok_or(MoneyError::UnknownCurrency)
    }
}

fn is_special(flag: &iso_currency::Flag) -> bool {
    matches!(flag, iso_currency::Flag::Special)
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        code.parse().map_err(serde::de::Error::custom)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("the currency is not one of ISO 4217 that can be moved")]
    UnknownCurrency,
    #[error("two different currencies cannot be added: {0} and {1}")]
    CurrenciesDiffer(Currency, Currency),
    #[error("the amount is beyond ±9007199254740991 minor units")]
    OutOfRange,
}

/// An amount of one currency. May be zero or negative: whether it may be is a rule of its use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Money {
    amount: i64,
    currency: Currency,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    amount: i64,
    currency: Currency,
}

impl TryFrom<Unchecked> for Money {
    type Error = MoneyError;

    fn try_from(money: Unchecked) -> Result<Self, MoneyError> {
        Self::from_minor(money.amount, money.currency)
    }
}

impl Money {
    pub fn from_minor(amount: i64, currency: Currency) -> Result<Self, MoneyError> {
        if amount.unsigned_abs() > LARGEST_AMOUNT.unsigned_abs() {
            return Err(MoneyError::OutOfRange);
        }
        Ok(Self { amount, currency })
    }

    pub const fn zero(currency: Currency) -> Self {
        Self {
            amount: 0,
            currency,
        }
    }

    /// For storage and for the wire only; sums are made with the checked operations.
    pub const fn minor(self) -> i64 {
        self.amount
    }

    pub const fn currency(self) -> Currency {
        self.currency
    }

    pub const fn is_positive(self) -> bool {
        self.amount > 0
    }

    pub const fn is_negative(self) -> bool {
        self.amount < 0
    }

    pub const fn is_zero(self) -> bool {
        self.amount == 0
    }

    /// The same money, flowing the other way. Cannot overflow: the range is symmetric.
    pub const fn reversed(self) -> Self {
        Self {
            amount: -self.amount,
            currency: self.currency,
        }
    }

    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrenciesDiffer(self.currency, other.currency));
        }
        // Two amounts in range cannot overflow an i64; only the range itself can be left.
        Self::from_minor(self.amount + other.amount, self.currency)
    }

    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.checked_add(other.reversed())
    }
}

impl fmt::Display for Money {
    /// For people: `12.34 EUR`, `1234 JPY`. Never parsed back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.currency.exponent() as usize;
        let sign = if self.amount < 0 { "-" } else { "" };
        let digits = format!("{:0width$}", self.amount.unsigned_abs(), width = places + 1);
        let (whole, part) = digits.split_at(digits.len() - places);
        if part.is_empty() {
            write!(f, "{sign}{whole} {}", self.currency)
        } else {
            write!(f, "{sign}{whole}.{part} {}", self.currency)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn eur(amount: i64) -> Money {
        Money::from_minor(amount, Currency::EUR).unwrap()
    }

    #[test]
    fn is_written_with_its_own_exponent() {
        let money = |amount, code: &str| Money::from_minor(amount, code.parse().unwrap()).unwrap();
        for (money, text) in [
            (eur(1_234), "12.34 EUR"),
            (eur(-5), "-0.05 EUR"),
            (money(1_234, "JPY"), "1234 JPY"),
            (money(1_234, "BHD"), "1.234 BHD"),
        ] {
            assert_eq!(money.to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_not_money() {
        for code in ["", "eur", "XXX", "XTS", "XAU", "ABC", "EURO"] {
            assert_eq!(
                code.parse::<Currency>(),
                Err(MoneyError::UnknownCurrency),
                "{code}"
            );
        }
        for json in [
            r#"{"amount":1.5,"currency":"EUR"}"#,
            r#"{"amount":"1","currency":"EUR"}"#,
            r#"{"amount":9007199254740992,"currency":"EUR"}"#,
            r#"{"amount":99999999999999999999,"currency":"EUR"}"#,
            r#"{"amount":1,"currency":"EUR","exponent":2}"#,
            r#"{"amount":1}"#,
        ] {
            assert!(serde_json::from_str::<Money>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn different_currencies_never_mix() {
        let yen = Money::from_minor(1, Currency::JPY).unwrap();
        assert_eq!(
            eur(1).checked_add(yen),
            Err(MoneyError::CurrenciesDiffer(Currency::EUR, Currency::JPY))
        );
    }

    proptest! {
        #[test]
        fn adding_and_taking_away_is_nothing(
            a in -LARGEST_AMOUNT..=LARGEST_AMOUNT,
            b in -LARGEST_AMOUNT..=LARGEST_AMOUNT,
        ) {
            let (a, b) = (eur(a), eur(b));
            match a.checked_add(b) {
                Ok(sum) => prop_assert_eq!(sum.checked_sub(b), Ok(a)),
                Err(error) => prop_assert_eq!(error, MoneyError::OutOfRange),
            }
        }

        #[test]
        fn survives_json(amount in -LARGEST_AMOUNT..=LARGEST_AMOUNT) {
            let json = serde_json::to_string(&eur(amount)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), eur(amount));
        }
    }
}
