//! An action as its rows tell it.

use domain::{Action, ActionId, Actor, Tenant, Timestamp, TransferId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAction {
    pub id: ActionId,
    pub tenant: Tenant,
    pub transfer: TransferId,
    pub action: Action,
    pub needs_second: bool,
    pub maker: Actor,
    pub reason: String,
    pub evidence: Option<String>,
    pub made_at: Timestamp,
    pub decided: Option<Decided>,
    pub used: Option<Used>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    pub checker: Actor,
    pub decision: Decision,
    pub reason: String,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    pub by: String,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Approved,
    Denied,
}

impl Decision {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Denied => "denied",
        }
    }
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionState {
    /// A second person has to agree.
    Waiting,
    Approved,
    Denied,
    Used,
}

impl StoredAction {
    pub fn state(&self) -> ActionState {
        let decision = self.decided.as_ref().map(|decided| decided.decision);
        match (self.used.is_some(), decision, self.needs_second) {
            (true, ..) => ActionState::Used,
            (false, Some(Decision::Denied), _) => ActionState::Denied,
            (false, Some(Decision::Approved), _) | (false, None, false) => ActionState::Approved,
            (false, None, true) => ActionState::Waiting,
        }
    }
}

impl ActionState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waits for a second person",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Used => "used",
        }
    }
}
