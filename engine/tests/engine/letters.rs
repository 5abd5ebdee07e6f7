//! Updates by hand: what a client asks for, and what a worker of any language says about it.

use engine::Door;
use prost::Message;
use temporalio_common::protos::temporal::api::command::v1::{
    Command, CompleteWorkflowExecutionCommandAttributes, ProtocolMessageCommandAttributes,
    command::Attributes,
};
use temporalio_common::protos::temporal::api::enums::v1::UpdateWorkflowExecutionLifecycleStage as Stage;
use temporalio_common::protos::temporal::api::protocol::v1::Message as Letter;
use temporalio_common::protos::temporal::api::update::v1::{
    Acceptance, Input, Meta, Outcome, Rejection, Request, Response, WaitPolicy, outcome,
};
use temporalio_common::protos::temporal::api::workflowservice::v1::*;

use crate::raw::NAMESPACE;
use crate::stage::{call, execution};

pub(crate) fn update(workflow_id: &str, id: &str, until: Stage) -> UpdateWorkflowExecutionRequest {
    UpdateWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_execution: execution(workflow_id),
        wait_policy: Some(WaitPolicy {
            lifecycle_stage: until as i32,
        }),
        request: Some(Request {
            meta: Some(Meta {
                update_id: id.to_owned(),
                identity: String::new(),
            }),
            input: Some(Input {
                name: "change".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// What a worker says about every update it is brought.
#[derive(Clone, Copy)]
pub(crate) enum Say {
    Done,
    Accepted,
    No,
    Finish,
}

fn any<M: Message>(name: &str, message: &M) -> prost_types::Any {
    prost_types::Any {
        type_url: format!("type.googleapis.com/temporal.api.update.v1.{name}"),
        value: message.encode_to_vec(),
    }
}

/// Answers one workflow task.
pub(crate) async fn answer(
    door: &Door,
    task: PollWorkflowTaskQueueResponse,
    say: Say,
) -> RespondWorkflowTaskCompletedResponse {
    let (mut messages, mut commands) = (Vec::new(), Vec::<Attributes>::new());
    for request in task.messages {
        let id = request.protocol_instance_id;
        let mut post = |name: &str, body| {
            let letter = format!("{id}/{name}");
            messages.push(Letter {
                id: letter.clone(),
                protocol_instance_id: id.clone(),
                body: Some(body),
                ..Default::default()
            });
            letter
        };
        match say {
            Say::Done | Say::Accepted => {
                let acceptance = Acceptance {
                    accepted_request_message_id: request.id,
                    accepted_request_sequencing_event_id: 1,
                    ..Default::default()
                };
                let response = Response {
                    meta: Some(Meta {
                        update_id: id.clone(),
                        identity: String::new(),
                    }),
                    outcome: Some(Outcome {
                        value: Some(outcome::Value::Success(Default::default())),
                    }),
                };
                let mut letters = vec![post("Acceptance", any("Acceptance", &acceptance))];
                if matches!(say, Say::Done) {
                    letters.push(post("Response", any("Response", &response)));
                }
                for message_id in letters {
                    commands.push(ProtocolMessageCommandAttributes { message_id }.into());
                }
            }
            Say::No => {
                post("Rejection", any("Rejection", &Rejection::default()));
            }
            Say::Finish => {}
        }
    }
    if matches!(say, Say::Finish) {
        commands.push(CompleteWorkflowExecutionCommandAttributes::default().into());
    }
    let request = RespondWorkflowTaskCompletedRequest {
        namespace: NAMESPACE.to_owned(),
        task_token: task.task_token,
        commands: commands
            .into_iter()
            .map(|attributes| Command {
                attributes: Some(attributes),
                ..Default::default()
            })
            .collect(),
        messages,
        ..Default::default()
    };
    call(door, "RespondWorkflowTaskCompleted", &request)
        .await
        .unwrap()
}
