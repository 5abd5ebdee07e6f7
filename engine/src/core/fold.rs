//! What an event or a note means for the state of a run. The only place that knows: accepting a
//! command and replaying the store both pass through here.

use std::collections::BTreeMap;
use std::time::Duration;

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_protos::temporal::api::enums::v1::{TimeoutType, WorkflowExecutionStatus as Status};
use temporalio_protos::temporal::api::history::v1::{
    HistoryEvent, WorkflowExecutionStartedEventAttributes, history_event::Attributes,
};

use super::activity::{Activity, AttemptState, StartedActivity};
use super::family::{self, Family};
use super::record::{Fact, Note};
use super::run::{Run, Timeouts, Timer};
use super::task::{DEFAULT_TIMEOUT, WorkflowTask};
use super::time::{from_proto, positive};

/// How finely the end of a chain of runs is written.
const MILLISECOND: Duration = Duration::from_millis(1);

pub(crate) fn event(run: &mut Run, event: &HistoryEvent) {
    run.next_event_id = event.event_id + 1;
    effect(run, event);
}

/// The event's meaning apart from its id: also applied when the event is only buffered, so that
/// a finished activity or a fired timer cannot finish or fire twice.
fn effect(run: &mut Run, event: &HistoryEvent) {
    let (id, was_open) = (event.event_id, run.is_open());
    let at = from_proto(event.event_time.as_ref());
    let Some(attributes) = &event.attributes else {
        return;
    };
    match attributes {
        Attributes::WorkflowExecutionStartedEventAttributes(a) => born(run, event, a, at),
        Attributes::WorkflowTaskScheduledEventAttributes(a) => {
            run.delayed_until = None;
            run.task = Some(WorkflowTask {
                scheduled_id: Some(id),
                attempt: u32::try_from(a.attempt).unwrap_or(1),
                scheduled_at: at,
                base: run.next_event_id,
                sticky_until: None,
                started: None,
                beating_since: at,
                speculative: false,
            });
        }
        Attributes::WorkflowTaskCompletedEventAttributes(a) => {
            run.last_started_id = a.started_event_id;
            run.completed_a_task = true;
            run.task = None;
        }
        Attributes::WorkflowTaskFailedEventAttributes(_) => make_transient(run, at),
        Attributes::WorkflowTaskTimedOutEventAttributes(a) => {
            if a.timeout_type() == TimeoutType::ScheduleToStart {
                run.task = None;
                run.sticky = None;
            } else {
                make_transient(run, at);
            }
        }
        Attributes::ActivityTaskScheduledEventAttributes(a) => {
            run.activities.insert(id, Activity::new(id, a.clone(), at));
        }
        Attributes::ActivityTaskCancelRequestedEventAttributes(a) => {
            if let Some(activity) = run.activities.get_mut(&a.scheduled_event_id) {
                activity.cancel_requested_id = Some(id);
            }
        }
        Attributes::ActivityTaskCompletedEventAttributes(a) => {
            run.activities.remove(&a.scheduled_event_id);
        }
        Attributes::ActivityTaskFailedEventAttributes(a) => {
            run.activities.remove(&a.scheduled_event_id);
        }
        Attributes::ActivityTaskTimedOutEventAttributes(a) => {
            run.activities.remove(&a.scheduled_event_id);
        }
        Attributes::ActivityTaskCanceledEventAttributes(a) => {
            run.activities.remove(&a.scheduled_event_id);
        }
        Attributes::TimerStartedEventAttributes(a) => {
            let wait = positive(a.start_to_fire_timeout.as_ref()).unwrap_or(Duration::ZERO);
            let timer = Timer {
                started_id: id,
                fires_at: at.after(wait),
            };
            run.timers.insert(a.timer_id.clone(), timer);
        }
        Attributes::TimerFiredEventAttributes(a) => {
            run.timers.remove(&a.timer_id);
        }
        Attributes::TimerCanceledEventAttributes(a) => {
            run.timers.remove(&a.timer_id);
            // It may have fired while the worker decided to stop it: the worker's word counts.
            run.buffered.retain(|event| !fires(event, &a.timer_id));
        }
        // Counted once: a buffered signal comes past here again when it gets its id.
        Attributes::WorkflowExecutionSignaledEventAttributes(_) if id > 0 => run.signals += 1,
        Attributes::WorkflowExecutionOptionsUpdatedEventAttributes(a)
            if !a.attached_request_id.is_empty() =>
        {
            run.attached.insert(a.attached_request_id.clone(), id);
        }
        Attributes::WorkflowExecutionCancelRequestedEventAttributes(_) => {
            run.cancel_requested = true;
        }
        Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(a) => {
            run.updates.take_admitted(&a.protocol_instance_id);
            let accepted = &mut run.updates.accepted;
            accepted.insert(a.protocol_instance_id.clone(), id);
        }
        Attributes::WorkflowExecutionUpdateCompletedEventAttributes(a) => {
            let update = a.meta.as_ref().map_or("", |meta| meta.update_id.as_str());
            run.updates.accepted.remove(update);
            run.updates.completed.insert(update.to_owned(), id);
        }
        Attributes::UpsertWorkflowSearchAttributesEventAttributes(a) => {
            if let Some(changes) = &a.search_attributes {
                run.upserts += 1;
                upsert(&mut run.search_attributes, sorted(&changes.indexed_fields));
            }
        }
        Attributes::WorkflowPropertiesModifiedEventAttributes(a) => {
            if let Some(changes) = &a.upserted_memo {
                run.upserts += 1;
                upsert(&mut run.memo, sorted(&changes.fields));
            }
        }
        Attributes::WorkflowExecutionCompletedEventAttributes(_) => {
            close(run, Status::Completed, at);
        }
        Attributes::WorkflowExecutionFailedEventAttributes(_) => close(run, Status::Failed, at),
        Attributes::WorkflowExecutionTimedOutEventAttributes(_) => close(run, Status::TimedOut, at),
        Attributes::WorkflowExecutionCanceledEventAttributes(_) => close(run, Status::Canceled, at),
        Attributes::WorkflowExecutionTerminatedEventAttributes(_) => {
            close(run, Status::Terminated, at);
        }
        Attributes::WorkflowExecutionContinuedAsNewEventAttributes(_) => {
            close(run, Status::ContinuedAsNew, at);
        }
        // Started events change nothing that lasts, markers belong to the worker, and events of
        // features without commands yet are never written.
        _ => family::effect(&mut run.family, event, attributes),
    }
    if was_open && !run.is_open() {
        family::close(&mut run.family, event);
    }
}

