//! A quote: exactly this much for exactly that much, until it expires. Made once, taken by one
//! transfer, and used once: the entry's key is derived from its id.

use std::time::Duration;

use ambient::Timestamp;
use domain::{Currency, Money, QuoteId, TransferId};

use super::Rate;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    id: QuoteId,
    sold: Money,
    bought: Money,
    spread: Money,
    rate: Rate,
    made_at: Timestamp,
    expires_at: Timestamp,
    /// The transfer that took it while it was good: for that one it no longer expires.
    taken_by: Option<TransferId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    #[error("both sides are in {0}: there is nothing to exchange")]
    SameCurrency(Currency),
    #[error("the amount to exchange is not positive")]
    AmountNotPositive,
    #[error("the amount is worth less than the smallest unit of {0}")]
    TooSmall(Currency),
    #[error("the amount or its worth is beyond what an amount can be")]
    OutOfRange,
}

impl Quote {
    /// For a sum that is given: what comes out is rounded down.
    pub fn selling(
        id: QuoteId,
        sold: Money,
        bought: Currency,
        rate: Rate,
        made_at: Timestamp,
        lifetime: Duration,
    ) -> Result<Self, QuoteError> {
        exchangeable(sold, bought)?;
        let given = amount(rate.given(sold, bought), bought)?;
        if given.is_zero() {
            return Err(QuoteError::TooSmall(bought));
        }
        Self {
            id,
            sold,
            bought: given,
            spread: amount(rate.earned(sold, bought), bought)?,
            rate,
            made_at,
            expires_at: made_at.after(lifetime),
            taken_by: None,
        }
        .payable()
    }

    /// For a sum that is to come out: what must be given is rounded up.
    pub fn buying(
        id: QuoteId,
        sold: Currency,
        bought: Money,
        rate: Rate,
        made_at: Timestamp,
        lifetime: Duration,
    ) -> Result<Self, QuoteError> {
        exchangeable(bought, sold)?;
        let price = amount(rate.price(sold, bought), sold)?;
        let earned = rate.earned(price, bought.currency());
        Self {
            id,
            sold: price,
            bought,
            spread: amount(earned, bought.currency())?,
            rate,
            made_at,
            expires_at: made_at.after(lifetime),
            taken_by: None,
        }
        .payable()
    }

    /// As it was kept.
    pub(crate) const fn kept(
        id: QuoteId,
        [sold, bought]: [Money; 2],
        spread: Money,
        rate: Rate,
        [made_at, expires_at]: [Timestamp; 2],
        taken_by: Option<TransferId>,
    ) -> Self {
        Self {
            id,
            sold,
            bought,
            spread,
            rate,
            made_at,
            expires_at,
            taken_by,
        }
    }

    /// Whoever has it or not.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let taken_by = other.taken_by;
        *other
            == Self {
                taken_by,
                ..self.clone()
            }
    }

    /// What is received and what is earned leave the liquidity in one posting.
    fn payable(self) -> Result<Self, QuoteError> {
        match self.paid_out() {
            Some(_) => Ok(self),
            None => Err(QuoteError::OutOfRange),
        }
    }

    pub const fn id(&self) -> QuoteId {
        self.id
    }

    /// What the owner gives.
    pub const fn sold(&self) -> Money {
        self.sold
    }

    /// What the owner receives.
    pub const fn bought(&self) -> Money {
        self.bought
    }

    /// What we earn, in the bought currency.
    pub const fn spread(&self) -> Money {
        self.spread
    }

    pub const fn rate(&self) -> Rate {
        self.rate
    }

    pub const fn made_at(&self) -> Timestamp {
        self.made_at
    }

    /// From this instant on it is no longer honoured; `None` for the transfer that has taken it.
    pub(crate) fn good_until(&self, transfer: Option<TransferId>) -> Option<Timestamp> {
        let own = transfer.is_some() && transfer == self.taken_by;
        (!own).then_some(self.expires_at)
    }

    /// The transfer that took it.
    pub const fn taken_by(&self) -> Option<TransferId> {
        self.taken_by
    }

    /// From this instant on it can no longer be taken.
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// What leaves the liquidity of the bought currency.
    pub(crate) fn paid_out(&self) -> Option<Money> {
        self.bought.checked_add(self.spread).ok()
    }
}

