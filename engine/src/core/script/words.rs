//! The words of the test language: what a line asks for, and how an event reads.

use std::time::Duration;

use ambient::Timestamp;

use temporalio_protos::temporal::api::command::v1::{
    CancelTimerCommandAttributes, CancelWorkflowExecutionCommandAttributes,
    CompleteWorkflowExecutionCommandAttributes, ContinueAsNewWorkflowExecutionCommandAttributes,
    FailWorkflowExecutionCommandAttributes, RecordMarkerCommandAttributes,
    RequestCancelActivityTaskCommandAttributes, ScheduleActivityTaskCommandAttributes,
    ScheduleNexusOperationCommandAttributes, StartTimerCommandAttributes,
    UpsertWorkflowSearchAttributesCommandAttributes,
};
use temporalio_protos::temporal::api::command::v1::{Command, command::Attributes as Decision};
use temporalio_protos::temporal::api::common::v1::{
    ActivityType, Payload, Payloads, RetryPolicy, WorkflowType,
};
use temporalio_protos::temporal::api::enums::v1::{
    CommandType, ContinueAsNewInitiator, EventType, RetryState, TaskQueueKind, TimeoutType,
};
use temporalio_protos::temporal::api::failure::v1::{
    ApplicationFailureInfo, Failure, failure::FailureInfo,
};
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_protos::temporal::api::history::v1::{
    HistoryEvent, WorkflowExecutionStartedEventAttributes,
};
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;

use super::{family, updates};
use crate::core::Run;
use crate::core::commands::start;
use crate::core::retry;
use crate::core::time::{duration, to_proto};

pub(super) fn option<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words
        .iter()
        .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

/// As many bytes as are asked for.
pub(super) fn details(words: &[&str]) -> Option<Payloads> {
    option(words, "bytes").map(|bytes| Payloads {
        payloads: vec![Payload {
            data: vec![b'x'; bytes.parse().unwrap()],
            ..Payload::default()
        }],
    })
}

fn seconds(words: &[&str], key: &str) -> Option<prost_types::Duration> {
    option(words, key).map(|text| duration(Duration::from_secs(text.parse().unwrap())))
}

pub(super) fn start_command(words: &[&str], now: Timestamp) -> start::Start {
    start::Start {
        workflow_id: "w".to_owned(),
        run_id: "r".to_owned(),
        request_id: "start".to_owned(),
        attributes: WorkflowExecutionStartedEventAttributes {
            workflow_type: Some(WorkflowType {
                name: "flow".to_owned(),
            }),
            task_queue: Some(TaskQueue {
                name: "queue".to_owned(),
                ..TaskQueue::default()
            }),
            workflow_run_timeout: seconds(words, "run_timeout"),
            workflow_execution_timeout: seconds(words, "execution_timeout"),
            workflow_execution_expiration_time: option(words, "execution_timeout").map(|text| {
                let wait = Duration::from_secs(text.parse().unwrap());
                let rounded = option(words, "rounded_up").map_or(0, |text| text.parse().unwrap());
                to_proto(now.after(wait + Duration::from_micros(rounded)))
            }),
            parent_workflow_execution: option(words, "parent").map(family::execution),
            first_workflow_task_backoff: seconds(words, "delay"),
            attempt: 1,
            cron_schedule: option(words, "cron").unwrap_or("").replace('_', " "),
            retry_policy: option(words, "retry").map(|text| RetryPolicy {
                maximum_attempts: text.parse().unwrap(),
                non_retryable_error_types: vec!["hopeless".to_owned()],
                ..retry::with_defaults(None)
            }),
            first_execution_run_id: "r".to_owned(),
            original_execution_run_id: "r".to_owned(),
            ..WorkflowExecutionStartedEventAttributes::default()
        },
        user_metadata: None,
        links: Vec::new(),
        signal: None,
    }
}

