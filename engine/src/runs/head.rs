//! What the store keeps of a run beside its records.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use serde_json::{Map, Value};
use temporalio_protos::temporal::api::common::v1::{Memo, Payload, SearchAttributes};

use super::{Live, warnings};
use crate::core::Run;
use crate::core::activity::AttemptState;
use crate::store::{Agenda, Head};

/// Encoded once for as long as they do not change.
#[derive(Clone, Debug)]
pub(crate) struct Attributes {
    upserts: u64,
    memo: Bytes,
    search_attributes: Bytes,
    search_values: Arc<str>,
}

impl Attributes {
    fn of(run: &Run) -> Self {
        Self {
            upserts: run.upserts,
            memo: encode_memo(&run.memo).into(),
            search_attributes: encode_search(&run.search_attributes).into(),
            search_values: search_values(&run.search_attributes).into(),
        }
    }
}

impl Live {
    /// Encodes memo and search attributes again if they changed.
    pub(crate) fn refresh_attributes(&mut self) {
        let before = self.attributes.as_ref().map(|present| present.upserts);
        let attributes = self.current_attributes();
        if before != Some(attributes.upserts) {
            warnings::of_memo(&self.run, attributes.memo.len());
        }
        self.attributes = Some(attributes);
    }

    fn current_attributes(&self) -> Attributes {
        match &self.attributes {
            Some(present) if present.upserts == self.run.upserts => present.clone(),
            _ => Attributes::of(&self.run),
        }
    }

    pub(crate) fn head(&self, namespace: i64) -> Head {
        let run = &self.run;
        let attributes = self.current_attributes();
        Head {
            row: self.row,
            namespace,
            workflow_id: run.workflow_id.clone(),
            run_id: run.run_id.clone(),
            first_run_id: run.first_run_id.clone(),
            started_by: run.started_by.clone(),
            workflow_type: run.workflow_type.clone(),
            task_queue: run.task_queue.clone(),
            status: run.status as i32,
            started_at: run.started_at.as_micros(),
            execution_at: run.execution_at.as_micros(),
            closed_at: run.closed_at.map(ambient::Timestamp::as_micros),
            history_length: run.history_length(),
            history_bytes: i64::try_from(run.history_bytes).unwrap_or(i64::MAX),
            memo: attributes.memo,
            search_attributes: attributes.search_attributes,
            search_values: attributes.search_values,
            agenda: agenda(run, self.records),
        }
    }

    /// About what it takes in memory: its history, and what of it is decoded besides.
    pub(crate) fn weight(&self) -> usize {
        const ACTIVITY: usize = 1_024;
        const BUFFERED: usize = 1_024;
        const TIMER: usize = 256;
        let history = usize::try_from(self.run.history_bytes).unwrap_or(usize::MAX / 4);
        size_of::<Self>()
            + history.saturating_mul(2)
            + self.history.overhead()
            + self.run.activities.len() * ACTIVITY
            + self.run.buffered.len() * BUFFERED
            + self.run.timers.len() * TIMER
            + self.run.updates.weight()
    }

    /// Nothing volatile would be lost, and nobody waits. What waits in a task queue stays there:
    /// the queue knows the run by its row.
    pub(crate) fn may_be_forgotten(&self) -> bool {
        let someone_waits = !self.riding.is_empty()
            || self.hearers.are_there()
            || Arc::strong_count(&self.news) > 1;
        !someone_waits
            && !self.run.family.has_errands()
            && (!self.run.is_open() || is_quiet(&self.run))
    }
}

fn agenda(run: &Run, records: i64) -> Agenda {
    if !run.is_open() {
        return Agenda {
            ready: run.family.has_errands(),
            records,
            ..Agenda::default()
        };
    }
    Agenda {
        wake_at: run.next_wake().map(ambient::Timestamp::as_micros),
        ready: is_ready(run),
        records,
    }
}

/// No worker holds anything of the run, and no count is kept that only memory knows.
fn is_quiet(run: &Run) -> bool {
    let task = run.task.as_ref().is_none_or(|task| {
        let idle = task.started.is_none() && task.sticky_until.is_none();
        idle && task.attempt == 1 && !task.speculative
    });
    let activities = run.activities.values().all(|a| a.started().is_none());
    task && activities && run.buffered.is_empty() && run.updates.is_idle()
}

/// Something waits to be handed out, or would be again after a restart.
fn is_ready(run: &Run) -> bool {
    run.task.as_ref().is_some_and(|task| !task.speculative)
        || run.family.has_errands()
        || !run.buffered.is_empty()
        || run
            .activities
            .values()
            .any(|activity| match activity.state {
                AttemptState::Offered => true,
                AttemptState::Started(_) => !activity.start_must_be_durable(),
                AttemptState::BackingOff => false,
            })
}

fn encode_memo(memo: &BTreeMap<String, Payload>) -> Vec<u8> {
    let fields = memo.clone().into_iter().collect();
    Memo { fields }.encode_to_vec()
}

fn encode_search(attributes: &BTreeMap<String, Payload>) -> Vec<u8> {
    let indexed_fields = attributes.clone().into_iter().collect();
    SearchAttributes { indexed_fields }.encode_to_vec()
}

/// Search attributes are JSON in their payloads; what is not cannot be searched for.
fn search_values(attributes: &BTreeMap<String, Payload>) -> String {
    let values: Map<String, Value> = attributes
        .iter()
        .filter_map(|(name, payload)| {
            let value = serde_json::from_slice(&payload.data).ok()?;
            Some((name.clone(), value))
        })
        .collect();
    Value::Object(values).to_string()
}
