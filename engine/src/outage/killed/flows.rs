//! What the workflows of the scenes decide: by nothing but their history, as any worker would that
//! replays it from the start. So whoever comes after a kill goes on where the other one was.

use prost_types::Duration;
use temporalio_protos::temporal::api::command::v1::command::Attributes;
use temporalio_protos::temporal::api::command::v1::*;
use temporalio_protos::temporal::api::common::v1::{ActivityType, Payload, Payloads, RetryPolicy};
use temporalio_protos::temporal::api::enums::v1::{EventType as E, ParentClosePolicy};
use temporalio_protos::temporal::api::failure::v1::{
    ApplicationFailureInfo, Failure, failure::FailureInfo,
};
use temporalio_protos::temporal::api::history::v1::{HistoryEvent, history_event};
use temporalio_protos::temporal::api::protocol::v1::{Message, message::SequencingId};
use temporalio_protos::temporal::api::update::v1::{
    Acceptance, Meta, Outcome, Rejection, Response, outcome,
};

use super::super::work::execution;
use super::scenes::{HOUR, kind, queue};
use crate::core::updates::pack;

#[derive(Debug, Default)]
pub(super) struct Decision {
    pub(super) commands: Vec<Attributes>,
    pub(super) messages: Vec<Message>,
}

fn one(command: impl Into<Attributes>) -> Vec<Attributes> {
    vec![command.into()]
}

fn end() -> Vec<Attributes> {
    one(CompleteWorkflowExecutionCommandAttributes::default())
}

pub(super) fn number(n: usize) -> Option<Payloads> {
    Some(Payloads {
        payloads: vec![Payload {
            data: n.to_string().into_bytes(),
            ..Payload::default()
        }],
    })
}

pub(super) fn failure() -> Option<Failure> {
    Some(Failure {
        message: "not yet".to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(
            ApplicationFailureInfo::default(),
        )),
        ..Failure::default()
    })
}

fn activity(name: &str, attempts: i32, timeout: Duration) -> Vec<Attributes> {
    one(ScheduleActivityTaskCommandAttributes {
        activity_id: name.to_owned(),
        activity_type: Some(ActivityType {
            name: name.to_owned(),
        }),
        task_queue: queue(),
        start_to_close_timeout: Some(timeout),
        retry_policy: Some(RetryPolicy {
            maximum_attempts: attempts,
            ..RetryPolicy::default()
        }),
        ..ScheduleActivityTaskCommandAttributes::default()
    })
}

fn child(id: &str, policy: ParentClosePolicy) -> Vec<Attributes> {
    one(StartChildWorkflowExecutionCommandAttributes {
        workflow_id: id.to_owned(),
        workflow_type: kind(id),
        task_queue: queue(),
        parent_close_policy: policy as i32,
        ..StartChildWorkflowExecutionCommandAttributes::default()
    })
}

fn signal_to(id: &str) -> Vec<Attributes> {
    one(SignalExternalWorkflowExecutionCommandAttributes {
        execution: execution(id),
        signal_name: "told".to_owned(),
        ..SignalExternalWorkflowExecutionCommandAttributes::default()
    })
}

/// A first command, unless it was given already, and the end once something is known of it.
fn then_end(
    events: &[HistoryEvent],
    given: E,
    over: &[E],
    first: impl FnOnce() -> Vec<Attributes>,
) -> Vec<Attributes> {
    let has = |kind: E| events.iter().any(|event| event.event_type() == kind);
    match () {
        () if over.iter().any(|kind| has(*kind)) => end(),
        () if has(given) => Vec::new(),
        () => first(),
    }
}

const OVER: [E; 4] = [
    E::ActivityTaskCompleted,
    E::ActivityTaskFailed,
    E::ActivityTaskTimedOut,
    E::ActivityTaskCanceled,
];

pub(super) fn decide(kind: &str, events: &[HistoryEvent], asked: &[Message]) -> Decision {
    let count = |kind: E| {
        let of_kind = events.iter().filter(|event| event.event_type() == kind);
        of_kind.count()
    };
    let scheduled = |then: &dyn Fn() -> Vec<Attributes>| {
        then_end(events, E::ActivityTaskScheduled, &OVER, then)
    };
    let with_child = |over, then: &dyn Fn() -> Vec<Attributes>| {
        then_end(
            events,
            E::StartChildWorkflowExecutionInitiated,
            &[over],
            then,
        )
    };
    let commands = match kind {
        "end" | "leaf" => end(),
        "waits" => Vec::new(),
        "signals" if count(E::WorkflowExecutionSignaled) >= 2 => end(),
        "told" if count(E::WorkflowExecutionSignaled) >= 1 => end(),
        "signals" | "told" => Vec::new(),
        "updated" => return updates(asked, count(E::WorkflowExecutionSignaled) > 0),
        "timer" => then_end(events, E::TimerStarted, &[E::TimerFired], || {
            one(StartTimerCommandAttributes {
                timer_id: "t".to_owned(),
                start_to_fire_timeout: Some(HOUR),
            })
        }),
        "notes" => notes(),
        "once" => scheduled(&|| activity("once", 1, HOUR)),
        "retried" => scheduled(&|| activity("fails first", 0, HOUR)),
        "exhausted" => scheduled(&|| activity("fails", 3, HOUR)),
        "silent" => scheduled(&|| activity("silent", 1, MOMENT)),
        "beats" => scheduled(&|| activity("beats", 0, HOUR)),
        "stops its activity" => stops_its_activity(events),
        "parent" => with_child(E::ChildWorkflowExecutionCompleted, &|| {
            child("leaf", ParentClosePolicy::Terminate)
        }),
        "leaver" => with_child(E::ChildWorkflowExecutionStarted, &|| {
            child("waits", ParentClosePolicy::Terminate)
        }),
        "asks to stop" => with_child(E::ChildWorkflowExecutionStarted, &|| {
            child("obedient", ParentClosePolicy::RequestCancel)
        }),
        "obedient" if count(E::WorkflowExecutionCancelRequested) > 0 => {
            one(CancelWorkflowExecutionCommandAttributes::default())
        }
        "obedient" => Vec::new(),
        "teller" => told(events, "told"),
        "to nobody" => told(events, "nobody"),
        "calls off" => then_end(
            events,
            E::RequestCancelExternalWorkflowExecutionInitiated,
            &[E::ExternalWorkflowExecutionCancelRequested],
            || {
                one(RequestCancelExternalWorkflowExecutionCommandAttributes {
                    workflow_id: "obedient".to_owned(),
                    ..RequestCancelExternalWorkflowExecutionCommandAttributes::default()
                })
            },
        ),
        "goes on" => goes_on(events),
        // Its second run waits to be ended.
        "by the clock" if is_first_of_its_chain(events) => end(),
        "by the clock" => Vec::new(),
        "fails first" if is_first_of_its_chain(events) => {
            one(FailWorkflowExecutionCommandAttributes { failure: failure() })
        }
        "fails first" => end(),
        other => panic!("no such workflow: {other}"),
    };
    Decision {
        commands,
        messages: Vec::new(),
    }
}