pub(super) fn commands(run: &Run, words: &[&str]) -> Vec<Command> {
    words
        .iter()
        .filter_map(|word| {
            let (verb, name) = word.split_once('=').unwrap_or((word, ""));
            let decision: Decision = match verb {
                "activity" => schedule(name, words).into(),
                "timer" => {
                    let (id, after) = name.split_once('@').unwrap();
                    let wait = Duration::from_secs(after.parse().unwrap());
                    let attributes = StartTimerCommandAttributes {
                        timer_id: id.to_owned(),
                        start_to_fire_timeout: Some(duration(wait)),
                    };
                    attributes.into()
                }
                "cancel_timer" => {
                    let timer_id = name.to_owned();
                    CancelTimerCommandAttributes { timer_id }.into()
                }
                "cancel_activity" => {
                    let scheduled_event_id = run.activity_by_id(name).unwrap().scheduled_id;
                    RequestCancelActivityTaskCommandAttributes { scheduled_event_id }.into()
                }
                "marker" => RecordMarkerCommandAttributes {
                    marker_name: name.to_owned(),
                    ..RecordMarkerCommandAttributes::default()
                }
                .into(),
                "again" => ContinueAsNewWorkflowExecutionCommandAttributes::default().into(),
                "finish" => finish(name).into(),
                "break" => FailWorkflowExecutionCommandAttributes {
                    failure: Some(failure(name)),
                }
                .into(),
                "give_up" => CancelWorkflowExecutionCommandAttributes::default().into(),
                "upsert" => UpsertWorkflowSearchAttributesCommandAttributes::default().into(),
                "child" => family::start_child(name).into(),
                "signal_external" => family::signal_external(name).into(),
                "cancel_external" => family::cancel_external(name).into(),
                "nexus" => ScheduleNexusOperationCommandAttributes::default().into(),
                _ => updates::command(verb, name, words)?,
            };
            let command_type = match verb {
                "again" => CommandType::ContinueAsNewWorkflowExecution,
                "finish" => CommandType::CompleteWorkflowExecution,
                "timer" => CommandType::StartTimer,
                "nexus" => CommandType::ScheduleNexusOperation,
                _ => CommandType::Unspecified,
            };
            Some(Command {
                command_type: command_type as i32,
                attributes: Some(decision),
                ..Command::default()
            })
        })
        .collect()
}

fn finish(result: &str) -> CompleteWorkflowExecutionCommandAttributes {
    let payload = Payload {
        data: result.as_bytes().to_vec(),
        ..Payload::default()
    };
    CompleteWorkflowExecutionCommandAttributes {
        result: (!result.is_empty()).then(|| Payloads {
            payloads: vec![payload],
        }),
    }
}

fn failure(kind: &str) -> Failure {
    Failure {
        message: kind.to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(
            ApplicationFailureInfo {
                r#type: kind.to_owned(),
                ..ApplicationFailureInfo::default()
            },
        )),
        ..Failure::default()
    }
}

fn schedule(id: &str, words: &[&str]) -> ScheduleActivityTaskCommandAttributes {
    let an_hour = Some(duration(Duration::from_secs(3_600)));
    ScheduleActivityTaskCommandAttributes {
        activity_id: id.to_owned(),
        activity_type: Some(ActivityType {
            name: "activity".to_owned(),
        }),
        start_to_close_timeout: seconds(words, "timeout").or(an_hour),
        schedule_to_start_timeout: seconds(words, "schedule_to_start"),
        heartbeat_timeout: seconds(words, "heartbeat"),
        retry_policy: option(words, "maximum_attempts").map(|text| RetryPolicy {
            maximum_attempts: text.parse().unwrap(),
            ..RetryPolicy::default()
        }),
        request_eager_execution: words.contains(&"eager"),
        ..ScheduleActivityTaskCommandAttributes::default()
    }
}

