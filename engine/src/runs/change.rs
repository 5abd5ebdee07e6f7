//! The common road of a command from outside: find the open run, apply, queue the record.

use tonic::Status;

use super::{Found, Host, Key, Namespace};
use crate::core::{Outcome, Refusal, Run};
use crate::store::writer::Position;

impl Host {
    pub(crate) async fn change(
        &self,
        namespace: &Namespace,
        workflow_id: &str,
        run_id: &str,
        apply: impl FnOnce(&mut Run) -> Result<Outcome, Refusal>,
    ) -> Result<Position, Status> {
        let changed = self.change_if_there(namespace, workflow_id, run_id, apply);
        Ok(changed.await?.ok_or(Refusal::Closed)?)
    }

    /// The same; of a run that closed so long ago that it left memory, `None`.
    pub(crate) async fn change_if_there(
        &self,
        namespace: &Namespace,
        workflow_id: &str,
        run_id: &str,
        apply: impl FnOnce(&mut Run) -> Result<Outcome, Refusal>,
    ) -> Result<Option<Position>, Status> {
        let Found::Live(mut slot) = self.find(namespace, workflow_id, run_id).await? else {
            return Ok(None);
        };
        let Some(live) = slot.live.as_mut() else {
            return Ok(None);
        };
        let outcome = match apply(&mut live.run) {
            Ok(outcome) => outcome,
            Err(refusal) => return Err(self.refuse(slot, refusal).await),
        };
        let key = Key::new(namespace.id, workflow_id);
        let overrun = outcome.overrun;
        let position = self.take(&key, &mut slot, outcome);
        drop(slot);
        match overrun {
            None => Ok(Some(position)),
            Some(bound) => {
                self.durable(position).await?;
                Err(Status::invalid_argument(bound))
            }
        }
    }
}
