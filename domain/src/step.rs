//! The steps of a transfer that move money, and the keys derived from them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::rail::Way;
use crate::{LinkedId, TransferId};

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
///
/// What follows a completed transfer has keys of its own, derived from its own id. Such a key alone
/// does not say which transfer it belongs to: [`StepKey::read`] is told.
///
/// A bank that refused a key for good refuses it for ever. Where a person has such a step done once
/// more, it is done in a new *round* with a key of its own; the rounds before are provably dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StepKey {
    pub transfer: TransferId,
    pub step: Step,
    pub undo: bool,
    /// Counted from 1.
    #[serde(default = "first_round", skip_serializing_if = "is_first_round")]
    pub round: u32,
    /// What it is a step of, where that is not the transfer itself but belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked: Option<LinkedId>,
}

const fn first_round() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde hands it over like this.
const fn is_first_round(round: &u32) -> bool {
    *round == 1
}

impl StepKey {
    pub const fn of(transfer: TransferId, step: Step) -> Self {
        Self {
            transfer,
            step,
            undo: false,
            round: 1,
            linked: None,
        }
    }

    pub const fn undo(transfer: TransferId, step: Step) -> Self {
        Self {
            transfer,
            step,
            undo: true,
            round: 1,
            linked: None,
        }
    }

    /// The step by which the sender of a completed transfer is paid back over a rail.
    pub const fn of_linked(transfer: TransferId, linked: LinkedId) -> Self {
        Self {
            transfer,
            step: Step::PayOut,
            undo: false,
            round: 1,
            linked: Some(linked),
        }
    }

    /// Reads a stored key, which belongs to a transfer that is known.
    pub fn read(transfer: TransferId, text: &str) -> Result<Self, InvalidStepKey> {
        let (of, step) = text.split_once(':').ok_or(InvalidStepKey)?;
        match of.parse() {
            Ok(linked) => Ok(Self {
                linked: Some(linked),
                ..format!("{transfer}:{step}").parse()?
            }),
            Err(_) => text
                .parse()
                .ok()
                .filter(|key: &Self| key.transfer == transfer)
                .ok_or(InvalidStepKey),
        }
    }

    /// The same step in a later round, once this key is dead.
    #[must_use]
    pub const fn next_round(self) -> Self {
        Self {
            round: self.round.saturating_add(1),
            ..self
        }
    }

    /// Which way its money goes, seen from us.
    pub const fn way(self) -> Way {
        match (self.step, self.undo) {
            (Step::Collect | Step::Fund, false) => Way::In,
            _ => Way::Out,
        }
    }

    /// The key of the first round: what all rounds of a step have in common.
    #[must_use]
    pub const fn first(self) -> Self {
        Self { round: 1, ..self }
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let undo = if self.undo { "undo-" } else { "" };
        match self.linked {
            None => write!(f, "{}:{undo}{}", self.transfer, self.step)?,
            Some(linked) => write!(f, "{linked}:{undo}{}", self.step)?,
        }
        if self.round > 1 {
            write!(f, "-{}", self.round)?;
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a step key of the form <transfer id>:<step> or <transfer id>:undo-<step>, with -<round> \
     from the second round on"
)]
pub struct InvalidStepKey;

impl FromStr for StepKey {
    type Err = InvalidStepKey;

    fn from_str(text: &str) -> Result<Self, InvalidStepKey> {
        let (transfer, step) = text.split_once(':').ok_or(InvalidStepKey)?;
        let (undo, name) = match step.strip_prefix("undo-") {
            Some(name) => (true, name),
            None => (false, step),
        };
        let named = |name: &str| Step::ALL.into_iter().find(|step| step.name() == name);
        let (step, round) = match (named(name), name.rsplit_once('-')) {
            (Some(step), _) => (step, 1),
            (None, Some((name, round))) => (named(name).ok_or(InvalidStepKey)?, later(round)?),
            (None, None) => return Err(InvalidStepKey),
        };
        Ok(Self {
            transfer: transfer.parse().map_err(|_| InvalidStepKey)?,
            step,
            undo,
            round,
            linked: None,
        })
    }
}

/// One number has one text, or one key would have several.
fn later(text: &str) -> Result<u32, InvalidStepKey> {
    let round: u32 = text.parse().map_err(|_| InvalidStepKey)?;
    if round < 2 || round.to_string() != text {
        return Err(InvalidStepKey);
    }
    Ok(round)
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
            .flat_map(|key| [key, key.next_round(), key.next_round().next_round()])
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
        assert_eq!(
            StepKey::undo(transfer, Step::Collect)
                .next_round()
                .to_string(),
            "tr_00000000000000000000000007:undo-collect-2"
        );
        for text in [
            "collect-1",
            "collect-02",
            "collect-+2",
            "collect-",
            "-2",
            "pay-2",
        ] {
            let text = format!("{transfer}:{text}");
            assert_eq!(text.parse::<StepKey>(), Err(InvalidStepKey), "{text}");
        }
    }

    #[test]
    fn a_linked_key_is_read_by_whoever_knows_its_transfer() {
        let transfer = TransferId::from_bits(7);
        let linked = LinkedId::new(crate::linked::Kind::Refund, 8);
        let key = StepKey::of_linked(transfer, linked).next_round();
        let text = key.to_string();
        assert_eq!(text, "re_00000000000000000000000008:pay-out-2");
        assert_eq!(StepKey::read(transfer, &text), Ok(key));
        assert_eq!(text.parse::<StepKey>(), Err(InvalidStepKey));
        let own = StepKey::of(transfer, Step::PayOut);
        assert_eq!(StepKey::read(transfer, &own.to_string()), Ok(own));
        let other = TransferId::from_bits(9);
        assert_eq!(StepKey::read(other, &own.to_string()), Err(InvalidStepKey));
    }

    /// What older histories hold has no round.
    #[test]
    fn the_first_round_is_written_as_it_always_was() {
        let key = StepKey::of(TransferId::from_bits(7), Step::PayOut);
        let text = serde_json::to_string(&key).unwrap();
        assert!(!text.contains("round"), "{text}");
        assert_eq!(serde_json::from_str::<StepKey>(&text).unwrap(), key);
    }
}
