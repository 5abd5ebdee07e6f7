//! What a person may have done about a transfer, and by whom. Typed, so that a workflow can act on
//! exactly what was decided; reasons and evidence are free text and stay in the audit's record.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::rail::RailId;
use crate::{BankAccountId, Money, StepKey};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ActionKind { $($(#[$doc])* $name,)* }

        impl ActionKind {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

kinds! {
    /// Go on with the step that waits; a doubt is asked about at once.
    RetryNow = "retry_now";
    /// The step that waits goes to another account of the same receiver.
    RetryElsewhere = "retry_elsewhere";
    /// A person found out what became of a step at a bank.
    ResolveDoubt = "resolve_doubt";
    /// Give back what was collected, instead of paying it out.
    Refund = "refund";
    /// Call it off before the money is collected.
    Cancel = "cancel";
    /// Nothing more leaves until it is released.
    Hold = "hold";
    Release = "release";
    /// Words for whoever reads the history next.
    Note = "note";
    /// A review ends well.
    Approve = "approve";
    /// A review ends the transfer.
    Deny = "deny";
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an action that this version knows")]
pub struct UnknownAction;

impl FromStr for ActionKind {
    type Err = UnknownAction;

    fn from_str(name: &str) -> Result<Self, UnknownAction> {
        let found = Self::ALL.iter().find(|kind| kind.name() == name);
        found.copied().ok_or(UnknownAction)
    }
}

/// What a person found out about a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum Told {
    /// The bank did it, under this reference of its own.
    Executed { bank_reference: String },
    /// The bank did not do it and never will.
    NotExecuted,
}

/// What is to be done. Ids only: it lies in histories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    RetryNow,
    RetryElsewhere {
        account: BankAccountId,
        rail: RailId,
    },
    ResolveDoubt {
        key: StepKey,
        #[serde(flatten)]
        told: Told,
    },
    Refund,
    Cancel,
    Hold,
    Release,
    Note,
    Approve,
    Deny,
}

impl Action {
    pub const fn kind(&self) -> ActionKind {
        match self {
            Self::RetryNow => ActionKind::RetryNow,
            Self::RetryElsewhere { .. } => ActionKind::RetryElsewhere,
            Self::ResolveDoubt { .. } => ActionKind::ResolveDoubt,
            Self::Refund => ActionKind::Refund,
            Self::Cancel => ActionKind::Cancel,
            Self::Hold => ActionKind::Hold,
            Self::Release => ActionKind::Release,
            Self::Note => ActionKind::Note,
            Self::Approve => ActionKind::Approve,
            Self::Deny => ActionKind::Deny,
        }
    }

    /// Whether somebody else has to agree. What moves money by hand always needs a second person:
    /// another account, a person's word about a bank, money given back. What lets decided money go
    /// on needs one above the limit, and what only stops or speaks never does.
    pub fn needs_second_person(&self, money: Money, limit: i64) -> bool {
        match self {
            Self::RetryElsewhere { .. } | Self::ResolveDoubt { .. } | Self::Refund => true,
            Self::RetryNow | Self::Cancel | Self::Release | Self::Approve => money.minor() > limit,
            Self::Hold | Self::Note | Self::Deny => false,
        }
    }
}

/// Who acts, as they are called where they signed in. No space and nothing that a terminal would
/// take amiss.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Actor(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a name: 1 to 64 visible ASCII characters without a space")]
pub struct InvalidActor;

const LONGEST_NAME: usize = 64;

impl Actor {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Actor {
    type Err = InvalidActor;

    fn from_str(text: &str) -> Result<Self, InvalidActor> {
        let fits = (1..=LONGEST_NAME).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned())).ok_or(InvalidActor)
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Currency, Step, TransferId};

    fn one_of_each() -> Vec<Action> {
        let key = StepKey::of(TransferId::from_bits(7), Step::PayOut);
        let (account, rail) = (BankAccountId::from_bits(2), RailId::SandboxBank);
        vec![
            Action::RetryNow,
            Action::RetryElsewhere { account, rail },
            Action::ResolveDoubt {
                key,
                told: Told::NotExecuted,
            },
            Action::Refund,
            Action::Cancel,
            Action::Hold,
            Action::Release,
            Action::Note,
            Action::Approve,
            Action::Deny,
        ]
    }

    #[test]
    fn every_action_is_read_back_and_named_by_its_kind() {
        let kinds: Vec<_> = one_of_each().iter().map(Action::kind).collect();
        assert_eq!(kinds, ActionKind::ALL);
        for action in one_of_each() {
            let text = serde_json::to_string(&action).unwrap();
            assert!(text.contains(action.kind().name()), "{text}");
            assert_eq!(serde_json::from_str::<Action>(&text).unwrap(), action);
            assert_eq!(action.kind().name().parse(), Ok(action.kind()));
        }
    }

    /// The rule of the second pair of eyes, drawn: below the limit, above it.
    #[test]
    fn who_needs_a_second_person() {
        let money = |minor| Money::from_minor(minor, Currency::EUR).unwrap();
        let needs = |minor| -> Vec<_> {
            let asked = one_of_each();
            let needing = asked
                .iter()
                .filter(|action| action.needs_second_person(money(minor), 1_000));
            needing.map(|action| action.kind().name()).collect()
        };
        assert_eq!(needs(1_000), ["retry_elsewhere", "resolve_doubt", "refund"]);
        assert_eq!(
            needs(1_001),
            [
                "retry_now",
                "retry_elsewhere",
                "resolve_doubt",
                "refund",
                "cancel",
                "release",
                "approve"
            ]
        );
    }

    #[test]
    fn a_name_is_one_visible_word() {
        assert!("alice@bank.example".parse::<Actor>().is_ok());
        for bad in ["", "a b", "a\n", "é", &"x".repeat(65)] {
            assert!(bad.parse::<Actor>().is_err(), "{bad}");
        }
    }
}
