//! The operator's hand on the bank: rules that make the next answers, or a share of them, go wrong.

use serde::{Deserialize, Serialize};

use crate::misbehaviour::Misbehaviour;

const MOST_RULES: usize = 64;

/// The body of `POST /control/faults`. It replaces whatever was set before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// Asked in order; the first that applies decides.
    pub rules: Vec<Rule>,
    /// The state of the dice: the same seed and the same requests give the same faults.
    #[serde(default)]
    pub seed: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub on: Target,
    pub fault: Misbehaviour,
    /// Applies to the next so many requests; counts down.
    #[serde(default)]
    pub next: u32,
    /// Applies to so many requests of a thousand.
    #[serde(default)]
    pub per_thousand: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    Debits,
    Payouts,
    Inquiries,
    Cancellations,
    Authorisations,
    Captures,
    Voids,
    Refunds,
    /// The opening of pages on which payers pay, and their closing.
    Checkouts,
    /// What the bank sends by itself about the orders that come now.
    Webhooks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFaults {
    #[error("at most {MOST_RULES} rules")]
    TooMany,
    #[error("per_thousand is at most 1000")]
    BeyondCertain,
    #[error("this fault cannot happen to an inquiry or a cancellation")]
    NotForInquiries,
    #[error("webhook faults are for webhooks, and webhooks have no others")]
    NotForWebhooks,
}

impl Faults {
    pub(crate) fn check(&self) -> Result<(), InvalidFaults> {
        if self.rules.len() > MOST_RULES {
            return Err(InvalidFaults::TooMany);
        }
        for rule in &self.rules {
            if rule.per_thousand > 1_000 {
                return Err(InvalidFaults::BeyondCertain);
            }
            if (rule.on == Target::Webhooks) != rule.fault.is_of_webhooks() {
                return Err(InvalidFaults::NotForWebhooks);
            }
            let asks = matches!(rule.on, Target::Inquiries | Target::Cancellations);
            if asks && !rule.fault.fits_inquiries() {
                return Err(InvalidFaults::NotForInquiries);
            }
        }
        Ok(())
    }

    pub(crate) fn pick(&mut self, target: Target) -> Option<Misbehaviour> {
        for rule in self.rules.iter_mut().filter(|rule| rule.on == target) {
            if rule.next > 0 {
                rule.next -= 1;
                return Some(rule.fault);
            }
            if rule.per_thousand > 0 && roll(&mut self.seed) % 1_000 < u64::from(rule.per_thousand)
            {
                return Some(rule.fault);
            }
        }
        None
    }
}

/// One step of SplitMix64: good enough for dice, and reproducible anywhere.
fn roll(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(next: u32, per_thousand: u16) -> Rule {
        Rule {
            on: Target::Debits,
            fault: Misbehaviour::CutExecuted,
            next,
            per_thousand,
        }
    }

    #[test]
    fn the_next_two_and_nothing_else() {
        let mut faults = Faults {
            rules: vec![rule(2, 0)],
            seed: 0,
        };
        assert_eq!(faults.pick(Target::Payouts), None);
        assert_eq!(faults.pick(Target::Debits), Some(Misbehaviour::CutExecuted));
        assert_eq!(faults.pick(Target::Debits), Some(Misbehaviour::CutExecuted));
        assert_eq!(faults.pick(Target::Debits), None);
    }

    #[test]
    fn a_share_is_about_that_share_and_repeats_with_its_seed() {
        let run = |seed| {
            let mut faults = Faults {
                rules: vec![rule(0, 300)],
                seed,
            };
            (0..10_000)
                .map(|_| faults.pick(Target::Debits).is_some())
                .collect::<Vec<_>>()
        };
        let hits = run(7).into_iter().filter(|hit| *hit).count();
        assert!((2_800..3_200).contains(&hits), "{hits}");
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn refuses_rules_that_mean_nothing() {
        let faults = |rules| Faults { rules, seed: 0 };
        assert_eq!(
            faults(vec![rule(0, 1_001)]).check(),
            Err(InvalidFaults::BeyondCertain)
        );
        assert_eq!(
            faults(vec![rule(1, 0); 65]).check(),
            Err(InvalidFaults::TooMany)
        );
        let late = Rule {
            on: Target::Inquiries,
            fault: Misbehaviour::LateSuccess,
            ..rule(1, 0)
        };
        assert_eq!(
            faults(vec![late]).check(),
            Err(InvalidFaults::NotForInquiries)
        );
    }
}
