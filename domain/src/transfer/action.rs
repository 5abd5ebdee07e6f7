//! What a transfer waits for somebody outside to do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The payer has to pay on the provider's own page.
    PayAtCheckout,
}

impl What {
    pub const ALL: [Self; 1] = [Self::PayAtCheckout];

    pub const fn name(self) -> &'static str {
        match self {
            Self::PayAtCheckout => "pay_at_checkout",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an action that this version knows")]
pub struct UnknownAction;

impl FromStr for What {
    type Err = UnknownAction;

    fn from_str(name: &str) -> Result<Self, UnknownAction> {
        Self::ALL
            .into_iter()
            .find(|what| what.name() == name)
            .ok_or(UnknownAction)
    }
}

/// An action, where to do it, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    pub what: What,
    /// The page on which it is done.
    pub link: String,
    /// The provider's own name for it: what we ask the provider about.
    pub reference: String,
    pub until: Timestamp,
}