pub(crate) fn note(run: &mut Run, note: &Note, at: Timestamp) {
    let Some(fact) = &note.fact else { return };
    match fact {
        Fact::Seen(request_id) => {
            run.seen_requests.insert(request_id.clone());
        }
        Fact::StartedBy(request_id) => run.started_by.clone_from(request_id),
        Fact::Buffered(event) => {
            effect(run, event);
            run.buffered.push(HistoryEvent::clone(event));
        }
        Fact::Flushed(_) => run.buffered.clear(),
        Fact::Parted(initiated_id) => run.family.parted(*initiated_id),
        Fact::Reported(_) => run.family.reported(),
        Fact::ActivityStarted(start) => {
            if let Some(activity) = run.activities.get_mut(&start.scheduled_id) {
                activity.attempt = start.attempt;
                activity.state = AttemptState::Started(StartedActivity {
                    at,
                    identity: start.identity.clone(),
                    request_id: start.request_id.clone(),
                    epoch: start.epoch,
                    worker_version: start.worker_version.clone(),
                });
            }
        }
        Fact::ActivityRetry(retry) => {
            if let Some(activity) = run.activities.get_mut(&retry.scheduled_id) {
                activity.attempt = retry.next_attempt;
                activity.available_at = Timestamp::from_micros(retry.next_at);
                activity.state = AttemptState::BackingOff;
                activity.last_failure.clone_from(&retry.failure);
                activity.last_identity.clone_from(&retry.identity);
                activity.last_finished_at = Some(at);
            }
        }
        Fact::Heartbeat(beat) => {
            if let Some(activity) = run.activities.get_mut(&beat.scheduled_id) {
                activity.beat_details.clone_from(&beat.details);
                activity.last_beat = Some(at);
            }
        }
    }
}

