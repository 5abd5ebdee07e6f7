//! Which records of a run only say how far an activity is, so that what it says next can take their
//! place. Only those after the last thing that happened to the run: before it they stay, so a run has
//! no more of them than there are activities at work for each thing that happens to it.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Beats(BTreeMap<i64, i64>);

impl Beats {
    /// The number of the record that one with these beats replaces.
    pub(super) fn before(&self, scheduled_id: Option<i64>) -> Option<i64> {
        self.0.get(&scheduled_id?).copied()
    }

    /// Another record, with the beats of an activity alone or with anything else.
    pub(super) fn note(&mut self, scheduled_id: Option<i64>, number: i64) {
        match scheduled_id {
            Some(scheduled_id) => {
                self.0.insert(scheduled_id, number);
            }
            None => self.0.clear(),
        }
    }
}
