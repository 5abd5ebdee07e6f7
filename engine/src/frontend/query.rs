//! QueryWorkflow: asks a worker about a run, open or closed, without leaving a trace.
//!
//! While a workflow task is pending the query rides on it, so that it sees what the task brings;
//! else it goes to a worker by itself: first to the one that has the run cached, and when that
//! one is silent, to everybody.

use temporalio_protos::temporal::api::enums::v1::{
    QueryRejectCondition as Reject, WorkflowExecutionStatus as Run,
};
use temporalio_protos::temporal::api::query::v1::QueryRejected;
use temporalio_protos::temporal::api::workflowservice::v1::{
    QueryWorkflowRequest, QueryWorkflowResponse,
};
use tonic::Status;

use super::{check_blob, check_id, execution, oversize, status};
use crate::limits;
use crate::matching::{Item, Kind, QueueKey, Rank};
use crate::runs::{Answer, Found, Host, Key, Question, away_from, not_found};

/// From this attempt on a workflow task counts as failing, and its queries as hopeless.
const FAILING_ATTEMPT: u32 = 3;

pub(crate) async fn handle(
    host: &Host,
    request: QueryWorkflowRequest,
) -> Result<QueryWorkflowResponse, Status> {
    let namespace = host.namespace(&request.namespace)?;
    let reject = request.query_reject_condition();
    let (workflow_id, run_id) = execution(request.execution)?;
    let query = request
        .query
        .ok_or_else(|| Status::invalid_argument("Query is not set on request."))?;
    check_id("QueryType", &query.query_type)?;
    check_blob(query.query_args.as_ref())?;

    let key = Key::new(namespace.id, &workflow_id);
    let mut found = host.find(&namespace, &workflow_id, &run_id).await?;
    let (run_id, state, ended_unseen) = match &found {
        Found::Live(slot) => {
            let run = &slot.live.as_ref().ok_or_else(not_found)?.run;
            let ended_unseen = !run.is_open() && !run.completed_a_task;
            (run.run_id.clone(), run.status, ended_unseen)
        }
        Found::Stored(head) => {
            let state = Run::try_from(head.status).unwrap_or_default();
            let (run, _) = host.replay(head).await?;
            (head.run_id.clone(), state, !run.completed_a_task)
        }
    };
    if rejected(reject, state) {
        if let Found::Live(slot) = &found {
            let position = slot.position;
            drop(found);
            host.durable(position).await?;
        }
        return Ok(QueryWorkflowResponse {
            query_rejected: Some(QueryRejected {
                status: state as i32,
            }),
            ..QueryWorkflowResponse::default()
        });
    }
    if ended_unseen {
        // No worker ever made anything of it that could be asked for.
        return Err(status::ended_unseen());
    }
    let _hand = host.stillness.hand();
    let mut waiting = host.queries.ask(Question {
        namespace: namespace.id,
        workflow_id,
        run_id,
        query,
    });
    let sent = send(host, &key, &mut found, waiting.id)?;
    drop(found);

    let now = host.now();
    let give_up = host.clock.sleep_until(now.after(limits::QUERY));
    let mut second_try = match &sent {
        Sent::Sticky { patience, .. } => host.clock.sleep_until(now.after(*patience)),
        Sent::Riding | Sent::Everybody => Box::pin(std::future::pending()),
    };
    tokio::pin!(give_up);
    loop {
        tokio::select! {
            answer = &mut waiting.answer => return respond(answer.unwrap_or(Answer::NotReady)),
            () = &mut give_up => return Err(nobody_answered()),
            () = host.closing.cancelled() => return Err(crate::runs::stopped()),
            () = &mut second_try => {
                second_try = Box::pin(std::future::pending());
                if let Sent::Sticky { normal, rank, .. } = &sent {
                    offer(host, normal, waiting.id, rank);
                }
            }
        }
    }
}

fn rejected(condition: Reject, state: Run) -> bool {
    match condition {
        Reject::NotOpen => state != Run::Running,
        Reject::NotCompletedCleanly => !matches!(state, Run::Running | Run::Completed),
        Reject::None | Reject::Unspecified => false,
    }
}

enum Sent {
    Riding,
    Everybody,
    Sticky {
        normal: QueueKey,
        rank: Rank,
        patience: std::time::Duration,
    },
}

fn send(host: &Host, key: &Key, found: &mut Found, id: u64) -> Result<Sent, Status> {
    let normal = |name: &str| QueueKey {
        namespace: key.namespace,
        kind: Kind::Workflow,
        name: name.to_owned(),
    };
    let slot = match found {
        Found::Stored(head) => {
            // The row does not say its priority, and nobody else waits for a closed run.
            offer(host, &normal(&head.task_queue), id, &Rank::default());
            return Ok(Sent::Everybody);
        }
        Found::Live(slot) => slot,
    };
    let live = slot.live.as_mut().ok_or_else(not_found)?;
    if let Some(task) = &live.run.task {
        if task.attempt >= FAILING_ATTEMPT {
            return Err(status::not_ready());
        }
        if live.riding.len() >= limits::WAITING_QUERIES {
            // Whoever gave up left only a number behind.
            live.riding.retain(|id| host.queries.is_asked(*id));
        }
        if live.riding.len() >= limits::WAITING_QUERIES {
            return Err(Status::resource_exhausted(
                "too many queries wait on this workflow; retry later",
            ));
        }
        live.riding.push(id);
        return Ok(Sent::Riding);
    }
    let normal = normal(&live.run.task_queue);
    let queue = host.workflow_queue(key, &live.run);
    let sticky = live.run.sticky.as_ref().filter(|_| queue != normal);
    let rank = Rank::of(live.run.priority.as_ref());
    let sent = match sticky {
        Some(sticky) => Sent::Sticky {
            patience: sticky.schedule_to_start,
            rank: rank.clone(),
            normal: normal.clone(),
        },
        None => Sent::Everybody,
    };
    let item = Item::Query {
        id,
        normal: away_from(&normal.name, &queue),
    };
    host.matching.offer(queue, item, &rank);
    Ok(sent)
}

fn offer(host: &Host, queue: &QueueKey, id: u64, rank: &Rank) {
    let item = Item::Query { id, normal: None };
    host.matching.offer(queue.clone(), item, rank);
}

fn respond(answer: Answer) -> Result<QueryWorkflowResponse, Status> {
    match answer {
        Answer::Result(query_result) => Ok(QueryWorkflowResponse {
            query_result,
            ..QueryWorkflowResponse::default()
        }),
        Answer::Failed { message, failure } => Err(status::query_failed(
            message,
            failure.map(|failure| *failure),
        )),
        Answer::TooLarge => Err(Status::invalid_argument(oversize::BLOB)),
        Answer::NotReady => Err(status::not_ready()),
    }
}

fn nobody_answered() -> Status {
    Status::deadline_exceeded("no worker answered the query; is one polling the task queue?")
}