fn born(
    run: &mut Run,
    event: &HistoryEvent,
    a: &WorkflowExecutionStartedEventAttributes,
    at: Timestamp,
) {
    run.started_at = at;
    run.attempt = u32::try_from(a.attempt).unwrap_or(1).max(1);
    let may_be_followed = a.retry_policy.is_some() || !a.cron_schedule.is_empty();
    run.birth = may_be_followed.then(|| Box::new(a.clone()));
    run.links.clone_from(&event.links);
    run.family = Family::born(a);
    run.first_run_id.clone_from(&a.first_execution_run_id);
    run.original_run_id.clone_from(&a.original_execution_run_id);
    run.workflow_type = a.workflow_type.as_ref().map_or("", |t| &t.name).to_owned();
    run.task_queue = a.task_queue.as_ref().map_or("", |q| &q.name).to_owned();
    run.priority.clone_from(&a.priority);
    run.timeouts = Timeouts {
        execution: positive(a.workflow_execution_timeout.as_ref()),
        run: positive(a.workflow_run_timeout.as_ref()),
        task: positive(a.workflow_task_timeout.as_ref()).unwrap_or(DEFAULT_TIMEOUT),
    };
    run.execution_expires_at = a
        .workflow_execution_expiration_time
        .as_ref()
        .map(|end| from_proto(Some(end)));
    let delay = positive(a.first_workflow_task_backoff.as_ref());
    run.delayed_until = delay.map(|wait| at.after(wait));
    // The run's own clock starts after its delay.
    run.execution_at = run.delayed_until.unwrap_or(at);
    let run_end = run.timeouts.run.map(|wait| run.execution_at.after(wait));
    run.expires_at = match (run_end, run.execution_expires_at) {
        // The chain's end is written to the nearest millisecond. A run that has the whole chain's
        // time ends with the chain, and not a moment before it with other words.
        (Some(own), Some(chain)) if own.after(MILLISECOND) >= chain => Some(chain),
        (own, chain) => own.or(chain),
    };
    run.user_metadata.clone_from(&event.user_metadata);
    if let Some(memo) = &a.memo {
        run.memo = sorted(&memo.fields);
    }
    if let Some(attributes) = &a.search_attributes {
        run.search_attributes = sorted(&attributes.indexed_fields);
    }
}

fn fires(event: &HistoryEvent, timer_id: &str) -> bool {
    matches!(
        &event.attributes,
        Some(Attributes::TimerFiredEventAttributes(a)) if a.timer_id == timer_id
    )
}

/// After a failed attempt the next one waits at once, without an event of its own.
fn make_transient(run: &mut Run, at: Timestamp) {
    let attempt = run.task.as_ref().map_or(1, |task| task.attempt) + 1;
    run.sticky = None;
    run.task = Some(WorkflowTask {
        scheduled_id: None,
        attempt,
        scheduled_at: at,
        base: run.next_event_id,
        sticky_until: None,
        started: None,
        beating_since: at,
        speculative: false,
    });
}

fn close(run: &mut Run, status: Status, at: Timestamp) {
    run.status = status;
    run.closed_at = Some(at);
    run.task = None;
    run.sticky = None;
    run.activities.clear();
    run.timers.clear();
    run.buffered.clear();
}

/// A null payload takes the key away.
fn upsert(map: &mut BTreeMap<String, Payload>, changes: BTreeMap<String, Payload>) {
    for (key, value) in changes {
        if is_null(&value) {
            map.remove(&key);
        } else {
            map.insert(key, value);
        }
    }
}

pub(super) fn is_null(payload: &Payload) -> bool {
    let binary_null = payload
        .metadata
        .get("encoding")
        .is_some_and(|encoding| encoding == b"binary/null");
    binary_null || payload.data == b"null" || payload.data == b"[]"
}

/// The protocol's maps have no order; the core's have.
fn sorted(map: &std::collections::HashMap<String, Payload>) -> BTreeMap<String, Payload> {
    map.iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
