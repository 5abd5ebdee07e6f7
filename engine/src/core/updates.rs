//! The updates of one run: who waits to be decided on, what was accepted, what is done.
//!
//! Accepted and completed updates are the fold of their events. Admitted ones are volatile: a
//! crash forgets them, and their callers come again with the same id.

use std::collections::BTreeMap;

use prost::Message as _;
use prost_types::Any;
use temporalio_protos::temporal::api::failure::v1::{
    ApplicationFailureInfo, Failure, failure::FailureInfo,
};
use temporalio_protos::temporal::api::protocol::v1::{Message, message::SequencingId};
use temporalio_protos::temporal::api::update::v1::{self as update, Outcome, outcome};

use super::{Refusal, Run};
use crate::limits;

#[derive(Clone, Debug, Default)]
pub(crate) struct Updates {
    /// In the order of their arrival.
    pub(crate) admitted: Vec<Admitted>,
    /// The event that accepted it.
    pub(crate) accepted: BTreeMap<String, i64>,
    /// The event that holds its outcome.
    pub(crate) completed: BTreeMap<String, i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Admitted {
    pub(crate) id: String,
    pub(crate) request: update::Request,
    /// A worker has it on a workflow task.
    pub(crate) sent: bool,
}

/// How far an update has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Admitted { sent: bool },
    Accepted { event_id: i64 },
    Completed { event_id: i64 },
}

/// What those who wait for an update are told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fate {
    Accepted,
    /// Also a rejection: it reads as a failure to whoever asked.
    Completed(Box<Outcome>),
    Aborted(Aborted),
}

/// Why an update that no worker decided on never will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aborted {
    /// The run is over, and nothing follows it.
    Closed,
    /// Another run follows: the caller may try there.
    Continuing,
    /// The workflow task that carried it failed in a way that trying again would repeat.
    TaskFailed,
}

impl Updates {
    pub(crate) fn standing(&self, id: &str) -> Option<Standing> {
        if let Some(admitted) = self.admitted.iter().find(|update| update.id == id) {
            let sent = admitted.sent;
            return Some(Standing::Admitted { sent });
        }
        if let Some(event_id) = self.accepted.get(id).copied() {
            return Some(Standing::Accepted { event_id });
        }
        let event_id = self.completed.get(id).copied()?;
        Some(Standing::Completed { event_id })
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.admitted.is_empty()
    }

    /// About what it takes of memory.
    pub(crate) fn weight(&self) -> usize {
        const KNOWN: usize = 128;
        (self.accepted.len() + self.completed.len()) * KNOWN + self.admitted_bytes()
    }

    fn admitted_bytes(&self) -> usize {
        let bytes = |update: &Admitted| 2 * update.id.len() + update.request.encoded_len();
        self.admitted.iter().map(bytes).sum()
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.admitted.len() + self.accepted.len()
    }

    /// Every update the run ever took; rejected ones left no trace.
    pub(crate) fn total(&self) -> usize {
        self.in_flight() + self.completed.len()
    }

    pub(crate) fn check_total(&self) -> Result<(), Refusal> {
        if self.total() < limits::UPDATES {
            return Ok(());
        }
        Err(Refusal::Precondition(format!(
            "The limit on the total number of distinct updates in this workflow has been reached \
             ({}). Make sure any duplicate updates share an Update ID so the server can \
             deduplicate them, and consider rejecting updates that you aren't going to process. \
             You can also Continue-as-New to avoid this; we recommend you check Continue-as-New \
             Suggested in your Workflow.",
            limits::UPDATES
        )))
    }

    /// Whether one more fits beside those that are under way.
    pub(crate) fn check_room(&self, request: &update::Request) -> Result<(), Refusal> {
        if self.in_flight() >= limits::UPDATES_IN_FLIGHT {
            return Err(Refusal::Busy(format!(
                "limit on number of concurrent in-flight updates has been reached ({})",
                limits::UPDATES_IN_FLIGHT
            )));
        }
        self.check_total()?;
        if self.admitted_bytes() + request.encoded_len() >= limits::UPDATES_IN_FLIGHT_BYTES {
            return Err(Refusal::Busy(format!(
                "limit on total payload size of in-flight updates has been reached ({} bytes)",
                limits::UPDATES_IN_FLIGHT_BYTES
            )));
        }
        Ok(())
    }

    pub(crate) fn take_admitted(&mut self, id: &str) -> Option<Admitted> {
        let at = self.admitted.iter().position(|update| update.id == id)?;
        Some(self.admitted.remove(at))
    }
}

impl Run {
    /// What a workflow task brings to its worker: what is new, and unless the worker holds those
    /// already, what an earlier task carried in vain.
    pub(crate) fn send_updates(&mut self, started_id: i64, again: bool) -> Vec<Message> {
        let unsent = |update: &&mut Admitted| again || !update.sent;
        self.updates
            .admitted
            .iter_mut()
            .filter(unsent)
            .map(|update| {
                update.sent = true;
                Message {
                    id: request_message_id(&update.id),
                    protocol_instance_id: update.id.clone(),
                    // After everything the worker has seen before this task was started.
                    sequencing_id: Some(SequencingId::EventId(started_id - 1)),
                    body: Some(pack(&update.request)),
                }
            })
            .collect()
    }
}

pub(crate) fn request_message_id(update_id: &str) -> String {
    format!("{update_id}/request")
}

pub(crate) fn pack<M: prost::Message + prost::Name>(message: &M) -> Any {
    Any {
        type_url: format!("type.googleapis.com/{}", M::full_name()),
        value: message.encode_to_vec(),
    }
}

pub(crate) fn failed(failure: Failure) -> Fate {
    Fate::Completed(Box::new(Outcome {
        value: Some(outcome::Value::Failure(failure)),
    }))
}

/// An accepted update has a result in any case: its caller must never learn less than before.
pub(crate) fn outlived() -> Failure {
    of_server(
        "Workflow Update failed because the Workflow completed before the Update completed.",
        "AcceptedUpdateCompletedWorkflow",
    )
}

/// A worker that takes no notice would be asked again and again.
pub(crate) fn unprocessed() -> Failure {
    of_server(
        "Workflow Update is rejected because it wasn't processed by worker. Probably, Workflow \
         Update is not supported by the worker.",
        "UnprocessedUpdate",
    )
}

fn of_server(message: &str, kind: &str) -> Failure {
    Failure {
        message: message.to_owned(),
        source: "Server".to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(
            ApplicationFailureInfo {
                r#type: kind.to_owned(),
                non_retryable: true,
                ..ApplicationFailureInfo::default()
            },
        )),
        ..Failure::default()
    }
}
