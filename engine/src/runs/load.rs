//! Reading runs back from the store, and finding the one a request means.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use tonic::Status;

use super::{Beats, Guard, Hearers, History, Host, Key, Live, Namespace, Slot, stopped};
use crate::core::Run;
use crate::core::commands::recover;
use crate::core::record::Record;
use crate::store::{Head, Reader, StoreError};

/// The run a request means.
#[derive(Debug)]
pub(crate) enum Found {
    /// In memory; [`Slot::live`] is set.
    Live(Guard),
    /// Closed, and only in the store.
    Stored(Box<Head>),
}

/// A run as its records tell it.
struct ReadBack {
    run: Run,
    history: History,
    /// How many they are.
    records: i64,
    beats: Beats,
}

impl Host {
    /// Locks a workflow id, with its newest run read back if it is open.
    pub(crate) async fn lock(&self, key: &Key) -> Result<Guard, Status> {
        let hand = self.stillness.hand();
        let mut slot = Guard::new(self.shelf.lock(key).await, key, hand);
        if slot.broken {
            return Err(Status::data_loss(
                "the engine failed while it changed this workflow; it is sound on disk, and goes \
                 on when the engine is started again",
            ));
        }
        if !slot.loaded {
            self.load(key, &mut slot).await?;
            slot.loaded = true;
            self.shelf.weigh(&mut slot);
        }
        self.shelf.sweep_if_full(&self.writes);
        Ok(slot)
    }

    /// Locks a workflow id for a start that may be a repetition, long after: answers the run that
    /// the request started then, whatever has followed it since.
    pub(crate) async fn lock_for_start(
        &self,
        key: &Key,
        request_id: &str,
    ) -> Result<(Guard, Option<String>), Status> {
        loop {
            let slot = self.lock(key).await?;
            let newest = match (&slot.live, &slot.closed) {
                (Some(live), _) => (&live.run.started_by, &live.run.run_id),
                (None, Some(head)) => (&head.started_by, &head.run_id),
                (None, None) => return Ok((slot, None)),
            };
            if newest.0 == request_id {
                let run_id = newest.1.clone();
                return Ok((slot, Some(run_id)));
            }
            let position = slot.position;
            if !self.writes.is_durable(position) {
                // The run that is looked for may be on its way to the disk.
                drop(slot);
                self.durable(position).await?;
                continue;
            }
            let (namespace, workflow_id) = (key.namespace, key.workflow_id.to_string());
            let request_id = request_id.to_owned();
            let started = self
                .read(move |reader| reader.started_by(namespace, &workflow_id, &request_id))
                .await?;
            return Ok((slot, started));
        }
    }

    /// Locks the run of a row, as queues, timers and tokens name it. `None` when there is no such
    /// run, or a newer one has taken its place.
    pub(crate) async fn lock_row(&self, row: i64) -> Result<Option<(Key, Guard)>, Status> {
        let key = match self.shelf.key_of_row(row) {
            Some(key) => key,
            None => match self.read(move |reader| reader.by_row(row)).await? {
                Some(head) => Key::new(head.namespace, &head.workflow_id),
                None => return Ok(None),
            },
        };
        let slot = self.lock(&key).await?;
        let current = slot.live.as_ref().is_some_and(|live| live.row == row);
        Ok(current.then_some((key, slot)))
    }

    /// Finds a run by workflow id and, when given, run id.
    pub(crate) async fn find(
        &self,
        namespace: &Namespace,
        workflow_id: &str,
        run_id: &str,
    ) -> Result<Found, Status> {
        let key = Key::new(namespace.id, workflow_id);
        let slot = self.lock(&key).await?;
        let is = |found: &str| run_id.is_empty() || run_id == found;
        if slot.live.as_ref().is_some_and(|live| is(&live.run.run_id)) {
            return Ok(Found::Live(slot));
        }
        // A run that was replaced a moment ago may still be on its way to the disk.
        let position = slot.position;
        if slot.live.is_none()
            && let Some(head) = slot.closed.as_ref().filter(|head| is(&head.run_id))
        {
            return Ok(Found::Stored(head.clone()));
        }
        drop(slot);
        self.durable(position).await?;
        let (namespace, wanted) = (namespace.id, workflow_id.to_owned());
        let wanted_run = run_id.to_owned();
        let stored = self
            .read(move |reader| reader.run(namespace, &wanted, &wanted_run))
            .await?;
        stored
            .map(|head| Found::Stored(Box::new(head)))
            .ok_or_else(|| unknown(workflow_id, run_id))
    }

    /// The run of a stored row, replayed: for queries, histories and descriptions.
    pub(crate) async fn replay(&self, head: &Head) -> Result<(Run, History), Status> {
        let back = self.read_back(head).await?;
        Ok((back.run, back.history))
    }