fn exchangeable(given: Money, other: Currency) -> Result<(), QuoteError> {
    if given.currency() == other {
        return Err(QuoteError::SameCurrency(other));
    }
    if !given.is_positive() {
        return Err(QuoteError::AmountNotPositive);
    }
    Ok(())
}

fn amount(minor: Option<i64>, currency: Currency) -> Result<Money, QuoteError> {
    let minor = minor.ok_or(QuoteError::OutOfRange)?;
    Money::from_minor(minor, currency).map_err(|_| QuoteError::OutOfRange)
}

#[cfg(test)]
mod tests {
    use domain::LARGEST_AMOUNT;
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;

    const MADE: Timestamp = Timestamp::from_seconds(100);
    const LIFE: Duration = Duration::from_secs(30);
    const ID: QuoteId = QuoteId::from_bits(9);

    fn sell(sold: Money, bought: Currency, rate: Rate) -> Result<Quote, QuoteError> {
        Quote::selling(ID, sold, bought, rate, MADE, LIFE)
    }

    fn buy(sold: Currency, bought: Money, rate: Rate) -> Result<Quote, QuoteError> {
        Quote::buying(ID, sold, bought, rate, MADE, LIFE)
    }

    fn rate(mid: &str, spread: &str) -> Rate {
        Rate::try_new(mid.parse().unwrap(), spread.parse().unwrap()).unwrap()
    }

    fn money(minor: i64, code: &str) -> Money {
        Money::from_minor(minor, code.parse().unwrap()).unwrap()
    }

    #[test]
    fn says_what_is_given_received_and_earned() {
        let quote = sell(
            money(10_000, "EUR"),
            Currency::USD,
            rate("1.0842", "0.0125"),
        )
        .unwrap();
        // 108.42 less 1.355 is 107.065.
        assert_eq!(quote.bought(), money(10_706, "USD"));
        assert_eq!(quote.spread(), money(1_35, "USD"));
        assert_eq!(quote.expires_at(), MADE.after(LIFE));

        let quote = buy(
            Currency::EUR,
            money(10_706, "USD"),
            rate("1.0842", "0.0125"),
        )
        .unwrap();
        assert_eq!(quote.sold(), money(10_000, "EUR"));
        assert_eq!(quote.bought(), money(10_706, "USD"));
    }

    #[test]
    fn refuses_what_cannot_be_exchanged() {
        let one = rate("1", "0");
        let (eur, jpy) = (Currency::EUR, Currency::JPY);
        let yen = |minor| money(minor, "JPY");
        for (found, expected) in [
            (sell(yen(5), jpy, one), QuoteError::SameCurrency(jpy)),
            (sell(yen(0), eur, one), QuoteError::AmountNotPositive),
            (buy(eur, yen(-1), one), QuoteError::AmountNotPositive),
            (sell(money(99, "EUR"), jpy, one), QuoteError::TooSmall(jpy)),
            (sell(yen(LARGEST_AMOUNT), eur, one), QuoteError::OutOfRange),
            (buy(eur, yen(LARGEST_AMOUNT), one), QuoteError::OutOfRange),
        ] {
            assert_eq!(found, Err(expected));
        }
    }

    #[test]
    fn the_largest_rate_overflows_nothing() {
        let largest = |spread| Rate::try_new(Decimal::MAX, Decimal::new(spread, 6)).unwrap();
        let (eur, clf) = (money(LARGEST_AMOUNT, "EUR"), "CLF".parse().unwrap());
        assert_eq!(sell(eur, clf, largest(0)), Err(QuoteError::OutOfRange));
        // A cent is the least there is to give, and the spread on it is beyond all amounts.
        let one = |spread| buy(Currency::EUR, money(1, "CLF"), largest(spread));
        assert_eq!(one(0).unwrap().sold(), money(1, "EUR"));
        assert_eq!(one(1), Err(QuoteError::OutOfRange));
        // Each fits, both together do not.
        let half = rate("1", "0.5");
        let most = money(LARGEST_AMOUNT, "JPY");
        assert!(sell(most, "KRW".parse().unwrap(), half).is_ok());
        let beyond = sell(most, "KRW".parse().unwrap(), rate("1.5", "0.5"));
        assert_eq!(beyond, Err(QuoteError::OutOfRange));
    }

    /// Every exponent that there is, twice.
    const CURRENCIES: [&str; 8] = ["JPY", "KRW", "EUR", "USD", "BHD", "KWD", "CLF", "UYW"];

