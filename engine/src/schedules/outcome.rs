//! What came of starts: they began, they could not, and one day they ended.

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::{
    Payload, Payloads, SearchAttributes, WorkflowExecution,
};
use temporalio_protos::temporal::api::enums::v1::{
    ScheduleOverlapPolicy as Overlap, WorkflowExecutionStatus as Status,
    WorkflowIdReusePolicy as Reuse,
};
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::schedule::v1::ScheduleActionResult;
use temporalio_protos::temporal::api::workflowservice::v1::StartWorkflowExecutionRequest;

use super::state::{Start, Starting, State};
use crate::core::time::to_proto;

/// How a workflow that a schedule started ended; its whole chain of runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ended {
    pub(crate) status: Status,
    pub(crate) result: Option<Payloads>,
    pub(crate) failure: Option<Failure>,
}

const RECENT: usize = 10;

impl State {
    pub(crate) fn workflow_id(&self, start: &Start) -> String {
        let named = self.workflow().map_or("", |workflow| &workflow.workflow_id);
        let beside_others = self.overlap(start.overlap()) == Overlap::AllowAll;
        match self.policies.keep_original_workflow_id && !beside_others {
            true => named.to_owned(),
            false => format!("{named}-{}", whole_seconds(start.nominal)),
        }
    }

    /// The same each time it is asked for.
    pub(crate) fn request(&self, starting: &Starting) -> StartWorkflowExecutionRequest {
        let workflow = self.workflow().cloned().unwrap_or_default();
        let start = &starting.start;
        let reuse = match start.manual || self.policies.keep_original_workflow_id {
            true => Reuse::AllowDuplicate,
            false => Reuse::RejectDuplicate,
        };
        let beside_others = start.overlap() == Overlap::AllowAll;
        StartWorkflowExecutionRequest {
            namespace: self.namespace.clone(),
            workflow_id: self.workflow_id(start),
            workflow_type: workflow.workflow_type,
            task_queue: workflow.task_queue,
            input: workflow.input,
            workflow_execution_timeout: workflow.workflow_execution_timeout,
            workflow_run_timeout: workflow.workflow_run_timeout,
            workflow_task_timeout: workflow.workflow_task_timeout,
            identity: self.identity(),
            request_id: format!("{}-{}", self.run_id, starting.number),
            workflow_id_reuse_policy: reuse.into(),
            retry_policy: workflow.retry_policy,
            memo: workflow.memo,
            search_attributes: Some(self.marked(workflow.search_attributes, start)),
            header: workflow.header,
            last_completion_result: self.last_result.clone().filter(|_| !beside_others),
            continued_failure: self
                .last_failure
                .as_deref()
                .filter(|_| !beside_others)
                .cloned(),
            user_metadata: workflow.user_metadata,
            priority: workflow.priority,
            ..StartWorkflowExecutionRequest::default()
        }
    }

    /// By which schedule, and for when.
    fn marked(&self, given: Option<SearchAttributes>, start: &Start) -> SearchAttributes {
        let mut attributes = given.unwrap_or_default();
        let at = whole_seconds(start.nominal);
        for (name, kind, value) in [
            ("TemporalScheduledById", "Keyword", self.schedule_id.clone()),
            ("TemporalScheduledStartTime", "Datetime", at),
        ] {
            let value = serde_json::Value::from(value).to_string();
            attributes
                .indexed_fields
                .insert(name.to_owned(), json(kind, value));
        }
        attributes
    }

    pub(crate) fn began(&mut self, number: i64, run_id: String, now: Timestamp) {
        let Some(starting) = self.take_starting(number) else {
            return;
        };
        let execution = WorkflowExecution {
            workflow_id: self.workflow_id(&starting.start),
            run_id,
        };
        let actual = Timestamp::from_micros(starting.start.actual);
        self.info.action_count += 1;
        self.info.recent_actions.push(ScheduleActionResult {
            schedule_time: Some(to_proto(actual)),
            actual_time: Some(to_proto(now)),
            start_workflow_result: Some(execution.clone()),
            start_workflow_status: Status::Running.into(),
        });
        let surplus = self.info.recent_actions.len().saturating_sub(RECENT);
        self.info.recent_actions.drain(..surplus);
        if starting.tracked {
            self.info.running_workflows.push(execution);
        }
    }

    pub(crate) fn could_not_begin(&mut self, number: i64) {
        let _given_up = self.take_starting(number);
    }

    fn take_starting(&mut self, number: i64) -> Option<Starting> {
        let found = self.starting.iter().position(|s| s.number == number)?;
        Some(self.starting.remove(found))
    }

    pub(crate) fn ended(&mut self, execution: &WorkflowExecution, ended: Ended) {
        let running = &mut self.info.running_workflows;
        let Some(found) = running.iter().position(|one| one == execution) else {
            return;
        };
        running.remove(found);
        for action in &mut self.info.recent_actions {
            if action.start_workflow_result.as_ref() == Some(execution) {
                action.set_start_workflow_status(ended.status);
            }
        }
        self.pause_on_failure(execution, &ended);
        if ended.result.is_some() {
            self.last_result = ended.result;
            self.last_failure = None;
        } else if ended.failure.is_some() {
            self.last_failure = ended.failure.map(Box::new);
        }
    }

    fn pause_on_failure(&mut self, execution: &WorkflowExecution, ended: &Ended) {
        if !self.policies.pause_on_failure || self.condition.paused {
            return;
        }
        let id = &execution.workflow_id;
        let why = match ended.status {
            Status::Failed => {
                let failure = ended.failure.as_ref();
                let message = failure.map_or("", |failure| &failure.message);
                format!("paused due to workflow failure: {id}: {message}")
            }
            Status::TimedOut => format!("paused due to workflow timeout: {id}"),
            _ => return,
        };
        self.condition.paused = true;
        self.condition.notes = why;
        self.changed();
    }
}

/// As `2026-01-31T12:00:00Z`.
fn whole_seconds(micros: i64) -> String {
    let (seconds, _) = Timestamp::from_micros(micros).split();
    let text = Timestamp::from_seconds(seconds).to_string();
    text.replace(".000000Z", "Z")
}

fn json(kind: &str, value: String) -> Payload {
    let metadata = [("encoding", "json/plain"), ("type", kind)];
    Payload {
        metadata: metadata
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .into(),
        data: value.into_bytes(),
        ..Payload::default()
    }
}
