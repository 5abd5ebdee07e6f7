//! Where an item stands among those that wait: its level of priority, and for whom it waits.

use std::sync::Arc;

use temporalio_protos::temporal::api::common::v1::Priority;

/// Level 0 is served first.
pub(super) const LEVELS: usize = 5;
const USUAL_LEVEL: u8 = 2;
/// How far a turn moves a fairness key of weight 1.
pub(super) const USUAL_STRIDE: u32 = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rank {
    pub(super) level: u8,
    /// The fairness key, when there is one.
    pub(super) key: Option<Arc<str>>,
    /// The heavier a key, the shorter its stride: it has its turn again sooner.
    pub(super) stride: u32,
}

impl Default for Rank {
    fn default() -> Self {
        Self {
            level: USUAL_LEVEL,
            key: None,
            stride: USUAL_STRIDE,
        }
    }
}

impl Rank {
    pub(crate) fn of(priority: Option<&Priority>) -> Self {
        let Some(priority) = priority else {
            return Self::default();
        };
        let level = match u8::try_from(priority.priority_key) {
            Ok(said @ 1..=4) => said - 1,
            _ if priority.priority_key > 0 => 4,
            _ => USUAL_LEVEL,
        };
        Self {
            level,
            key: Some(priority.fairness_key.as_str())
                .filter(|key| !key.is_empty())
                .map(Arc::from),
            stride: stride(priority.fairness_weight),
        }
    }
}

/// Turns are counted in whole numbers; only the weight itself is said with a point.
#[allow(clippy::float_arithmetic)]
fn stride(weight: f32) -> u32 {
    const LIGHTEST: f32 = 0.001;
    if weight > 0.0 {
        ((1_000.0 / weight.max(LIGHTEST)) as u32).max(1)
    } else {
        // Nothing said, and nonsense, weigh as much as any other.
        USUAL_STRIDE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_says_level_and_stride() {
        let rank = |priority_key, fairness_weight| {
            let rank = Rank::of(Some(&Priority {
                priority_key,
                fairness_weight,
                ..Priority::default()
            }));
            (rank.level, rank.stride)
        };
        assert_eq!(rank(1, 0.0), (0, 1_000));
        assert_eq!(rank(5, 4.0), (4, 250));
        assert_eq!(rank(900, 0.000_001), (4, 999_999));
        assert_eq!(rank(-3, f32::NAN), (2, 1_000));
        assert_eq!(rank(0, f32::INFINITY), (2, 1));
        assert_eq!(Rank::of(None), Rank::default());
    }
}
