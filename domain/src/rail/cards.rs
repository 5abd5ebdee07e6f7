//! Cards: money is promised first (authorised), then taken in part or whole (captured), and what
//! was taken can be given back in parts (refunded).

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Answer, Found, PortError};
use crate::{Money, StepKey};

/// A card as the network's vault knows it. Never the number: we are not given one.
#[derive(Clone, PartialEq, Eq)]
pub struct CardToken(String);

impl CardToken {
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// What stands in a question, which needs none: it is asked by our reference alone, also when
    /// nobody can open the token any more.
    pub const fn unsaid() -> Self {
        Self(String::new())
    }

    /// For the network's request only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CardToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardToken(…)")
    }
}

/// The network's own name for a payment, as its answer to the authorisation gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkReference(pub String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardPart {
    Authorise,
    Capture,
    Void,
    Refund,
}

impl CardPart {
    pub const ALL: [Self; 4] = [Self::Authorise, Self::Capture, Self::Void, Self::Refund];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorise => "authorise",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
        }
    }
}

/// Our reference of one request to a card network: the step and which part of it. A second refund
/// of the same payment belongs to a transfer of its own, and so has another step key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CardKey {
    pub step: StepKey,
    pub part: CardPart,
}

impl fmt::Display for CardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.step, self.part.name())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a card key of the form <step key>:<authorise|capture|void|refund>")]
pub struct InvalidCardKey;

impl FromStr for CardKey {
    type Err = InvalidCardKey;

    fn from_str(text: &str) -> Result<Self, InvalidCardKey> {
        let (step, name) = text.rsplit_once(':').ok_or(InvalidCardKey)?;
        Ok(Self {
            step: step.parse().map_err(|_| InvalidCardKey)?,
            part: CardPart::ALL
                .into_iter()
                .find(|part| part.name() == name)
                .ok_or(InvalidCardKey)?,
        })
    }
}

/// One request to a card network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardOrder {
    pub step: StepKey,
    pub ask: CardAsk,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardAsk {
    /// Promise the money. The answer's reference names the payment from then on.
    Authorise { card: CardToken, money: Money },
    /// Take what was promised, or less of it; the rest is released.
    Capture {
        payment: NetworkReference,
        money: Money,
    },
    /// Release the promise: nothing is taken.
    Void { payment: NetworkReference },
    /// Give back of what was taken, at most all of it.
    Refund {
        payment: NetworkReference,
        money: Money,
    },
}

impl CardOrder {
    pub const fn key(&self) -> CardKey {
        CardKey {
            step: self.step,
            part: self.ask.part(),
        }
    }
}

impl CardAsk {
    pub const fn part(&self) -> CardPart {
        match self {
            Self::Authorise { .. } => CardPart::Authorise,
            Self::Capture { .. } => CardPart::Capture,
            Self::Void { .. } => CardPart::Void,
            Self::Refund { .. } => CardPart::Refund,
        }
    }
}

/// What a payment is like by now, in the network's books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardPayment {
    pub authorised: Money,
    pub captured: Money,
    pub refunded: Money,
    /// The card's holder took the money back, or tries to.
    pub charged_back: bool,
    /// Our reference of its authorisation, when it was ours.
    pub key: Option<CardKey>,
}

#[async_trait]
pub trait Cards: Send + Sync {
    async fn submit(&self, order: &CardOrder) -> Result<Answer, PortError>;

    /// What became of an order. Asks and changes nothing, so any error means "ask again later". The
    /// order's card is not looked at: whoever asks may not know it any more.
    async fn find(&self, order: &CardOrder) -> Result<Found, PortError>;

    /// What a payment is like by now: for chargebacks, of which only a notice tells.
    async fn payment(&self, payment: &NetworkReference) -> Result<CardPayment, PortError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Step, TransferId};

    #[test]
    fn every_key_is_read_back() {
        let transfer = TransferId::from_bits(7);
        for step in [
            StepKey::of(transfer, Step::Collect),
            StepKey::undo(transfer, Step::Collect),
        ] {
            for part in CardPart::ALL {
                let key = CardKey { step, part };
                assert_eq!(key.to_string().parse(), Ok(key));
            }
        }
        assert!("tr_1:collect:steal".parse::<CardKey>().is_err());
    }

    #[test]
    fn a_token_is_never_printed() {
        let ask = CardAsk::Authorise {
            card: CardToken::new("pm_secret"),
            money: Money::zero(crate::Currency::EUR),
        };
        assert!(!format!("{ask:?}").contains("secret"));
    }
}
