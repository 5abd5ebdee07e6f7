//! The test language about updates: `update u` admits one; `accept=u`, `reject=u`, `respond=u` in
//! an answer decide on it, in their places among the commands unless the answer says `loose`.

use prost_types::Any;
use temporalio_protos::temporal::api::command::v1::{
    ProtocolMessageCommandAttributes, command::Attributes as Decision,
};
use temporalio_protos::temporal::api::common::v1::Payloads;
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::protocol::v1::{Message, message::SequencingId};
use temporalio_protos::temporal::api::update::v1::{
    Acceptance, Input, Meta, Outcome, Rejection, Request, Response, outcome,
};

use super::words::option;
use crate::core::commands::admit_update::AdmitUpdate;
use crate::core::updates::{Fate, pack};

pub(super) fn wish(words: &[&str]) -> AdmitUpdate {
    AdmitUpdate {
        id: words[1].to_owned(),
        request: request(words[1]),
        first_run_id: option(words, "first").unwrap_or("").to_owned(),
    }
}

fn request(id: &str) -> Request {
    Request {
        meta: meta(id),
        input: Some(Input {
            name: "update".to_owned(),
            ..Input::default()
        }),
        ..Request::default()
    }
}

fn meta(id: &str) -> Option<Meta> {
    Some(Meta {
        update_id: id.to_owned(),
        identity: String::new(),
    })
}

fn message_id(verb: &str, id: &str) -> String {
    format!("{id}/{verb}")
}

/// The command that gives a message its place.
pub(super) fn command(verb: &str, id: &str, words: &[&str]) -> Option<Decision> {
    let placed = matches!(verb, "accept" | "respond") && !words.contains(&"loose");
    let message_id = match verb {
        "message" => id.to_owned(),
        _ if placed => message_id(verb, id),
        _ => return None,
    };
    Some(ProtocolMessageCommandAttributes { message_id }.into())
}

pub(super) fn messages(words: &[&str]) -> Vec<Message> {
    let brought = |id| words.contains(&"brings").then(|| request(id));
    words
        .iter()
        .filter_map(|word| {
            let (verb, id) = word.split_once('=')?;
            let body = match verb {
                "accept" => pack(&Acceptance {
                    accepted_request_message_id: format!("{id}/request"),
                    accepted_request_sequencing_event_id: 1,
                    accepted_request: brought(id),
                }),
                "reject" => pack(&Rejection {
                    rejected_request: brought(id),
                    failure: Some(Failure {
                        message: "no".to_owned(),
                        ..Failure::default()
                    }),
                    ..Rejection::default()
                }),
                "respond" => pack(&Response {
                    meta: meta(id),
                    outcome: Some(Outcome {
                        value: Some(outcome::Value::Success(Payloads::default())),
                    }),
                }),
                "nonsense" => Any {
                    type_url: "type.googleapis.com/other.v1.Word".to_owned(),
                    value: Vec::new(),
                },
                _ => return None,
            };
            Some(Message {
                id: message_id(verb, id),
                protocol_instance_id: id.to_owned(),
                sequencing_id: Some(SequencingId::EventId(1)),
                body: Some(body),
            })
        })
        .collect()
}

pub(super) fn describe_request(message: &Message) -> String {
    let Some(SequencingId::EventId(after)) = message.sequencing_id else {
        panic!("a request without its place");
    };
    format!("{} after {after}", message.id)
}

pub(super) fn describe_fate(fate: &Fate) -> String {
    match fate {
        Fate::Accepted => "accepted".to_owned(),
        Fate::Aborted(why) => format!("aborted {why:?}"),
        Fate::Completed(outcome) => match &outcome.value {
            Some(outcome::Value::Failure(failure)) => format!("failed: {}", failure.message),
            _ => "completed".to_owned(),
        },
    }
}
