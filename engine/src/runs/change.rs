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
        let Found::Live(mut slot) = self.find(namespace, workflow_id, run_id).await? else {
            return Err(Refusal::Closed.into());
        };
        let Some(live) = slot.live.as_mut() else {
            return Err(Refusal::Closed.into());
        };
        let outcome = match apply(&mut live.run) {
            Ok(outcome) => outcome,
            Err(refusal) => return Err(self.refuse(slot, refusal).await),
        };
        Ok(self.take(&Key::new(namespace.id, workflow_id), &mut slot, outcome))
    }
}
