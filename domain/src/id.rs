//! Typed ids: a prefix that says what it names, and 128 bits whose text order is their order.
//!
//! The bits come from a UUIDv7 mint, so the order of ids is the order of creation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Crockford's base 32: no letter that a person confuses with a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 26;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_ and 26 letters and digits")]
pub struct InvalidId {
    prefix: &'static str,
}

fn encode(bits: u128) -> [u8; LENGTH] {
    let mut text = [b'0'; LENGTH];
    for (place, letter) in text.iter_mut().rev().enumerate() {
        let five = (bits >> (place * 5)) & 31;
        // Five bits always index into 32 letters.
        *letter = ALPHABET[five as usize];
    }
    text
}

fn decode(text: &str) -> Option<u128> {
    // 26 letters hold 130 bits: the first letter may only use three of its five.
    if text.len() != LENGTH || text.as_bytes().first()? > &b'7' {
        return None;
    }
    text.bytes().try_fold(0_u128, |bits, letter| {
        let five = FIVES[usize::from(letter)];
        (five < 32).then_some((bits << 5) | five as u128)
    })
}

/// The five bits of each letter; 32 for what is none.
const FIVES: [u8; 256] = {
    let mut fives = [32; 256];
    let mut five = 0;
    while five < ALPHABET.len() {
        fives[ALPHABET[five] as usize] = five as u8;
        five += 1;
    }
    fives
};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            pub const fn bits(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                // The alphabet is ASCII, so this is always text.
                f.write_str(std::str::from_utf8(&encode(self.0)).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or(InvalidId { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A company that sends transfers through its own keys. Every business row belongs to one.
    PartnerId = "pa";
    /// A person who holds wallets and bank accounts with a partner.
    UserId = "us";
    /// An account in our ledger.
    AccountId = "ac";
    /// A bank account outside, linked to a user.
    BankAccountId = "ba";
    /// A card outside, linked to a user.
    CardId = "ca";
    /// Somebody who is paid for what it sells.
    MerchantId = "me";
    TransferId = "tr";
    /// A part of a completed transfer that the receiver gives back.
    RefundId = "re";
    /// A completed payout that came back.
    ReturnId = "rt";
    /// A card's payment that its holder contests.
    ChargebackId = "cb";
    /// Somebody asks somebody else for money.
    PaymentRequestId = "pr";
    /// A balanced entry in the ledger.
    EntryId = "en";
    /// Money in our ledger that is promised and has not moved.
    HoldId = "ho";
    /// An exchange of currencies that was offered.
    QuoteId = "qu";
    /// What a person decided about a transfer, as the audit remembers it.
    ActionId = "act";
    /// A transfer that is repeated by the calendar.
    ScheduleId = "sc";
    /// Many payouts that were ordered together.
    BatchId = "bt";
    /// What a bank said by itself, as we keep it.
    MessageId = "ms";
    /// A row of the outbox.
    EventId = "ev";
    /// The public half of an API key.
    KeyId = "ak";
    /// One request to the API, as answered in `Request-Id`.
    RequestId = "rq";
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_is_no_transfer_id() {
        let good = TransferId::from_bits(u128::MAX).to_string();
        assert_eq!(good, "tr_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        for text in [
            "",
            "tr_",
            "7zzzzzzzzzzzzzzzzzzzzzzzzz",
            "us_7zzzzzzzzzzzzzzzzzzzzzzzzz",
            "tr_8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "tr_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
            "tr_7zzzzzzzzzzzzzzzzzzzzzzzzzz",
            "tr_7zzzzzzzzzzzzzzzzzzzzzzzzl",
            "tr_7zzzzzzzzzzzzzzzzzzzzzzzé",
        ] {
            assert!(text.parse::<TransferId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn is_read_back(bits: u128) {
            let id = TransferId::from_bits(bits);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn text_order_is_bit_order(a: u128, b: u128) {
            let text = |bits| TransferId::from_bits(bits).to_string();
            prop_assert_eq!(a.cmp(&b), text(a).cmp(&text(b)));
        }
    }
}
