//! PollWorkflowTaskQueue: hands out workflow tasks and queries, with history spliced from stored
//! bytes.

use bytes::Bytes;
use prost::Message;
use temporalio_protos::temporal::api::common::v1::{
    WorkerVersionCapabilities, WorkerVersionStamp, WorkflowExecution, WorkflowType,
};
use temporalio_protos::temporal::api::deployment::v1::WorkerDeploymentOptions;
use temporalio_protos::temporal::api::enums::v1::TaskQueueKind;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollWorkflowTaskQueueRequest, PollWorkflowTaskQueueResponse,
};
use tonic::Status;

use super::{check_length, history, queue_name, status};
use crate::core::Run;
use crate::core::commands::start_task::{self, Handed, StartTask};
use crate::core::task::TaskFence;
use crate::core::time::to_proto;
use crate::matching::{Item, Kind, QueueKey};
use crate::runs::{Found, History, Host, Key, Live, Question, Slot};
use crate::token::{self, Token};
use crate::{limits, wire};

#[allow(deprecated)] // The capabilities are how today's workers name their build.
pub(crate) async fn handle(
    host: &Host,
    request: PollWorkflowTaskQueueRequest,
) -> Result<Vec<u8>, Status> {
    let namespace = host.namespace(&request.namespace)?;
    check_length("Identity", &request.identity)?;
    check_length("WorkerInstanceKey", &request.worker_instance_key)?;
    let worker = host
        .workers
        .poll(namespace.id, &request.worker_instance_key, host.now());
    if worker.is_called_off() {
        return Ok(Vec::new());
    }
    let name = queue_name(request.task_queue.as_ref())?.to_owned();
    let sticky = request
        .task_queue
        .filter(|queue| queue.kind() == TaskQueueKind::Sticky)
        .map(|queue| queue.name);
    let sticky = sticky.as_deref();
    let poller = Poller {
        identity: request.identity,
        build: build_of(
            request.worker_version_capabilities,
            request.deployment_options,
        ),
    };
    let key = QueueKey {
        namespace: namespace.id,
        kind: Kind::Workflow,
        name,
    };
    let queue = host.matching.queue(key.clone());
    let Some(_poll) = host.matching.poll(&key, &queue, host.clock.clone()) else {
        return Err(too_many_polls());
    };
    let give_up = host.clock.sleep_until(host.now().after(limits::POLL));
    tokio::pin!(give_up);
    loop {
        let claim = tokio::select! {
            biased;
            () = host.closing.cancelled() => return Ok(Vec::new()),
            () = worker.called_off() => return Ok(Vec::new()),
            claim = queue.claim() => claim,
            () = &mut give_up => return Ok(Vec::new()),
        };
        let answer = match claim.item() {
            Some(Item::WorkflowTask { row, .. }) => hand(host, *row, &poller, sticky).await,
            Some(Item::Query { id, .. }) => ask(host, *id, sticky).await,
            Some(Item::Activity { .. }) | None => Ok(None),
        };
        match answer {
            Ok(Some(bytes)) => {
                claim.accept();
                return Ok(bytes);
            }
            Ok(None) => {
                claim.accept();
            }
            // One unreadable run must not keep a worker from all others.
            Err(error) if error.code() == tonic::Code::DataLoss => {
                tracing::error!(%error, "a workflow task cannot be handed out");
                claim.accept();
            }
            // The item goes back to its queue with the claim.
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn too_many_polls() -> Status {
    status::too_many_polls()
}

async fn hand(
    host: &Host,
    row: i64,
    poller: &Poller,
    sticky: Option<&str>,
) -> Result<Option<Vec<u8>>, Status> {
    let Some((key, mut slot)) = host.lock_row(row).await? else {
        return Ok(None);
    };
    let Some(bytes) = start(host, &key, &mut slot, poller, By::Poll { sticky })? else {
        return Ok(None);
    };
    let position = slot.position;
    drop(slot);
    // What the worker sees must survive, or its decision would rest on nothing.
    host.durable_at_last(position).await?;
    Ok(Some(bytes))
}

/// Who asks.
pub(crate) struct Poller {
    pub(crate) identity: String,
    pub(crate) build: Option<WorkerVersionStamp>,
}

/// Which build of the worker's code asks: said in the older way, or as its deployment.
pub(super) fn build_of(
    worker: Option<WorkerVersionCapabilities>,
    deployment: Option<WorkerDeploymentOptions>,
) -> Option<WorkerVersionStamp> {
    let (build_id, use_versioning) = match (worker, deployment) {
        (Some(worker), _) => (worker.build_id, worker.use_versioning),
        (None, Some(deployment)) => (deployment.build_id, false),
        (None, None) => return None,
    };
    Some(WorkerVersionStamp {
        build_id,
        use_versioning,
    })
}

/// The first task of a run that its starter wants for itself, in the answer to the start.
pub(crate) fn hand_eagerly(
    host: &Host,
    key: &Key,
    slot: &mut Slot,
    poller: &Poller,
) -> Result<Option<Vec<u8>>, Status> {
    start(host, key, slot, poller, By::Start)
}

/// The next task of a run whose last one was just answered, in the answer to that.
pub(crate) fn hand_on(
    host: &Host,
    key: &Key,
    slot: &mut Slot,
    poller: &Poller,
    heartbeat: bool,
) -> Result<Option<Vec<u8>>, Status> {
    start(host, key, slot, poller, By::Answer { heartbeat })
}

/// Nobody asked for the task by a request of its own.
const OWN_REQUEST: &str = "request-from-RespondWorkflowTaskCompleted";

/// How a worker comes to a task.
#[derive(Clone, Copy)]
enum By<'q> {
    Poll { sticky: Option<&'q str> },
    Answer { heartbeat: bool },
    Start,
}

/// The first task of a run that was started eagerly, once more: its answer may have been lost.
pub(super) fn hand_again(host: &Host, key: &Key, live: &Live) -> Option<Vec<u8>> {
    const FIRST_STARTED: i64 = 3;
    let task = live.run.task.as_ref().filter(|task| task.attempt == 1)?;
    let started = task.started.as_ref()?;
    let handed = Handed {
        fence: TaskFence {
            scheduled_id: started.scheduled_id,
            started_id: started.started_id,
            attempt: task.attempt,
            started_at: started.at,
        },
        scheduled_at: task.scheduled_at,
        suffix: started.suffix.clone(),
        messages: Vec::new(),
    };
    (started.started_id == FIRST_STARTED).then(|| encode_task(host, key, live, handed, false))
}

fn start(
    host: &Host,
    key: &Key,
    slot: &mut Slot,
    poller: &Poller,
    by: By<'_>,
) -> Result<Option<Vec<u8>>, Status> {
    let fresh = host.fresh_id()?;
    let Some(live) = slot.live.as_mut() else {
        return Ok(None);
    };
    let request_id = match by {
        By::Start => live.run.started_by.clone(),
        By::Poll { .. } => fresh,
        By::Answer { .. } => OWN_REQUEST.to_owned(),
    };
    let cached = match by {
        By::Start => false,
        By::Poll { sticky } => is_cached(&live.run, sticky),
        By::Answer { .. } => true,
    };
    let cmd = StartTask {
        identity: poller.identity.clone(),
        request_id,
        worker_version: poller.build.clone(),
        keeps_sticky: cached,
        heartbeat: matches!(by, By::Answer { heartbeat: true }),
    };
    let Ok(handed) = start_task::apply(&mut live.run, cmd, host.now()) else {
        return Ok(None);
    };
    host.timers.set(live.row, live.run.next_wake());
    Ok(Some(encode_task(host, key, live, handed, cached)))
}

fn encode_task(host: &Host, key: &Key, live: &Live, handed: Handed, cached: bool) -> Vec<u8> {
    let token = Token {
        kind: token::Kind::WorkflowTask as i32,
        namespace: key.namespace,
        row: live.row,
        scheduled_id: handed.fence.scheduled_id,
        started_id: handed.fence.started_id,
        attempt: handed.fence.attempt,
        epoch: host.epoch,
        started_at: handed.fence.started_at.as_micros(),
        query: 0,
    };
    let queries = live
        .riding
        .iter()
        .filter_map(|id| Some((id.to_string(), host.queries.question(*id)?.query)))
        .collect();
    let answer = PollWorkflowTaskQueueResponse {
        attempt: i32::try_from(handed.fence.attempt).unwrap_or(i32::MAX),
        started_event_id: handed.fence.started_id,
        scheduled_time: Some(to_proto(handed.scheduled_at)),
        started_time: Some(to_proto(host.now())),
        queries,
        messages: handed.messages,
        ..describe(&live.run, host.tokens.seal(&token))
    };
    // A worker that has the run cached needs only what came since its last task.
    let from = match cached {
        true => live.run.last_started_id + 1,
        false => 1,
    };
    let history = live.history.with_suffix(&handed.suffix);
    with_history(host, answer, &live.run, &history, from)
}

/// Whether who polls this sticky queue has the run up to its last task. What waited in the queue of
/// a worker that the run has left since is handed out with the whole history.
fn is_cached(run: &Run, sticky: Option<&str>) -> bool {
    let queue = run.sticky.as_ref().map(|sticky| sticky.queue.as_str());
    sticky.is_some() && sticky == queue
}

/// A query by itself: with the whole history, or with none for a worker that has the run cached.
async fn ask(host: &Host, id: u64, sticky: Option<&str>) -> Result<Option<Vec<u8>>, Status> {
    let Some(question) = host.queries.question(id) else {
        return Ok(None);
    };
    let Some(namespace) = host.namespaces.by_id(question.namespace) else {
        return Ok(None);
    };
    let found = host
        .find(&namespace, &question.workflow_id, &question.run_id)
        .await?;
    match found {
        Found::Live(slot) => {
            let position = slot.position;
            let Some(live) = slot.live.as_ref() else {
                return Ok(None);
            };
            let bytes = encode_query(host, id, question, &live.run, &live.history, sticky);
            drop(slot);
            host.durable(position).await?;
            Ok(Some(bytes))
        }
        Found::Stored(head) => {
            let (run, history) = host.replay(&head).await?;
            Ok(Some(encode_query(
                host, id, question, &run, &history, sticky,
            )))
        }
    }
}

fn encode_query(
    host: &Host,
    id: u64,
    question: Question,
    run: &Run,
    history: &History,
    sticky: Option<&str>,
) -> Vec<u8> {
    let token = Token {
        kind: token::Kind::Query as i32,
        namespace: question.namespace,
        epoch: host.epoch,
        query: id,
        ..Token::default()
    };
    let answer = PollWorkflowTaskQueueResponse {
        query: Some(question.query),
        // It starts no task: no started event. SDKs recognise a query by itself by that.
        attempt: 1,
        ..describe(run, host.tokens.seal(&token))
    };
    let from = match is_cached(run, sticky) {
        true => run.next_event_id,
        false => 1,
    };
    with_history(host, answer, run, history, from)
}

fn describe(run: &Run, task_token: Vec<u8>) -> PollWorkflowTaskQueueResponse {
    PollWorkflowTaskQueueResponse {
        task_token,
        workflow_execution: Some(WorkflowExecution {
            workflow_id: run.workflow_id.clone(),
            run_id: run.run_id.clone(),
        }),
        workflow_type: Some(WorkflowType {
            name: run.workflow_type.clone(),
        }),
        previous_started_event_id: run.last_started_id,
        workflow_execution_task_queue: Some(TaskQueue {
            name: run.task_queue.clone(),
            kind: TaskQueueKind::Normal as i32,
            normal_name: String::new(),
        }),
        ..PollWorkflowTaskQueueResponse::default()
    }
}

fn with_history(
    host: &Host,
    mut answer: PollWorkflowTaskQueueResponse,
    run: &Run,
    history: &History,
    from: i64,
) -> Vec<u8> {
    const HISTORY: u32 = 8;
    let page = history.page(from, None, i64::MAX, limits::HISTORY_PAGE_BYTES);
    if let Some(next) = page.next {
        answer.next_page_token = history::page_token(host, &run.run_id, next, false);
    }
    let size: usize = page.pieces.iter().map(Bytes::len).sum();
    let mut encoded = Vec::with_capacity(answer.encoded_len() + size + 16);
    // A vector grows as needed, so encoding into it cannot fail.
    let _infallible = answer.encode(&mut encoded);
    wire::splice(&mut encoded, HISTORY, &page.pieces);
    encoded
}
