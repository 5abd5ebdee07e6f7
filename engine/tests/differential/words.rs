//! The short words for RPCs: which one, where the arguments go, what is sent when nothing is said.
//! Any other RPC goes by its own name, with its request as a record.

use crate::schema::SCHEMA;
use crate::value::Value;

pub(crate) const WORKFLOW_SERVICE: &str = "temporal.api.workflowservice.v1.WorkflowService";
pub(crate) const OPERATOR_SERVICE: &str = "temporal.api.operatorservice.v1.OperatorService";

/// Word, RPC, the fields its arguments fill in turn, and the defaults.
const WORDS: &[(&str, &str, &[&str], &str)] = &[
    (
        "answer-query",
        "RespondQueryTaskCompleted",
        &[],
        "{task_token: $task.task_token, completed_type: ANSWERED}",
    ),
    (
        "cancel",
        "RequestCancelWorkflowExecution",
        &["workflow_execution"],
        "{identity: client}",
    ),
    (
        "cancel-activity",
        "RespondActivityTaskCanceled",
        &[],
        "{task_token: $activity.task_token, identity: worker}",
    ),
    (
        "complete",
        "RespondWorkflowTaskCompleted",
        &["commands"],
        "{task_token: $task.task_token, identity: worker}",
    ),
    (
        "complete-activity",
        "RespondActivityTaskCompleted",
        &["result"],
        "{task_token: $activity.task_token, identity: worker}",
    ),
    ("count", "CountWorkflowExecutions", &["query"], "{}"),
    (
        "describe",
        "DescribeWorkflowExecution",
        &["execution"],
        "{}",
    ),
    (
        "fail-activity",
        "RespondActivityTaskFailed",
        &["failure"],
        "{task_token: $activity.task_token, identity: worker}",
    ),
    (
        "fail-task",
        "RespondWorkflowTaskFailed",
        &["cause"],
        "{task_token: $task.task_token, identity: worker}",
    ),
    (
        "heartbeat",
        "RecordActivityTaskHeartbeat",
        &["details"],
        "{task_token: $activity.task_token, identity: worker}",
    ),
    (
        "history",
        "GetWorkflowExecutionHistory",
        &["execution"],
        "{}",
    ),
    ("list", "ListWorkflowExecutions", &["query"], "{}"),
    (
        "poll",
        "PollWorkflowTaskQueue",
        &["task_queue"],
        "{task_queue: q, identity: worker}",
    ),
    (
        "poll-activity",
        "PollActivityTaskQueue",
        &["task_queue"],
        "{task_queue: q, identity: worker}",
    ),
    (
        "poll-update",
        "PollWorkflowExecutionUpdate",
        &["update_ref"],
        "{}",
    ),
    (
        "query",
        "QueryWorkflow",
        &["execution", "query.query_type"],
        "{}",
    ),
    (
        "signal",
        "SignalWorkflowExecution",
        &["workflow_execution", "signal_name"],
        "{identity: client}",
    ),
    (
        "signal-with-start",
        "SignalWithStartWorkflowExecution",
        &["workflow_id", "signal_name"],
        "{workflow_type: flow, task_queue: q, identity: client}",
    ),
    (
        "start",
        "StartWorkflowExecution",
        &["workflow_id"],
        "{workflow_type: flow, task_queue: q, identity: client}",
    ),
    (
        "terminate",
        "TerminateWorkflowExecution",
        &["workflow_execution"],
        "{identity: client}",
    ),
    (
        "update",
        "UpdateWorkflowExecution",
        &["workflow_execution"],
        "{}",
    ),
];

/// A request by name, ready to be encoded.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) service: &'static str,
    pub(crate) rpc: String,
    pub(crate) request: Value,
}

pub(crate) fn call(word: &str, args: &[Value]) -> Result<Call, String> {
    let known = WORDS.iter().find(|(name, ..)| *name == word);
    let (rpc, places, defaults) = match known {
        Some((_, rpc, places, defaults)) => (*rpc, *places, *defaults),
        None if word.starts_with(char::is_uppercase) => (word, &[][..], "{}"),
        None => return Err(format!("there is no word `{word}`")),
    };
    let (service, rpc) = match rpc.strip_prefix("Operator/") {
        Some(rpc) => (OPERATOR_SERVICE, rpc),
        None => (WORKFLOW_SERVICE, rpc),
    };
    let mut request = Value::parse(defaults)?;
    let (message, _) = SCHEMA
        .rpc(service, rpc)
        .ok_or_else(|| format!("there is no RPC {rpc}"))?;
    let known = SCHEMA.message(message);
    let is_field = |name: &str| known.iter().any(|field| field.name == name);
    let mut places = places.iter();
    for arg in args {
        match arg {
            Value::Record(fields) if fields.iter().all(|(name, _)| is_field(name)) => {
                for (name, value) in fields {
                    request.set(name, value.clone());
                }
            }
            arg => {
                let place = places.next();
                let place = place.ok_or_else(|| format!("`{word}` has no place for `{arg}`"))?;
                match place.split_once('.') {
                    Some((outer, inner)) => {
                        let nested = vec![(inner.to_owned(), arg.clone())];
                        request.set(outer, Value::Record(nested));
                    }
                    None => request.set(place, arg.clone()),
                }
            }
        }
    }
    Ok(Call {
        service,
        rpc: rpc.to_owned(),
        request,
    })
}
