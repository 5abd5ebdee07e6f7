//! What runs do to each other: a child is started, a signal or a cancellation is delivered, an
//! end is reported to a parent and brought to children.
//!
//! An errand locks the run it goes to, applies a command that changes nothing the second time,
//! lets go, and then tells the run it came from. Never are two locked. The two records need no
//! wait between them: their order in the writer's queue is their order on disk, and after a crash
//! in between the errand is still there and is repeated.

mod external;
mod offspring;
mod queue;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use temporalio_protos::temporal::api::common::v1::Priority;
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use tonic::{Code, Status};

pub(crate) use queue::Queue;

use crate::core::Run;
use crate::core::commands::answer_errand::{self, Answer};
use crate::core::family::{Errand, Request, Target};
use crate::runs::{Host, Namespace};

/// Runs whose errands are done at the same time.
const AT_ONCE: usize = 64;
const AGAIN: Duration = Duration::from_secs(1);
/// The other run is about to close, or the disk is behind.
const AGAIN_SOON: Duration = Duration::from_millis(100);
/// A damaged run stays damaged until somebody mends it.
const AGAIN_IF_DAMAGED: Duration = Duration::from_secs(60);

/// The run that an errand comes from.
#[derive(Clone, Debug)]
struct Source {
    namespace: Namespace,
    execution: WorkflowExecution,
    root: WorkflowExecution,
    first_run_id: String,
    priority: Option<Priority>,
}

impl Source {
    fn of(run: &Run, namespace: Namespace) -> Self {
        Self {
            namespace,
            execution: run.execution(),
            root: run.root(),
            first_run_id: run.first_run_id.clone(),
            priority: run.priority.clone(),
        }
    }

    /// By which another run knows an errand that is repeated.
    fn request_id(&self, initiated_id: i64) -> String {
        format!("{}:{initiated_id}:0", self.execution.run_id)
    }
}

/// What came of it, and the name of the namespace it was done in.
#[derive(Debug)]
struct Done {
    answer: Answer,
    place: String,
}

impl Host {
    pub(crate) async fn run_errands(self: Arc<Self>) {
        let rows = stream::unfold(&self, |host| async move {
            Some((host.errands.next(&host.clock).await, host))
        });
        let performing = rows.for_each_concurrent(AT_ONCE, |row| self.go_for(row));
        tokio::select! {
            () = self.closing.cancelled() => {}
            () = performing => {}
        }
    }

    async fn go_for(&self, row: i64) {
        let _hand = self.stillness.hand();
        match self.do_errands(row).await {
            Ok(None) => self.errands.done(row),
            Ok(Some(wait)) => self.errands.again_at(row, self.now().after(wait)),
            Err(error) => {
                let wait = patience(row, &error);
                self.errands.again_at(row, self.now().after(wait));
            }
        }
    }

    /// Does what the run has to do elsewhere, one after the other. What cannot be done now is still
    /// there, and steps aside with all that goes to the same workflow after it: answers how long
    /// it shall wait.
    pub(crate) async fn do_errands(&self, row: i64) -> Result<Option<Duration>, Status> {
        let (mut shut, mut soonest) = (BTreeSet::new(), None);
        loop {
            self.admit()?;
            self.errands.look(row);
            let Some((source, errand)) = self.next_errand(row, &shut).await? else {
                return Ok(soonest);
            };
            let target = errand.target();
            match self.carry_out(&source, errand).await {
                Ok(done) => self.tell(row, done).await?,
                Err(error) => {
                    shut.insert(target);
                    let wait = patience(row, &error);
                    soonest = Some(soonest.map_or(wait, |before| wait.min(before)));
                }
            }
        }
    }

    async fn next_errand(
        &self,
        row: i64,
        shut: &BTreeSet<Target>,
    ) -> Result<Option<(Source, Errand)>, Status> {
        let Some((key, slot)) = self.lock_source(row).await? else {
            return Ok(None);
        };
        let Some(run) = slot.run_of_row(row) else {
            return Ok(None);
        };
        let Some(errand) = run.family.next_errand(shut) else {
            return Ok(None);
        };
        let namespace = self.namespaces.by_id(key.namespace);
        let namespace =
            namespace.ok_or_else(|| Status::internal("a run's namespace does not exist"))?;
        Ok(Some((Source::of(run, namespace), errand)))
    }

    async fn carry_out(&self, source: &Source, errand: Errand) -> Result<Done, Status> {
        match errand {
            Errand::Request(id, Request::StartChild(a, metadata)) => {
                self.start_child(source, id, *a, metadata).await
            }
            Errand::Request(id, Request::Signal(a)) => self.signal_external(source, id, *a).await,
            Errand::Request(id, Request::Cancel(a)) => self.cancel_external(source, id, *a).await,
            Errand::Report(parent, end) => self.report(source, &parent, end).await,
            Errand::Part(id, child) => self.part(source, id, &child).await,
        }
    }

    /// The answer, to the run that waits for it.
    async fn tell(&self, row: i64, done: Done) -> Result<(), Status> {
        if let Some((key, mut slot)) = self.lock_source(row).await? {
            let now = self.now();
            self.change_source(&key, &mut slot, row, |run| {
                answer_errand::apply(run, done.answer, &done.place, now)
            });
        }
        Ok(())
    }
}

/// How long what could not be done shall wait.
fn patience(row: i64, error: &Status) -> Duration {
    match error.code() {
        Code::DataLoss => {
            tracing::error!(row, %error, "an errand goes to a run that cannot be read");
            AGAIN_IF_DAMAGED
        }
        Code::ResourceExhausted => AGAIN_SOON,
        _ => {
            tracing::warn!(row, %error, "an errand is tried again");
            AGAIN
        }
    }
}

#[cfg(test)]
mod tests;
