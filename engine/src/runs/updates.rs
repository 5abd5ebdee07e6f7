//! Those who wait for updates. The core says what becomes of an update; who waits is answered
//! when the disk has what it rests on.

use std::collections::HashMap;

use prost::Message;
use temporalio_protos::temporal::api::enums::v1::UpdateWorkflowExecutionLifecycleStage as Stage;
use temporalio_protos::temporal::api::history::v1::{History as Events, history_event::Attributes};
use temporalio_protos::temporal::api::update::v1::Outcome;
use tokio::sync::watch;
use tonic::Status;

use super::{History, Host, Key, Live, closing};
use crate::core::Run;
use crate::core::updates::{self, Fate, Standing};
use crate::limits;

/// What is known of an update, and a way to hear more.
pub(crate) type Heard = watch::Receiver<Option<Fate>>;

#[derive(Debug, Default)]
pub(crate) struct Hearers(HashMap<String, watch::Sender<Option<Fate>>>);

impl Hearers {
    fn listen(&mut self, id: &str, known: Option<Fate>) -> Heard {
        // Whoever gave up left only a name behind.
        self.0.retain(|_, tell| tell.receiver_count() > 0);
        let tell = self.0.entry(id.to_owned());
        tell.or_insert_with(|| watch::channel(known).0).subscribe()
    }

    pub(super) fn tell(&mut self, id: &str, fate: Fate) {
        if matches!(fate, Fate::Accepted) {
            if let Some(tell) = self.0.get(id) {
                tell.send_replace(Some(fate));
            }
        } else if let Some(tell) = self.0.remove(id) {
            tell.send_replace(Some(fate));
        }
    }

    pub(super) fn are_there(&self) -> bool {
        self.0.values().any(|tell| tell.receiver_count() > 0)
    }
}

impl Live {
    /// An ear on an update that this run knows.
    pub(crate) fn hear_update(&mut self, id: &str) -> Option<Heard> {
        if self.run.is_open() {
            let known = match self.run.updates.standing(id)? {
                Standing::Admitted { .. } => None,
                Standing::Accepted { .. } => Some(Fate::Accepted),
                Standing::Completed { .. } => return settled(&self.run, &self.history, id),
            };
            return Some(self.hearers.listen(id, known));
        }
        settled(&self.run, &self.history, id)
    }
}

/// What became of an update of which nothing more will be heard.
pub(crate) fn settled(run: &Run, history: &History, id: &str) -> Option<Heard> {
    let fate = match run.updates.standing(id)? {
        Standing::Completed { event_id } => {
            let outcome = outcome(history, event_id)?;
            Fate::Completed(Box::new(outcome))
        }
        Standing::Accepted { .. } => updates::failed(updates::outlived()),
        Standing::Admitted { .. } => return None,
    };
    Some(watch::channel(Some(fate)).1)
}

fn outcome(history: &History, event_id: i64) -> Option<Outcome> {
    let page = history.page(event_id, Some(event_id + 1), 1, usize::MAX);
    let events = Events::decode(page.pieces.concat().as_slice()).ok()?.events;
    match events.into_iter().next()?.attributes? {
        Attributes::WorkflowExecutionUpdateCompletedEventAttributes(a) => a.outcome,
        _ => None,
    }
}

impl Host {
    /// Waits until an update has come as far as somebody wants to know, or for as long as a poll
    /// lasts. `None` while no worker has decided on it.
    pub(crate) async fn await_update(
        &self,
        key: &Key,
        mut heard: Heard,
        until: Stage,
    ) -> Result<Option<Fate>, Status> {
        let patience = self
            .clock
            .sleep_until(self.now().after(limits::UPDATE_POLL));
        tokio::pin!(patience);
        loop {
            if is_enough(heard.borrow_and_update().as_ref(), until) {
                break;
            }
            tokio::select! {
                more = heard.changed() => if more.is_err() { break },
                () = &mut patience => break,
                () = self.closing.cancelled() => return Err(closing()),
            }
        }
        // Under the lock everything that happened at once has been told, and its place in the
        // queue of writes is known.
        let position = self.shelf.position(key).await;
        let fate = heard.borrow().clone();
        // What left memory is on disk.
        if let Some(position) = position {
            self.durable(position).await?;
        }
        Ok(fate)
    }
}

fn is_enough(known: Option<&Fate>, until: Stage) -> bool {
    match (known, until) {
        (_, Stage::Unspecified | Stage::Admitted) => true,
        (None, _) => false,
        (Some(Fate::Accepted), until) => until != Stage::Completed,
        (Some(_), _) => true,
    }
}
