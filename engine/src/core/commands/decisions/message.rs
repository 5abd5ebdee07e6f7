//! Whether what a worker says about updates fits what is known of them, message by message.

use std::collections::BTreeMap;

use prost::Message as _;
use prost_types::Any;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause as Cause;
use temporalio_protos::temporal::api::protocol::v1::Message;
use temporalio_protos::temporal::api::update::v1::Request;

use super::mail::{Word, name_of, word};
use super::{Bad, Outlook, bad};
use crate::core::updates::{Standing, Updates};
use crate::limits;

pub(super) const PROTOCOL: &str = "temporal.api.update.v1";

/// The updates as they would be after the messages looked at so far.
#[derive(Debug, Default)]
pub(super) struct Prospects(BTreeMap<String, State>);

/// Spelled as the reference names them in its complaints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Admitted,
    Sent,
    ProvisionallyAccepted,
    Accepted,
    ProvisionallyCompleted,
    Completed,
    ProvisionallyAborted,
}

pub(super) fn validate_command(outlook: &mut Outlook<'_>, message_id: &str) -> Result<(), Bad> {
    if message_id.is_empty() {
        return Err(wrong("MessageID is not set on ProtocolMessageCommand."));
    }
    match outlook.mail.take(message_id) {
        Some(message) => validate(outlook, &message),
        None => Err(wrong(format!(
            "ProtocolMessageCommand referenced absent message ID {message_id}"
        ))),
    }
}

pub(super) fn validate(outlook: &mut Outlook<'_>, message: &Message) -> Result<(), Bad> {
    let name = name_of(message);
    if message.body.as_ref().map_or(0, Any::encoded_len) > limits::BLOB_BYTES {
        return Err(Bad {
            ends_run: true,
            ..wrong(format!("Message type {name} exceeds size limit."))
        });
    }
    let (protocol, _) = name.rsplit_once('.').unwrap_or(("", name));
    if protocol != PROTOCOL {
        return Err(wrong(format!("unsupported protocol type {protocol}")));
    }
    let id = &message.protocol_instance_id;
    let word = word(message)?;
    let state = match state(outlook, id) {
        Some(state) => state,
        None => resurrect(&outlook.run.updates, id, &word)?,
    };
    let next = match &word {
        _ if outlook.closed && !matches!(word, Word::Reject(_)) => State::ProvisionallyAborted,
        Word::Accept(acceptance) => {
            expect(id, &word, state, &[State::Sent, State::Admitted])?;
            let sequenced = acceptance.accepted_request_sequencing_event_id != 0;
            set(&word, sequenced, "accepted_request_sequencing_event_id")?;
            let named = !acceptance.accepted_request_message_id.is_empty();
            set(&word, named, "accepted_request_message_id")?;
            State::ProvisionallyAccepted
        }
        Word::Reject(_) => {
            expect(id, &word, state, &[State::Sent, State::Admitted])?;
            State::ProvisionallyCompleted
        }
        Word::Respond(response) => {
            let allowed = [State::ProvisionallyAccepted, State::Accepted];
            expect(id, &word, state, &allowed)?;
            let own = response.meta.as_ref().map(|meta| meta.update_id.as_str());
            set(&word, own.is_some(), "meta")?;
            set(&word, own != Some(""), "meta.update_id")?;
            if own != Some(id) {
                let why = format!("invalid *update.Response: meta.update_id != {id}");
                return Err(wrong(why));
            }
            set(&word, response.outcome.is_some(), "outcome")?;
            State::ProvisionallyCompleted
        }
    };
    outlook.prospects.0.insert(id.clone(), next);
    Ok(())
}

fn state(outlook: &Outlook<'_>, id: &str) -> Option<State> {
    let before = || match outlook.run.updates.standing(id)? {
        Standing::Admitted { sent: false } => Some(State::Admitted),
        Standing::Admitted { sent: true } => Some(State::Sent),
        Standing::Accepted { .. } => Some(State::Accepted),
        Standing::Completed { .. } => Some(State::Completed),
    };
    outlook.prospects.0.get(id).copied().or_else(before)
}

