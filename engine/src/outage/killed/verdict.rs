//! What must hold after a kill, once the scene was played to its end by somebody else: it ended as
//! it does when nobody is killed, whatever anybody had seen before is still there word for word,
//! and no attempt that may be made once was made twice.

use std::collections::{BTreeMap, BTreeSet};

use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_protos::temporal::api::enums::v1::{EventType as E, WorkflowExecutionStatus};
use temporalio_protos::temporal::api::history::v1::{HistoryEvent, history_event::Attributes as A};
use temporalio_protos::temporal::api::workflowservice::v1::*;

use super::super::work::{NAMESPACE, call};
use super::notes::{Note, digest};
use super::play::heads;
use super::scenes::Scene;
use crate::engine::Engine;

/// The runs in the end, without what a kill may change: one line each.
pub(super) type Shape = Vec<String>;

pub(super) struct Ending {
    pub(super) shape: Shape,
    histories: BTreeMap<String, Vec<HistoryEvent>>,
}

pub(super) async fn ending(engine: &Engine) -> Result<Ending, String> {
    let (mut shape, mut histories) = (Shape::new(), BTreeMap::new());
    for head in heads(engine) {
        let request = GetWorkflowExecutionHistoryRequest {
            namespace: NAMESPACE.to_owned(),
            execution: Some(WorkflowExecution {
                workflow_id: head.workflow_id.clone(),
                run_id: head.run_id.clone(),
            }),
            ..GetWorkflowExecutionHistoryRequest::default()
        };
        let page: GetWorkflowExecutionHistoryResponse =
            call(&engine.door(), "GetWorkflowExecutionHistory", &request)
                .await
                .map_err(|error| format!("{} cannot be read: {error}", head.workflow_id))?;
        let events = page.history.unwrap_or_default().events;
        for (id, event) in (1..).zip(&events) {
            if event.event_id != id {
                return Err(format!("event {id} has the id {}", event.event_id));
            }
        }
        let status = WorkflowExecutionStatus::try_from(head.status).unwrap_or_default();
        let mut words: Vec<String> = events.iter().filter_map(word).collect();
        words.sort();
        shape.push(format!(
            "{} {status:?}: {}",
            head.workflow_type,
            words.join(", ")
        ));
        histories.insert(head.run_id, events);
    }
    shape.sort();
    Ok(Ending { shape, histories })
}

/// What an event is to a shape: a worker that is killed makes other tasks, and its activity may end
/// otherwise than if it had lived.
fn word(event: &HistoryEvent) -> Option<String> {
    let name = match &event.attributes {
        Some(A::WorkflowExecutionSignaledEventAttributes(signal)) => {
            format!("{:?} {}", event.event_type(), signal.signal_name)
        }
        Some(A::WorkflowExecutionUpdateAcceptedEventAttributes(update)) => {
            format!("{:?} {}", event.event_type(), update.protocol_instance_id)
        }
        _ => match event.event_type() {
            E::WorkflowTaskScheduled
            | E::WorkflowTaskStarted
            | E::WorkflowTaskCompleted
            | E::WorkflowTaskFailed
            | E::WorkflowTaskTimedOut
            | E::ActivityTaskStarted => return None,
            kind => format!("{kind:?}"),
        },
    };
    Some(name)
}

pub(super) fn judge(
    scene: &Scene,
    ending: &Ending,
    usual: &Shape,
    notes: &[Note],
) -> Result<(), String> {
    let timed_out = scene.bounded && is_usual_but_for_a_lost_worker(&ending.shape, usual);
    if ending.shape != *usual && !timed_out {
        return Err(format!(
            "ended as {:#?}\ninstead of {usual:#?}",
            ending.shape
        ));
    }
    let mut attempts = BTreeSet::new();
    for note in notes {
        match note {
            Note::Acknowledged(_) => {}
            Note::Saw {
                run_id,
                events,
                digest: as_seen,
            } => {
                let now = ending
                    .histories
                    .get(run_id)
                    .and_then(|all| all.get(..*events));
                if now.map(digest) != Some(*as_seen) {
                    return Err(format!(
                        "the first {events} events of {run_id} have changed"
                    ));
                }
            }
            Note::Ran {
                run_id,
                attempt,
                bounded,
            } => {
                let is_first = attempts.insert((run_id, attempt));
                if *bounded && !is_first {
                    return Err(format!("attempt {attempt} of {run_id} was made twice"));
                }
            }
        }
    }
    Ok(())
}

/// What a worker did not live to say, is said by a timeout.
fn is_usual_but_for_a_lost_worker(shape: &Shape, usual: &Shape) -> bool {
    let otherwise = |line: &String| {
        let is_end = |word: &&str| ["ActivityTaskCompleted", "ActivityTaskFailed"].contains(word);
        let mut words: Vec<String> = line
            .split([' ', ','])
            .map(|word| match is_end(&word) {
                true => "ActivityTaskTimedOut".to_owned(),
                false => word.to_owned(),
            })
            .collect();
        words.sort();
        words
    };
    shape.iter().map(otherwise).eq(usual.iter().map(otherwise))
}
