//! What a worker says about updates, beside its commands: it accepts, rejects and completes them
//! by messages. A command says where among the others a message takes effect; messages without one
//! come last. Here nothing is refused: `message` did that before.

use temporalio_protos::temporal::api::history::v1::{
    WorkflowExecutionUpdateAcceptedEventAttributes, WorkflowExecutionUpdateCompletedEventAttributes,
};
use temporalio_protos::temporal::api::protocol::v1::Message;
use temporalio_protos::temporal::api::update::v1::{Acceptance, Rejection, Response};

use super::Bad;
use super::message::{PROTOCOL, wrong};
use crate::core::updates::{self, Aborted, Fate};
use crate::core::{Refusal, Step};
use crate::wire;

/// The messages of one answer that took no effect yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail(Vec<Message>);

impl Mail {
    pub(crate) fn new(messages: Vec<Message>) -> Result<Self, Refusal> {
        for message in &messages {
            let name = name_of(message);
            let why = match &message.body {
                None => "nil message body".to_owned(),
                Some(_) if name.is_empty() => "no message name specified".to_owned(),
                Some(_) if !name.contains('.') => {
                    format!("failed to extract protocol type: no . found in {name:?}")
                }
                Some(_) => continue,
            };
            return Err(Refusal::Invalid(why));
        }
        Ok(Self(messages))
    }

    /// Nothing in it would have to be written down.
    pub(crate) fn only_rejects(&self) -> bool {
        self.0
            .iter()
            .all(|message| name_of(message) == format!("{PROTOCOL}.Rejection"))
    }

    pub(super) fn take(&mut self, id: &str) -> Option<Message> {
        let at = self.0.iter().position(|message| message.id == id)?;
        Some(self.0.remove(at))
    }

    pub(super) fn rest(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.0)
    }
}

#[derive(Debug)]
pub(super) enum Word {
    Accept(Acceptance),
    Reject(Rejection),
    Respond(Response),
}

pub(super) fn apply_command(step: &mut Step<'_>, mail: &mut Mail, message_id: &str) {
    if let Some(message) = mail.take(message_id) {
        apply(step, message);
    }
}

pub(super) fn apply(step: &mut Step<'_>, message: Message) {
    let Ok(word) = word(&message) else { return };
    let id = message.protocol_instance_id;
    match word {
        Word::Reject(rejection) => {
            step.run.updates.take_admitted(&id);
            step.tell(id, updates::failed(rejection.failure.unwrap_or_default()));
        }
        // Nothing can be added to a run that its workflow just ended. What it had accepted
        // before is failed with the run.
        _ if !step.run.is_open() => {
            if step.run.updates.take_admitted(&id).is_some() {
                step.tell(id, Fate::Aborted(Aborted::Closed));
            }
        }
        Word::Accept(acceptance) => {
            let admitted = step.run.updates.take_admitted(&id);
            let known = admitted.map(|admitted| admitted.request);
            step.emit(WorkflowExecutionUpdateAcceptedEventAttributes {
                protocol_instance_id: id.clone(),
                accepted_request_message_id: updates::request_message_id(&id),
                accepted_request_sequencing_event_id: acceptance
                    .accepted_request_sequencing_event_id,
                accepted_request: known.or(acceptance.accepted_request),
            });
            step.tell(id, Fate::Accepted);
        }
        Word::Respond(response) => {
            let accepted_event_id = step.run.updates.accepted.get(&id).copied();
            let outcome = response.outcome.unwrap_or_default();
            step.emit(WorkflowExecutionUpdateCompletedEventAttributes {
                meta: response.meta,
                accepted_event_id: accepted_event_id.unwrap_or(0),
                outcome: Some(outcome.clone()),
            });
            step.tell(id, Fate::Completed(Box::new(outcome)));
        }
    }
}

pub(super) fn name_of(message: &Message) -> &str {
    let url = message.body.as_ref().map_or("", |body| &body.type_url);
    url.rsplit_once('/').map_or(url, |(_, name)| name)
}

pub(super) fn word(message: &Message) -> Result<Word, Bad> {
    let name = name_of(message);
    let bytes = message.body.as_ref().map_or(&[][..], |body| &body.value);
    let decoded = match name.rsplit_once('.').map_or(name, |(_, short)| short) {
        "Acceptance" => wire::decode::<Acceptance>(bytes).map(Word::Accept),
        "Rejection" => wire::decode::<Rejection>(bytes).map(Word::Reject),
        "Response" => wire::decode::<Response>(bytes).map(Word::Respond),
        short => return Err(wrong(format!("Message type *update.{short} not supported"))),
    };
    decoded.map_err(|error| wrong(format!("unable to unmarshal request: {error}")))
}

