//! The steps of a transfer that move money, and the keys derived from them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::TransferId;

/// In the order in which they happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Look whether it may be carried out at all.
    Screen,
    /// Take the money from the sender.
    Collect,
    /// Book what was collected into the pool; of a card, take what was promised.
    Fund,
    /// Change the currency of what is on its way.
    Convert,
    /// Pay the receiver.
    PayOut,
    /// Book what was paid out of the pool.
    Settle,
}

impl Step {
    pub const ALL: [Self; 6] = [
        Self::Screen,
        Self::Collect,
        Self::Fund,
        Self::Convert,
        Self::PayOut,
        Self::Settle,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Screen => "screen",
            Self::Collect => "collect",
            Self::Fund => "fund",
            Self::Convert => "convert",
            Self::PayOut => "pay-out",
            Self::Settle => "settle",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The idempotency key of one money step: derived, never random, the same on every attempt and in
/// every system it travels to (ledger, bank). An undo has a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StepKey {
    pub transfer: TransferId,
    pub step: Step,
    pub undo: bool,
}

impl StepKey {
    pub const fn of(transfer: TransferId, step: Step) -> Self {
        Self {
            transfer,
            step,
            undo: false,
        }
    }

    pub const fn undo(transfer: TransferId, step: Step) -> Self {
        Self {
            transfer,
            step,
            undo: true,
        }
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let undo = if self.undo { "undo-" } else { "" };
        write!(f, "{}:{undo}{}", self.transfer, self.step)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a step key of the form <transfer id>:<step> or <transfer id>:undo-<step>")]
pub struct InvalidStepKey;

impl FromStr for StepKey {
    type Err = InvalidStepKey;

    fn from_str(text: &str) -> Result<Self, InvalidStepKey> {
        let (transfer, step) = text.split_once(':').ok_or(InvalidStepKey)?;
        let (undo, name) = match step.strip_prefix("undo-") {
            Some(name) => (true, name),
            None => (false, step),
        };
        Ok(Self {
            transfer: transfer.parse().map_err(|_| InvalidStepKey)?,
            step: Step::ALL
                .into_iter()
                .find(|step| step.name() == name)
                .ok_or(InvalidStepKey)?,
            undo,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_different_and_read_back() {
        let transfer = TransferId::from_bits(7);
        let keys: Vec<_> = Step::ALL
            .into_iter()
            .flat_map(|step| [StepKey::of(transfer, step), StepKey::undo(transfer, step)])
            .collect();
        let texts: std::collections::BTreeSet<_> = keys.iter().map(StepKey::to_string).collect();
        assert_eq!(texts.len(), keys.len());
        for key in keys {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        assert_eq!(
            StepKey::undo(transfer, Step::Collect).to_string(),
            "tr_00000000000000000000000007:undo-collect"
        );
    }
}
