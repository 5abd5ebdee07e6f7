//! Runs as the source of errands: open, closed a moment ago, or closed in an earlier boot.

use tonic::Status;

use super::{Guard, Host, Key, Slot};
use crate::core::{Outcome, Run};
use crate::store::Change;

impl Slot {
    pub(crate) fn run_of_row(&self, row: i64) -> Option<&Run> {
        self.live
            .iter()
            .chain(&self.leaving)
            .find(|live| live.row == row)
            .map(|live| &live.run)
    }
}

impl Host {
    /// Locks the run of a row that may have errands, reading it back although it is closed and
    /// another run may have taken its place. `None` when it has nothing to do any more.
    pub(crate) async fn lock_source(&self, row: i64) -> Result<Option<(Key, Guard)>, Status> {
        let key = match self.shelf.key_of_row(row) {
            Some(key) => key,
            None => match self.read(move |reader| reader.by_row(row)).await? {
                Some(head) => Key::new(head.namespace, &head.workflow_id),
                None => return Ok(None),
            },
        };
        loop {
            let mut slot = self.lock(&key).await?;
            if slot.run_of_row(row).is_some() {
                return Ok(Some((key, slot)));
            }
            let position = slot.position;
            if !self.writes.is_durable(position) {
                // What is read now must be all there is, or the same would be written twice.
                drop(slot);
                self.durable(position).await?;
                continue;
            }
            let head = self.read(move |reader| reader.by_row(row)).await?;
            let Some(head) = head.filter(|head| head.agenda.ready) else {
                return Ok(None);
            };
            let live = self.revive(&head).await?;
            self.shelf.remember_row(row, key.clone());
            slot.leaving.push(Box::new(live));
            return Ok(Some((key, slot)));
        }
    }

    /// Applies what an errand brings back to the run it was for. Nobody waits for it.
    pub(crate) fn change_source(
        &self,
        key: &Key,
        slot: &mut Slot,
        row: i64,
        apply: impl FnOnce(&mut Run) -> Outcome,
    ) {
        if let Some(live) = slot.live.as_mut().filter(|live| live.row == row) {
            let outcome = apply(&mut live.run);
            self.take(key, slot, outcome);
            return;
        }
        let Some(at) = slot.leaving.iter().position(|live| live.row == row) else {
            return;
        };
        let live = &mut slot.leaving[at];
        let outcome = apply(&mut live.run);
        if let Some(record) = outcome.record {
            let changes: [Change; 2] = live.append(key.namespace, record);
            slot.position = self.writes.submit(changes);
        }
        if !live.run.family.has_errands() {
            slot.leaving.remove(at);
            self.shelf.forget_row(row);
        }
        self.shelf.weigh(slot);
    }
}
