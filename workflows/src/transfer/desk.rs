//! What people asked for and what waits for them. Pure: a message's validator asks here, so that
//! what is refused is refused with its reason before anything happens.

use std::collections::{BTreeSet, VecDeque};

use domain::transfer::Status;
use domain::{ActionId, ActionKind, MessageId, Step, StepKey};

use super::messages::{self, No};
use crate::activities::{Elsewhere, Settled};

/// More messages than a person ever sent about one transfer; a longer history would end the run.
const MOST_MESSAGES: usize = 500;

/// More than a bank ever says about one transfer. What it says beyond that is found by asking it.
pub(crate) const MOST_HEARD: usize = 200;

#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) waiting: Option<Waiting>,
    /// The step that is being asked about.
    pub(crate) doubt: Option<StepKey>,
    /// What a person found out about it.
    pub(crate) told: Option<Settled>,
    /// What the bank said by itself and nobody has listened to yet, and all that was ever heard of.
    pub(crate) unheard: VecDeque<MessageId>,
    pub(crate) all_heard: BTreeSet<MessageId>,
    /// How often somebody asked to go on or to ask at once.
    pub(crate) asked_again: u32,
    /// A person decided it by an approved action, so a dead key may be followed by a new one.
    pub(crate) by_action: bool,
    pub(crate) elsewhere: Option<Elsewhere>,
    pub(crate) held: bool,
    /// The money shall not be paid out, or not be collected at all.
    pub(crate) take_back: bool,
    /// A person looks at it before anything moves, and what came of it.
    pub(crate) in_review: bool,
    pub(crate) reviewed: Option<bool>,
    pub(crate) taken: BTreeSet<ActionId>,
}

/// A step that only a person can get further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) step: Step,
    pub(crate) why: String,
    /// It may go to another account of the same receiver.
    pub(crate) may_go_elsewhere: bool,
    /// Surely nothing left for the receiver: what was collected may still be given back.
    pub(crate) may_be_taken_back: bool,
}

impl Waiting {
    pub(crate) const fn only_again(step: Step, why: String) -> Self {
        Self {
            step,
            why,
            may_go_elsewhere: false,
            may_be_taken_back: false,
        }
    }
}

impl Desk {
    /// The old signal: the same step under the same key, and nothing else.
    pub(crate) fn try_again(&mut self) {
        self.asked_again += 1;
    }

    /// Kept until a step is in doubt: only then does it matter. One message is heard once.
    pub(crate) fn heard(&mut self, message: MessageId) {
        if self.all_heard.len() < MOST_HEARD && self.all_heard.insert(message) {
            self.unheard.push_back(message);
        }
    }

    pub(crate) fn has_news(&self) -> bool {
        !self.unheard.is_empty()
    }

    pub(crate) fn next_news(&mut self) -> Option<MessageId> {
        self.unheard.pop_front()
    }

    /// Whether such a message would be taken now, or why not.
    pub(crate) fn may(&self, kind: ActionKind, status: Status) -> Result<(), No> {
        if status.is_final() {
            return Err(messages::final_already(status));
        }
        if self.taken.len() >= MOST_MESSAGES {
            return Err(messages::too_many());
        }
        messages::may(kind, self, status)
    }

    pub(crate) fn possible(&self, status: Status) -> Vec<ActionKind> {
        let all = ActionKind::ALL.iter().copied();
        all.filter(|kind| self.may(*kind, status).is_ok()).collect()
    }

    pub(crate) fn waiting_for(&self) -> Option<String> {
        self.waiting.as_ref().map(|waiting| waiting.why.clone())
    }

    /// False when it was taken before: one action is one message.
    pub(crate) fn take(&mut self, action: ActionId) -> bool {
        self.taken.insert(action)
    }

    /// It was not acted upon after all.
    pub(crate) fn put_back(&mut self, action: ActionId) {
        self.taken.remove(&action);
    }

    /// Where the transfer is, for whoever reads that it was stopped there.
    pub(crate) fn step(&self, status: Status) -> Step {
        let doubt = self.doubt.map(|key| key.step);
        let waiting = self.waiting.as_ref().map(|waiting| waiting.step);
        doubt.or(waiting).unwrap_or(match status {
            Status::Created | Status::Scheduled | Status::InReview => Step::Screen,
            Status::Funded | Status::PayingOut => Step::PayOut,
            _ => Step::Collect,
        })
    }

    /// What a person can do, in the words of the command line; only what gets it further.
    pub(crate) fn ways_out(&self, status: Status) -> String {
        let all = self.possible(status).into_iter().filter(|kind| {
            !matches!(
                kind,
                ActionKind::Note | ActionKind::Hold | ActionKind::Release
            )
        });
        let names: Vec<_> = all.map(ActionKind::name).collect();
        names.join(", ")
    }
}
