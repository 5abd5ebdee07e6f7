//! The public states of a transfer and the one table of how they may follow each other.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Clients are told to expect new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted and stored; nothing has moved.
    Created,
    /// To be carried out at a later date; nothing has moved.
    Scheduled,
    /// Somebody of us has to look at it before anything moves.
    InReview,
    /// The sender is being asked for the money.
    Collecting,
    /// Somebody outside has to do something first, until a given time.
    RequiresAction,
    /// The money is in the pool.
    Funded,
    /// The receiver is being paid.
    PayingOut,
    /// A step was definitively refused; what was done is being undone.
    Compensating,
    /// The receiver has the money. Final.
    Completed,
    /// Undone before completion; the sender has the money back. Final.
    Refunded,
    /// Nothing was kept; the reason is stored. Final.
    Failed,
    /// Called off before anything moved. Final.
    Canceled,
}

impl Status {
    pub const ALL: [Self; 12] = [
        Self::Created,
        Self::Scheduled,
        Self::InReview,
        Self::Collecting,
        Self::RequiresAction,
        Self::Funded,
        Self::PayingOut,
        Self::Compensating,
        Self::Completed,
        Self::Refunded,
        Self::Failed,
        Self::Canceled,
    ];

    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Refunded | Self::Failed | Self::Canceled
        )
    }

    /// The table of allowed transitions. Whatever is not in it is refused, wherever it is tried.
    pub const fn may_become(self, next: Self) -> bool {
        use Status::{
            Canceled, Collecting, Compensating, Completed, Created, Failed, Funded, InReview,
            PayingOut, Refunded, RequiresAction, Scheduled,
        };
        matches!(
            (self, next),
            (
                Created,
                Scheduled | InReview | Collecting | Failed | Canceled
            ) | (Scheduled, InReview | Collecting | Failed | Canceled)
                | (InReview, Collecting | Failed | Canceled)
                | (Collecting, RequiresAction | Funded | Failed | Canceled)
                | (RequiresAction, Funded | Failed | Canceled)
                | (Funded, PayingOut | Compensating)
                | (PayingOut, Completed | Compensating)
                | (Compensating, Refunded)
        )
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Scheduled => "scheduled",
            Self::InReview => "in_review",
            Self::Collecting => "collecting",
            Self::RequiresAction => "requires_action",
            Self::Funded => "funded",
            Self::PayingOut => "paying_out",
            Self::Compensating => "compensating",
            Self::Completed => "completed",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a transfer status that this version knows")]
pub struct UnknownStatus;

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(name: &str) -> Result<Self, UnknownStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.name() == name)
            .ok_or(UnknownStatus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table, drawn: rows become columns. A change of the rules changes this picture.
    #[test]
    fn allowed_transitions() {
        let drawn: Vec<String> = Status::ALL
            .into_iter()
            .map(|from| {
                let to: Vec<_> = Status::ALL
                    .into_iter()
                    .filter(|to| from.may_become(*to))
                    .map(Status::name)
                    .collect();
                format!("{from} -> {}", to.join(", "))
            })
            .collect();
        assert_eq!(
            drawn,
            [
                "created -> scheduled, in_review, collecting, failed, canceled",
                "scheduled -> in_review, collecting, failed, canceled",
                "in_review -> collecting, failed, canceled",
                "collecting -> requires_action, funded, failed, canceled",
                "requires_action -> funded, failed, canceled",
                "funded -> paying_out, compensating",
                "paying_out -> compensating, completed",
                "compensating -> refunded",
                "completed -> ",
                "refunded -> ",
                "failed -> ",
                "canceled -> ",
            ]
        );
    }

    #[test]
    fn final_means_that_nothing_follows() {
        for from in Status::ALL {
            assert_eq!(
                from.is_final(),
                !Status::ALL.into_iter().any(|to| from.may_become(to))
            );
            assert!(!from.may_become(from));
        }
    }

    #[test]
    fn names_are_read_back_and_are_what_json_says() {
        for status in Status::ALL {
            assert_eq!(status.name().parse(), Ok(status));
            assert_eq!(
                serde_json::to_string(&status).unwrap(),
                format!("\"{status}\"")
            );
        }
    }
}