    fn currencies() -> impl Strategy<Value = (Currency, Currency)> {
        let pair = (0..CURRENCIES.len(), 1..CURRENCIES.len());
        pair.prop_map(|(first, further)| {
            let second = (first + further) % CURRENCIES.len();
            let parse = |index: usize| CURRENCIES[index].parse().unwrap();
            (parse(first), parse(second))
        })
    }

    fn rates() -> impl Strategy<Value = Rate> {
        // Small and large ones alike: a uniform choice would never see a small one.
        let mantissa = (0_u32..62).prop_flat_map(|bits| 1_i64..=(1_i64 << bits));
        let spread = prop_oneof![Just(0), 1_i64..50_000, 0_i64..1_000_000];
        (mantissa, 0_u32..=12, spread).prop_map(|(mantissa, scale, spread)| {
            Rate::try_new(Decimal::new(mantissa, scale), Decimal::new(spread, 6)).unwrap()
        })
    }

    fn amounts() -> impl Strategy<Value = i64> {
        let any = (0_u32..53).prop_flat_map(|bits| 1_i64..=(1_i64 << bits).min(LARGEST_AMOUNT));
        prop_oneof![any, Just(LARGEST_AMOUNT)]
    }

    /// An exact product, as digits to the base 2^32, for amounts that 128 bits cannot hold.
    fn product(factors: &[u128]) -> Vec<u64> {
        let mut digits = vec![1_u64];
        for factor in factors {
            let mut sum = vec![0_u64; digits.len() + 5];
            for (place, digit) in digits.iter().enumerate() {
                let mut carry = 0_u64;
                for part in 0..5 {
                    let factor = factor.checked_shr(32 * part).unwrap_or(0) & 0xffff_ffff;
                    let at = &mut sum[place + part as usize];
                    let all = *at + digit * u64::try_from(factor).unwrap() + carry;
                    (*at, carry) = (all & 0xffff_ffff, all >> 32);
                }
            }
            digits = sum;
        }
        digits.resize(40, 0);
        digits.reverse();
        digits
    }

    /// What is paid out, worth what was sold or less, told by whole numbers alone.
    fn is_covered(quote: &Quote) -> bool {
        let unsigned = |money: Money| u128::try_from(money.minor()).unwrap();
        let power = |exponent| 10_u128.pow(exponent);
        let mid = quote.rate().mid();
        let paid = quote.paid_out().map(unsigned).unwrap();
        let scales = [
            power(mid.scale()),
            power(quote.sold().currency().exponent()),
        ];
        let worth = power(quote.bought().currency().exponent());
        product(&[paid, scales[0], scales[1]])
            <= product(&[unsigned(quote.sold()), mid.mantissa().unsigned_abs(), worth])
    }

    proptest! {
        #[test]
        fn nothing_is_paid_that_was_not_given(
            (from, to) in currencies(), rate in rates(), minor in amounts(),
        ) {
            if let Ok(quote) = sell(Money::from_minor(minor, from).unwrap(), to, rate) {
                prop_assert!(is_covered(&quote), "{quote:?}");
                prop_assert!(quote.bought().is_positive() && !quote.spread().is_negative());
                // One unit more would be more than it is worth, so none is lost either.
                let gross = Rate::try_new(rate.mid(), Decimal::ZERO).unwrap();
                if let Ok(gross) = sell(quote.sold(), to, gross) {
                    let left = gross.bought().minor() - quote.paid_out().unwrap().minor();
                    prop_assert!((0..=1).contains(&left), "{left} units of {quote:?}");
                }
            }
            if let Ok(quote) = buy(from, Money::from_minor(minor, to).unwrap(), rate) {
                prop_assert!(is_covered(&quote), "{quote:?}");
            }
        }

        /// The price of what a sum buys is never more than the sum, and buys it again.
        #[test]
        fn selling_and_buying_agree(
            (from, to) in currencies(), rate in rates(), minor in amounts(),
        ) {
            if let Ok(sold) = sell(Money::from_minor(minor, from).unwrap(), to, rate) {
                let bought = buy(from, sold.bought(), rate).unwrap();
                prop_assert!(bought.sold().minor() <= minor);
                prop_assert_eq!(sell(bought.sold(), to, rate).unwrap().bought(), sold.bought());
            }
        }
    }
}
