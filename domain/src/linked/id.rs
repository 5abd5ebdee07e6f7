//! The ids of linked movements: the prefix says which kind it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ChargebackId, RefundId, ReturnId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The receiver gives back, all or a part.
    Refund,
    /// The receiver's bank gives a payout back.
    Return,
    /// The card's bank takes a payment back.
    Chargeback,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Refund, Self::Return, Self::Chargeback];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Refund => "refund",
            Self::Return => "return",
            Self::Chargeback => "chargeback",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkedId {
    Refund(RefundId),
    Return(ReturnId),
    Chargeback(ChargebackId),
}

impl LinkedId {
    pub const fn new(kind: Kind, bits: u128) -> Self {
        match kind {
            Kind::Refund => Self::Refund(RefundId::from_bits(bits)),
            Kind::Return => Self::Return(ReturnId::from_bits(bits)),
            Kind::Chargeback => Self::Chargeback(ChargebackId::from_bits(bits)),
        }
    }

    pub const fn kind(self) -> Kind {
        match self {
            Self::Refund(_) => Kind::Refund,
            Self::Return(_) => Kind::Return,
            Self::Chargeback(_) => Kind::Chargeback,
        }
    }
}

impl fmt::Display for LinkedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refund(id) => id.fmt(f),
            Self::Return(id) => id.fmt(f),
            Self::Chargeback(id) => id.fmt(f),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a refund, a return or a chargeback")]
pub struct InvalidLinkedId;

impl FromStr for LinkedId {
    type Err = InvalidLinkedId;

    fn from_str(text: &str) -> Result<Self, InvalidLinkedId> {
        let refund = text.parse().map(Self::Refund);
        refund
            .or_else(|_| text.parse().map(Self::Return))
            .or_else(|_| text.parse().map(Self::Chargeback))
            .map_err(|_| InvalidLinkedId)
    }
}

impl Serialize for LinkedId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LinkedId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TransferId;

    #[test]
    fn every_kind_is_read_back_and_a_transfer_is_none() {
        for kind in Kind::ALL {
            let id = LinkedId::new(kind, 7);
            assert_eq!(id.kind(), kind);
            assert_eq!(id.to_string().parse(), Ok(id));
            let json = serde_json::to_string(&id).unwrap();
            assert_eq!(serde_json::from_str::<LinkedId>(&json).unwrap(), id);
        }
        let transfer = TransferId::from_bits(7).to_string();
        assert_eq!(transfer.parse::<LinkedId>(), Err(InvalidLinkedId));
    }
}
