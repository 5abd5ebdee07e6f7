//! A rate: how much of one currency a whole unit of another is worth, and what part of it we keep.

use domain::{Currency, Money};
use rust_decimal::Decimal;

/// Digits after the point of a rate: seven significant ones remain for the smallest there is.
const FINEST_RATE: u32 = 12;
/// Digits after the point of a spread, which is a part of one: a hundredth of a basis point.
const FINEST_SPREAD: u32 = 6;
const WHOLE: u128 = 1_000_000;

/// Units of the bought currency for one unit of the sold one, both as people count them (euros,
/// not cents), and the part of it that is kept as our spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    mid: Decimal,
    spread: Decimal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    #[error("the rate is not positive")]
    NotPositive,
    #[error("the rate has more than {FINEST_RATE} digits after the point")]
    TooFine,
    #[error(
        "the spread is not between 0 and 1, with at most {FINEST_SPREAD} digits after the point"
    )]
    SpreadUnfit,
}

impl Rate {
    /// `spread` is a part of one: 0.0125 keeps one and a quarter per cent.
    pub fn try_new(mid: Decimal, spread: Decimal) -> Result<Self, RateError> {
        let (mid, spread) = (mid.normalize(), spread.normalize());
        if mid <= Decimal::ZERO {
            return Err(RateError::NotPositive);
        }
        if mid.scale() > FINEST_RATE {
            return Err(RateError::TooFine);
        }
        let fits = spread >= Decimal::ZERO && spread < Decimal::ONE;
        if !fits || spread.scale() > FINEST_SPREAD {
            return Err(RateError::SpreadUnfit);
        }
        Ok(Self { mid, spread })
    }

    pub const fn mid(self) -> Decimal {
        self.mid
    }

    pub const fn spread(self) -> Decimal {
        self.spread
    }

    /// What the sold money is worth to its owner in the bought currency's minor units, rounded
    /// down. None: beyond every amount.
    pub(super) fn given(self, sold: Money, bought: Currency) -> Option<i64> {
        self.part(sold, bought, WHOLE - self.kept())
    }

    /// Our spread on it, rounded down on its own: both parts together are never worth more than
    /// what was sold.
    pub(super) fn earned(self, sold: Money, bought: Currency) -> Option<i64> {
        self.part(sold, bought, self.kept())
    }

    /// How much of the sold currency buys this, rounded up.
    pub(super) fn price(self, sold: Currency, bought: Money) -> Option<i64> {
        let [above, below] = self.fraction(sold, bought.currency());
        let wanted = u128::try_from(bought.minor()).ok()?;
        let worth = wanted.checked_mul(below)?.checked_mul(WHOLE)?;
        let each = above.checked_mul(WHOLE - self.kept())?;
        i64::try_from(worth.div_ceil(each)).ok()
    }

    /// An overflow of 128 bits is a result beyond 2^53: what it is divided by has at most 22 digits
    /// (12 of the rate, 6 of the spread, 4 between two currencies' exponents), which is 74 bits.
    fn part(self, sold: Money, bought: Currency, millionths: u128) -> Option<i64> {
        let [above, below] = self.fraction(sold.currency(), bought);
        let sold = u128::try_from(sold.minor()).ok()?;
        let worth = sold.checked_mul(above)?.checked_mul(millionths)?;
        i64::try_from(worth / (below * WHOLE)).ok()
    }

    /// Minor units of the bought currency for one minor unit of the sold one, before the spread.
    fn fraction(self, sold: Currency, bought: Currency) -> [u128; 2] {
        let (sold, bought) = (sold.exponent(), bought.exponent());
        let shared = sold.min(bought);
        let power = |exponent| 10_u128.pow(exponent);
        [
            // A rate has 96 bits, a power at most 14.
            self.mid.mantissa().unsigned_abs() * power(bought - shared),
            power(self.mid.scale()) * power(sold - shared),
        ]
    }

    fn kept(self) -> u128 {
        self.spread.mantissa().unsigned_abs() * 10_u128.pow(FINEST_SPREAD - self.spread.scale())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(mid: &str, spread: &str) -> Result<Rate, RateError> {
        Rate::try_new(mid.parse().unwrap(), spread.parse().unwrap())
    }

    #[test]
    fn refuses_what_is_no_rate() {
        for (mid, spread, expected) in [
            ("0", "0", RateError::NotPositive),
            ("-1.1", "0", RateError::NotPositive),
            ("0.0000000000001", "0", RateError::TooFine),
            ("1.1", "1", RateError::SpreadUnfit),
            ("1.1", "-0.01", RateError::SpreadUnfit),
            ("1.1", "0.0000001", RateError::SpreadUnfit),
        ] {
            assert_eq!(of(mid, spread), Err(expected), "{mid} {spread}");
        }
        // Zeros at the end say nothing, so they do not make a rate too fine.
        assert!(of("1.10000000000000000", "0.0100000000").is_ok());
    }

    #[test]
    fn counts_in_the_minor_units_of_both() {
        let money = |minor, code: &str| Money::from_minor(minor, code.parse().unwrap()).unwrap();
        for (mid, sold, bought, expected) in [
            ("1.0842", money(10_000, "EUR"), "USD", 10_842),
            ("163.257", money(1_00, "EUR"), "JPY", 163),
            ("0.0061253", money(163, "JPY"), "EUR", 99),
            ("0.376", money(10_00, "USD"), "BHD", 3_760),
            ("2.6595744", money(1, "BHD"), "USD", 0),
        ] {
            let rate = of(mid, "0").unwrap();
            assert_eq!(
                rate.given(sold, bought.parse().unwrap()),
                Some(expected),
                "{mid} {sold}"
            );
        }
    }
}