/// A worker may know of an update that a restart forgot. Where it brings the request along, what
/// it decided stands.
fn resurrect(updates: &Updates, id: &str, word: &Word) -> Result<State, Bad> {
    let total = updates.check_total();
    total.map_err(|full| wrong(full.to_string()))?;
    match brought(word) {
        Some(_) => Ok(State::Admitted),
        None => Err(wrong(format!(
            "update {id} wasn't found on the server. This is most likely a transient error which \
             will be resolved automatically by retries"
        ))),
    }
}

fn brought(word: &Word) -> Option<&Request> {
    match word {
        Word::Accept(acceptance) => acceptance.accepted_request.as_ref(),
        Word::Reject(rejection) => rejection.rejected_request.as_ref(),
        Word::Respond(_) => None,
    }
}

fn expect(id: &str, word: &Word, state: State, allowed: &[State]) -> Result<(), Bad> {
    if allowed.contains(&state) {
        return Ok(());
    }
    Err(wrong(format!(
        "invalid state transition attempted for Update {id}: received {} message while in state \
         {state:?}",
        word.kind()
    )))
}

fn set(word: &Word, is_set: bool, what: &str) -> Result<(), Bad> {
    if is_set {
        return Ok(());
    }
    Err(wrong(format!("invalid {}: {what} is not set", word.kind())))
}

pub(super) fn wrong(why: impl Into<String>) -> Bad {
    bad(Cause::BadUpdateWorkflowExecutionMessage, why)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::expect;

    use crate::core::script::{check, play};

    #[test]
    fn bad_messages_fail_the_task() {
        let mut complaints = String::new();
        for bad in [
            "message=absent",
            "respond=u",
            "accept=u accept=u",
            "accept=u respond=u respond=u",
            "accept=u reject=u",
            "accept=done",
            "accept=unknown",
            "respond=unknown",
            "nonsense=u",
        ] {
            let story = play(&format!(
                "start; update done; poll; complete accept=done respond=done; \
                 update u; poll; complete {bad}"
            ));
            assert!(story.contains("TaskFailed BadUpdateWorkflowExecutionMessage"));
            assert!(story.contains("update u aborted TaskFailed"));
            let (_, why) = story.trim_end().rsplit_once("Message: ").unwrap();
            writeln!(complaints, "{bad} → {why}").unwrap();
        }
        expect![[r#"
            message=absent → ProtocolMessageCommand referenced absent message ID absent
            respond=u → invalid state transition attempted for Update u: received *update.Response message while in state Sent
            accept=u accept=u → invalid state transition attempted for Update u: received *update.Acceptance message while in state ProvisionallyAccepted
            accept=u respond=u respond=u → invalid state transition attempted for Update u: received *update.Response message while in state ProvisionallyCompleted
            accept=u reject=u → invalid state transition attempted for Update u: received *update.Rejection message while in state ProvisionallyAccepted
            accept=done → invalid state transition attempted for Update done: received *update.Acceptance message while in state Completed
            accept=unknown → update unknown wasn't found on the server. This is most likely a transient error which will be resolved automatically by retries
            respond=unknown → update unknown wasn't found on the server. This is most likely a transient error which will be resolved automatically by retries
            nonsense=u → unsupported protocol type other.v1
        "#]].assert_eq(&complaints);
    }

    #[test]
    fn a_worker_that_keeps_deciding_badly_loses_only_what_it_had() {
        check(
            "start; poll; complete message=absent; update u; poll; update v; complete message=absent; \
             wait 10; update u; poll; complete reject=u reject=v",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed BadUpdateWorkflowExecutionMessage
                → offer workflow task
                rejected: BadUpdateWorkflowExecutionMessage: ProtocolMessageCommand referenced absent message ID absent
                → hand out u/request after 5
                → update u aborted TaskFailed
                rejected: BadUpdateWorkflowExecutionMessage: ProtocolMessageCommand referenced absent message ID absent
                → offer workflow task
                refused: Unable to perform workflow execution update due to Workflow Task in failed state.
                → hand out v/request after 5
                → update v aborted TaskFailed
                rejected: BadUpdateWorkflowExecutionMessage: update u wasn't found on the server. This is most likely a transient error which will be resolved automatically by retries
            "#]],
        );
    }
}