/// Real time, which passes while a worker has an activity.
const MOMENT: Duration = Duration {
    seconds: 0,
    nanos: 30_000_000,
};

fn told(events: &[HistoryEvent], whom: &str) -> Vec<Attributes> {
    let over = [
        E::ExternalWorkflowExecutionSignaled,
        E::SignalExternalWorkflowExecutionFailed,
    ];
    let given = E::SignalExternalWorkflowExecutionInitiated;
    then_end(events, given, &over, || signal_to(whom))
}

fn notes() -> Vec<Attributes> {
    let memo = ModifyWorkflowPropertiesCommandAttributes {
        upserted_memo: Some(Default::default()),
    };
    let marker = RecordMarkerCommandAttributes {
        marker_name: "here".to_owned(),
        ..RecordMarkerCommandAttributes::default()
    };
    [one(memo), one(marker), end()].concat()
}

fn stops_its_activity(events: &[HistoryEvent]) -> Vec<Attributes> {
    let of = |kind: E| events.iter().find(|event| event.event_type() == kind);
    match of(E::ActivityTaskScheduled) {
        None => [
            activity("stops when asked", 0, HOUR),
            one(StartTimerCommandAttributes {
                timer_id: "soon".to_owned(),
                start_to_fire_timeout: Some(MOMENT),
            }),
        ]
        .concat(),
        Some(_) if OVER.iter().any(|kind| of(*kind).is_some()) => end(),
        Some(scheduled)
            if of(E::TimerFired).is_some() && of(E::ActivityTaskCancelRequested).is_none() =>
        {
            one(RequestCancelActivityTaskCommandAttributes {
                scheduled_event_id: scheduled.event_id,
            })
        }
        Some(_) => Vec::new(),
    }
}

fn goes_on(events: &[HistoryEvent]) -> Vec<Attributes> {
    let Some(history_event::Attributes::WorkflowExecutionStartedEventAttributes(started)) =
        events.first().and_then(|event| event.attributes.clone())
    else {
        panic!("a history without its start");
    };
    let input = started.input.unwrap_or_default().payloads;
    let done: usize = input.first().map_or(0, |payload| {
        String::from_utf8_lossy(&payload.data).parse().unwrap()
    });
    if done == 2 {
        return end();
    }
    one(ContinueAsNewWorkflowExecutionCommandAttributes {
        workflow_type: kind("goes on"),
        task_queue: queue(),
        input: number(done + 1),
        ..ContinueAsNewWorkflowExecutionCommandAttributes::default()
    })
}

fn is_first_of_its_chain(events: &[HistoryEvent]) -> bool {
    match events.first().and_then(|event| event.attributes.as_ref()) {
        Some(history_event::Attributes::WorkflowExecutionStartedEventAttributes(started)) => {
            started.continued_execution_run_id.is_empty()
        }
        _ => panic!("a history without its start"),
    }
}

/// Does what is asked, or rejects it by its name; ends when it was told to.
fn updates(asked: &[Message], is_told: bool) -> Decision {
    let mut decision = Decision::default();
    for request in asked {
        let id = &request.protocol_instance_id;
        let mut post = |word: &str, body| {
            let message_id = format!("{id}/{word}");
            decision.messages.push(Message {
                id: message_id.clone(),
                protocol_instance_id: id.clone(),
                sequencing_id: Some(SequencingId::EventId(1)),
                body: Some(body),
            });
            message_id
        };
        if id == "rejected" {
            let rejection = Rejection {
                rejected_request_message_id: request.id.clone(),
                failure: failure(),
                ..Rejection::default()
            };
            post("reject", pack(&rejection));
            continue;
        }
        let acceptance = Acceptance {
            accepted_request_message_id: request.id.clone(),
            accepted_request_sequencing_event_id: 1,
            ..Acceptance::default()
        };
        let response = Response {
            meta: Some(Meta {
                update_id: id.clone(),
                ..Meta::default()
            }),
            outcome: Some(Outcome {
                value: Some(outcome::Value::Success(Payloads::default())),
            }),
        };
        let letters = [
            post("accept", pack(&acceptance)),
            post("respond", pack(&response)),
        ];
        for message_id in letters {
            let placed = ProtocolMessageCommandAttributes { message_id };
            decision.commands.push(placed.into());
        }
    }
    if is_told {
        decision.commands.extend(end());
    }
    decision
}
