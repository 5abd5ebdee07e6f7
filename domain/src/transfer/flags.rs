//! What is unusual about a transfer right now, beside its status: which step, and since when.

use serde::{Deserialize, Serialize};

use crate::{Step, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagKind {
    /// A bank's answer never came: the step may or may not have happened, and is being found out.
    InDoubt,
    /// Only a person can go on.
    NeedsOperator,
    /// A person stopped it before the next step that leaves us.
    OnHold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    pub step: Step,
    pub since: Timestamp,
}

/// At most one flag of each kind: a transfer is only ever in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flags {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_doubt: Option<Flag>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs_operator: Option<Flag>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_hold: Option<Flag>,
}

impl Flags {
    pub const fn is_empty(self) -> bool {
        self.in_doubt.is_none() && self.needs_operator.is_none() && self.on_hold.is_none()
    }

    /// Keeps the time of the first raising: "since when" must not move when it is raised again.
    #[must_use]
    pub fn raised(mut self, kind: FlagKind, step: Step, at: Timestamp) -> Self {
        let flag = self.slot(kind);
        if flag.is_none_or(|flag| flag.step != step) {
            *flag = Some(Flag { step, since: at });
        }
        self
    }

    #[must_use]
    pub fn lowered(mut self, kind: FlagKind) -> Self {
        *self.slot(kind) = None;
        self
    }

    fn slot(&mut self, kind: FlagKind) -> &mut Option<Flag> {
        match kind {
            FlagKind::InDoubt => &mut self.in_doubt,
            FlagKind::NeedsOperator => &mut self.needs_operator,
            FlagKind::OnHold => &mut self.on_hold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_the_first_time() {
        let at = Timestamp::from_seconds;
        let flags = Flags::default()
            .raised(FlagKind::InDoubt, Step::PayOut, at(1))
            .raised(FlagKind::InDoubt, Step::PayOut, at(9));
        assert_eq!(
            flags.in_doubt,
            Some(Flag {
                step: Step::PayOut,
                since: at(1)
            })
        );
        assert!(flags.lowered(FlagKind::InDoubt).is_empty());
    }
}