pub(super) fn describe(event: &HistoryEvent) -> String {
    let name = format!("{:?}", EventType::try_from(event.event_type).unwrap());
    let retry = |state: i32| RetryState::try_from(state).unwrap();
    let detail = match event.attributes.as_ref().unwrap() {
        Attributes::WorkflowTaskScheduledEventAttributes(a) => {
            let sticky = a.task_queue.as_ref().unwrap().kind == TaskQueueKind::Sticky as i32;
            if sticky {
                "sticky".to_owned()
            } else {
                String::new()
            }
        }
        Attributes::WorkflowTaskFailedEventAttributes(a) => format!("{:?}", a.cause()),
        Attributes::WorkflowTaskTimedOutEventAttributes(a) => format!("{:?}", a.timeout_type()),
        Attributes::WorkflowExecutionOptionsUpdatedEventAttributes(a) => {
            a.attached_request_id.clone()
        }
        Attributes::WorkflowExecutionSignaledEventAttributes(a) => a.signal_name.clone(),
        Attributes::ActivityTaskScheduledEventAttributes(a) => a.activity_id.clone(),
        Attributes::ActivityTaskStartedEventAttributes(a) => {
            format!("of {} attempt {}", a.scheduled_event_id, a.attempt)
        }
        Attributes::ActivityTaskCompletedEventAttributes(a) => {
            format!("of {} started {}", a.scheduled_event_id, a.started_event_id)
        }
        Attributes::ActivityTaskCanceledEventAttributes(a) => {
            format!("of {} started {}", a.scheduled_event_id, a.started_event_id)
        }
        Attributes::ActivityTaskFailedEventAttributes(a) => format!(
            "of {} started {} {:?}",
            a.scheduled_event_id,
            a.started_event_id,
            retry(a.retry_state)
        ),
        Attributes::ActivityTaskTimedOutEventAttributes(a) => format!(
            "of {} started {} {:?} {:?}",
            a.scheduled_event_id,
            a.started_event_id,
            timeout_of(a.failure.as_ref()),
            retry(a.retry_state)
        ),
        Attributes::ActivityTaskCancelRequestedEventAttributes(a) => {
            a.scheduled_event_id.to_string()
        }
        Attributes::TimerStartedEventAttributes(a) => a.timer_id.clone(),
        Attributes::TimerFiredEventAttributes(a) => a.timer_id.clone(),
        Attributes::TimerCanceledEventAttributes(a) => a.timer_id.clone(),
        Attributes::WorkflowExecutionContinuedAsNewEventAttributes(a) => {
            a.new_execution_run_id.clone()
        }
        Attributes::WorkflowExecutionStartedEventAttributes(a)
            if !a.continued_execution_run_id.is_empty() =>
        {
            follows(a)
        }
        Attributes::WorkflowExecutionCompletedEventAttributes(a) => a.new_execution_run_id.clone(),
        Attributes::WorkflowExecutionFailedEventAttributes(a) => {
            let state = retry(a.retry_state);
            format!("{state:?} {}", a.new_execution_run_id)
        }
        Attributes::WorkflowExecutionTimedOutEventAttributes(a) => {
            let state = retry(a.retry_state);
            format!("{state:?} {}", a.new_execution_run_id)
        }
        Attributes::MarkerRecordedEventAttributes(a) => a.marker_name.clone(),
        Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(a) => {
            a.protocol_instance_id.clone()
        }
        Attributes::WorkflowExecutionUpdateCompletedEventAttributes(a) => {
            let update = a.meta.as_ref().unwrap();
            format!("{} of {}", update.update_id, a.accepted_event_id)
        }
        other => family::describe(other),
    };
    format!("{name} {detail}").trim_end().to_owned()
}

/// What a run that follows another knows of it.
fn follows(a: &WorkflowExecutionStartedEventAttributes) -> String {
    let mut told = format!("after {}", a.continued_execution_run_id);
    let wait = a.first_workflow_task_backoff.map_or(0, |wait| wait.seconds);
    if a.initiator() != ContinueAsNewInitiator::Workflow || wait > 0 {
        let (why, attempt) = (a.initiator(), a.attempt);
        told += &format!(" by {why:?} attempt {attempt} in {wait}");
    }
    if let Some(failure) = &a.continued_failure {
        told += &format!(" failed {}", failure.message);
    }
    if let Some(result) = &a.last_completion_result {
        told += &format!(
            " last {}",
            String::from_utf8_lossy(&result.payloads[0].data)
        );
    }
    told
}

fn timeout_of(failure: Option<&Failure>) -> TimeoutType {
    match failure.and_then(|f| f.failure_info.as_ref()) {
        Some(FailureInfo::TimeoutFailureInfo(info)) => info.timeout_type(),
        _ => TimeoutType::Unspecified,
    }
}