    async fn read_back(&self, head: &Head) -> Result<ReadBack, Status> {
        let row = head.row;
        let bodies = self.read(move |reader| reader.records(row)).await?;
        let records = i64::try_from(bodies.len()).unwrap_or(i64::MAX);
        // The numbers have no gap; what is missing at their end only the row knows. There may be
        // more: a closed run still notes what its errands came to after its row was read.
        let complete = records >= head.agenda.records;
        let mut run = Run::unborn(head.workflow_id.clone(), head.run_id.clone());
        let mut history = History::default();
        let mut beats = Beats::default();
        for (number, body) in (0..).zip(bodies) {
            let first = run.next_event_id;
            let record = decode(body, row)?;
            run.replay(&record).map_err(|_| damaged(row))?;
            beats.note(record.only_beats(), number);
            history.push(first, record.events);
        }
        if !complete || run.history_length() != head.history_length {
            return Err(damaged(row));
        }
        Ok(ReadBack {
            run,
            history,
            records,
            beats,
        })
    }

    /// A stored run as it was in memory.
    pub(super) async fn revive(&self, head: &Head) -> Result<Live, Status> {
        let back = self.read_back(head).await?;
        Ok(Live {
            row: head.row,
            run: back.run,
            records: back.records,
            beats: back.beats,
            history: back.history,
            riding: Vec::new(),
            hearers: Hearers::default(),
            news: Arc::default(),
            attributes: None,
        })
    }

    async fn load(&self, key: &Key, slot: &mut Slot) -> Result<(), Status> {
        let (namespace, workflow_id) = (key.namespace, Arc::clone(&key.workflow_id));
        let Some(head) = self
            .read(move |reader| reader.latest(namespace, &workflow_id))
            .await?
        else {
            return Ok(());
        };
        if head.status != OPEN {
            slot.closed = Some(Box::new(head));
            return Ok(());
        }
        let row = head.row;
        let mut live = self.revive(&head).await?;
        self.shelf.remember_row(row, key.clone());
        let mut outcome = recover::apply(&mut live.run, self.now());
        if !self.shelf.is_first_look(row) {
            // It left memory in this boot, and what it offered is still in its queues.
            outcome.actions.clear();
        }
        slot.live = Some(Box::new(live));
        self.take(key, slot, outcome);
        Ok(())
    }

    /// Runs a blocking read where blocking is allowed.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Status> {
        let reader = Arc::clone(&self.reader);
        let answer = tokio::task::spawn_blocking(move || read(reader.as_ref())).await;
        match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error @ StoreError::Corrupt(_))) => Err(Status::data_loss(error.to_string())),
            Ok(Err(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "read failed");
                Err(Status::unavailable(
                    "the engine could not read its store; retry",
                ))
            }
            Err(_) => Err(stopped()),
        }
    }
}

const OPEN: i32 =
    temporalio_protos::temporal::api::enums::v1::WorkflowExecutionStatus::Running as i32;

pub(super) fn decode(body: Bytes, row: i64) -> Result<Record, Status> {
    Record::decode(body).map_err(|_| damaged(row))
}

pub(super) fn damaged(row: i64) -> Status {
    Status::data_loss(format!("the stored history of run {row} cannot be read"))
}

fn unknown(workflow_id: &str, run_id: &str) -> Status {
    Status::not_found(match run_id {
        "" => format!("workflow not found for ID: {workflow_id}"),
        _ => format!(
            "workflow execution not found for workflow ID \"{workflow_id}\" and run ID \"{run_id}\""
        ),
    })
}

pub(crate) fn not_found() -> Status {
    Status::not_found("workflow execution not found")
}

#[cfg(test)]
mod tests {
    use ambient::SystemClock;
    use temporalio_protos::temporal::api::common::v1::WorkflowType;
    use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
    use temporalio_protos::temporal::api::workflowservice::v1::StartWorkflowExecutionRequest;
    use tonic::Code;

    use super::*;
    use crate::engine::open_store;
    use crate::frontend::start;

    #[tokio::test]
    async fn nothing_is_added_to_what_a_panic_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let host = open_store(dir.path().join("engine.db"), SystemClock::shared()).unwrap();
        host.create_namespace("default", String::new(), String::new(), 0)
            .await
            .unwrap();
        let host = Arc::new(host);
        let request = StartWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_id: "w".to_owned(),
            workflow_type: Some(WorkflowType {
                name: "flow".to_owned(),
            }),
            task_queue: Some(TaskQueue {
                name: "q".to_owned(),
                ..TaskQueue::default()
            }),
            ..StartWorkflowExecutionRequest::default()
        };
        start::handle(&host, request).await.unwrap();
        let key = Key::new(host.namespace("default").unwrap().id, "w");
        let (panics, of) = (Arc::clone(&host), key.clone());
        let panicked = tokio::spawn(async move {
            let _slot = panics.lock(&of).await.unwrap();
            panic!("between two halves");
        });
        assert!(panicked.await.is_err());
        let refused = host.lock(&key).await.unwrap_err();
        assert_eq!(refused.code(), Code::DataLoss);
        assert!(host.lock(&Key::new(1, "another")).await.is_ok());
    }
}
