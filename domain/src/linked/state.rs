//! Where a linked movement stands, and the one table of how that may change.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Kind;

/// Clients are told to expect new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Stored; nothing has moved.
    Created,
    /// Its money is on its way: set aside, come back, or contested.
    Pending,
    /// The sender has the money. Final.
    Completed,
    /// Refused for good: whoever was to give it has it still. Final.
    Failed,
    /// The dispute was decided for us. Final.
    Won,
    /// The dispute was decided against us. Final.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {kind} that is {from} cannot become {to}")]
pub struct NotNow {
    pub kind: Kind,
    pub from: State,
    pub to: State,
}

impl State {
    pub const ALL: [Self; 6] = [
        Self::Created,
        Self::Pending,
        Self::Completed,
        Self::Failed,
        Self::Won,
        Self::Lost,
    ];

    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Won | Self::Lost
        )
    }

    /// The table of allowed transitions. A wallet gives and takes in one entry; a bank has sent the
    /// money before a return begins, so nothing can refuse one; a dispute is decided by its network.
    pub const fn may_become(self, next: Self, kind: Kind) -> bool {
        use State::{Completed, Created, Failed, Lost, Pending, Won};
        matches!(
            (kind, self, next),
            (Kind::Refund, Created, Pending | Completed | Failed)
                | (Kind::Refund, Pending, Completed | Failed)
                | (Kind::Return | Kind::Chargeback, Created, Pending)
                | (Kind::Return, Pending, Completed)
                | (Kind::Chargeback, Pending, Won | Lost)
        )
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a state of a linked movement that this version knows")]
pub struct UnknownState;

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(name: &str) -> Result<Self, UnknownState> {
        let known = Self::ALL.into_iter().find(|state| state.name() == name);
        known.ok_or(UnknownState)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table, drawn. A change of the rules changes this picture.
    #[test]
    fn allowed_transitions() {
        let mut drawn = Vec::new();
        for kind in Kind::ALL {
            for from in State::ALL {
                let to = State::ALL.into_iter();
                let to: Vec<_> = to
                    .filter(|to| from.may_become(*to, kind))
                    .map(State::name)
                    .collect();
                assert!(!from.is_final() || to.is_empty());
                if !to.is_empty() {
                    drawn.push(format!("{kind}: {from} -> {}", to.join(", ")));
                }
            }
        }
        assert_eq!(
            drawn,
            [
                "refund: created -> pending, completed, failed",
                "refund: pending -> completed, failed",
                "return: created -> pending",
                "return: pending -> completed",
                "chargeback: created -> pending",
                "chargeback: pending -> won, lost",
            ]
        );
        for state in State::ALL {
            assert_eq!(state.name().parse(), Ok(state));
        }
    }
}