impl Word {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Accept(_) => "*update.Acceptance",
            Self::Reject(_) => "*update.Rejection",
            Self::Respond(_) => "*update.Response",
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn messages_take_effect_in_their_places_and_the_rest_at_the_end() {
        check(
            "start; update u; update v; update w; poll; \
             complete timer=t@5 accept=u activity=a respond=u reject=v reject=w",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                → hand out u/request after 2
                → hand out v/request after 2
                → hand out w/request after 2
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 TimerStarted t
                6 WorkflowExecutionUpdateAccepted u
                7 ActivityTaskScheduled a
                8 WorkflowExecutionUpdateCompleted u of 6
                → update u accepted
                → offer activity 7 attempt 1
                → update u completed
                → update v failed: no
                → update w failed: no
            "#]],
        );
        check(
            "start; update u; update v; poll; complete loose accept=u timer=t@5 respond=u reject=v",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                → hand out u/request after 2
                → hand out v/request after 2
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 TimerStarted t
                6 WorkflowExecutionUpdateAccepted u
                7 WorkflowExecutionUpdateCompleted u of 6
                → update u accepted
                → update u completed
                → update v failed: no
            "#]],
        );
    }

    #[test]
    fn what_a_worker_ignores_is_rejected_but_a_heartbeat_ignores_nothing() {
        check(
            "start; update u; poll; complete",
            expect![[r#"
            1 WorkflowExecutionStarted
            2 WorkflowTaskScheduled
            → offer workflow task
            → hand out u/request after 2
            3 WorkflowTaskStarted
            4 WorkflowTaskCompleted
            → update u failed: Workflow Update is rejected because it wasn't processed by worker. Probably, Workflow Update is not supported by the worker.
        "#]],
        );
        check(
            "start; update u; poll; complete heartbeat; poll; complete accept=u",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                → hand out u/request after 2
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 WorkflowTaskScheduled
                → offer workflow task
                → hand out u/request after 5
                6 WorkflowTaskStarted
                7 WorkflowTaskCompleted
                8 WorkflowExecutionUpdateAccepted u
                → update u accepted
            "#]],
        );
    }

    #[test]
    fn a_worker_may_decide_on_what_a_restart_forgot() {
        check(
            "start; poll; complete accept=u brings respond=u; signal s; poll; complete brings reject=v",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 WorkflowExecutionUpdateAccepted u
                6 WorkflowExecutionUpdateCompleted u of 5
                → update u accepted
                → update u completed
                7 WorkflowExecutionSignaled s
                8 WorkflowTaskScheduled
                → offer workflow task
                9 WorkflowTaskStarted
                10 WorkflowTaskCompleted
                → update v failed: no
            "#]],
        );
    }

    #[test]
    fn nothing_is_accepted_after_the_end() {
        check(
            "start; update a; poll; complete accept=a; update u; update v; poll; \
             complete loose finish accept=u reject=v respond=a",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                → hand out a/request after 2
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 WorkflowExecutionUpdateAccepted a
                → update a accepted
                → offer workflow task
                → hand out u/request after 6
                → hand out v/request after 6
                6 WorkflowTaskScheduled
                7 WorkflowTaskStarted
                8 WorkflowTaskCompleted
                9 WorkflowExecutionCompleted
                → update u aborted Closed
                → update v failed: no
                → update a failed: Workflow Update failed because the Workflow completed before the Update completed.
            "#]],
        );
    }

    #[test]
    fn a_task_that_brought_events_is_discarded_only_for_who_bears_it() {
        check(
            "start delay=9; signal s; update u; poll; complete reject=u",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowExecutionSignaled s
                → offer workflow task
                → hand out u/request after 3
                3 WorkflowTaskScheduled
                4 WorkflowTaskStarted
                5 WorkflowTaskCompleted
                → update u failed: no
            "#]],
        );
        check(
            "start delay=9; signal s; update u; poll; complete reject=u discards",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowExecutionSignaled s
                → offer workflow task
                → hand out u/request after 3
                → update u failed: no
            "#]],
        );
    }
}
