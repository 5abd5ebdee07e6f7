//! Whose data it is: the scope that every query and every business key begins with.

use serde::{Deserialize, Serialize};

use crate::PartnerId;

/// Sandbox and live data never meet: the mode is part of every key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Sandbox,
    Live,
}

impl Mode {
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Live)
    }

    pub const fn from_livemode(livemode: bool) -> Self {
        if livemode { Self::Live } else { Self::Sandbox }
    }
}

/// A partner in one mode. Repositories take it as a parameter, so no query can forget it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tenant {
    pub partner: PartnerId,
    pub mode: Mode,
}
