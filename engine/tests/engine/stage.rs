//! An engine in a directory of its own, clients and workers on it.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use ambient::{SharedClock, SystemClock};
use bytes::Bytes;
use engine::{Config, Door, Engine};
use prost::Message;
use tempfile::TempDir;
use temporalio_client::tonic::{Code, Status};
use temporalio_client::{Client, ClientOptions, Connection, ConnectionOptions};
use temporalio_common::protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    DescribeWorkflowExecutionRequest, DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryRequest, GetWorkflowExecutionHistoryResponse,
};
use temporalio_sdk::{Runtime, Worker, WorkerOptions};

use crate::workflows::{self, Acts};

pub(crate) const QUEUE: &str = "stage";

pub(crate) struct Stage {
    pub(crate) dir: TempDir,
    pub(crate) engine: Engine,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::on(SystemClock::shared()).await
    }

    pub(crate) async fn on(clock: SharedClock) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let engine = open(&dir.path().join("engine.db"), clock).await;
        Self { dir, engine }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("engine.db")
    }

    pub(crate) async fn client(&self) -> Client {
        client(&self.engine.door()).await
    }

    /// Closes the engine in good order and opens it again.
    pub(crate) async fn restarted(self) -> Self {
        let path = self.path();
        self.engine.close().await;
        let engine = open(&path, SystemClock::shared()).await;
        Self {
            dir: self.dir,
            engine,
        }
    }
}

pub(crate) async fn open(path: &Path, clock: SharedClock) -> Engine {
    let config = Config {
        path: path.to_owned(),
        clock,
        namespaces: vec!["default".to_owned()],
    };
    Engine::open(config).await.unwrap()
}

pub(crate) async fn client(door: &Door) -> Client {
    let options = ConnectionOptions::new("http://in-process".parse::<url::Url>().unwrap())
        .identity("stage".to_owned())
        .service_override(door.service())
        .dns_load_balancing(None)
        .build();
    let connection = Connection::connect(options).await.unwrap();
    Client::new(connection, ClientOptions::new("default").build()).unwrap()
}

pub(crate) async fn client_over_tcp(address: &str) -> Client {
    let target = format!("http://{address}").parse::<url::Url>().unwrap();
    let options = ConnectionOptions::new(target)
        .identity("stage".to_owned())
        .dns_load_balancing(None)
        .build();
    let connection = Connection::connect(options).await.unwrap();
    Client::new(connection, ClientOptions::new("default").build()).unwrap()
}

/// A worker in a thread of its own (it is not `Send`), stopped when dropped.
pub(crate) struct Working {
    stop: Option<Box<dyn Fn() + Send>>,
    thread: Option<JoinHandle<()>>,
}

pub(crate) fn work(client: Client, acts: Acts) -> Working {
    work_on(client, acts, 1_000)
}

/// With room for so many workflows in its cache: with none, every task replays from the start.
pub(crate) fn work_on(client: Client, acts: Acts, cached: usize) -> Working {
    let (tell, told) = std::sync::mpsc::channel::<Box<dyn Fn() + Send>>();
    let thread = std::thread::spawn(move || {
        let tokio = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        tokio.block_on(async move {
            let runtime = Runtime::from_current_tokio(Default::default()).unwrap();
            let options = workflows::register(WorkerOptions::new(QUEUE))
                .register_activities(acts)
                .max_cached_workflows(cached)
                .graceful_shutdown_period(Duration::ZERO)
                .build();
            let mut worker = Worker::new(&runtime, client, options).unwrap();
            tell.send(Box::new(worker.shutdown_handle())).unwrap();
            worker.run().await.unwrap();
        });
    });
    Working {
        stop: Some(told.recv().unwrap()),
        thread: Some(thread),
    }
}

impl Working {
    pub(crate) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let (Some(stop), Some(thread)) = (self.stop.take(), self.thread.take()) {
            stop();
            thread.join().unwrap();
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.end();
    }
}

/// A raw call, as any SDK would send it.
pub(crate) async fn call<Q: Message, R: Message + Default>(
    door: &Door,
    rpc: &str,
    request: &Q,
) -> Result<R, Status> {
    let service = "temporal.api.workflowservice.v1.WorkflowService";
    let proto = Bytes::from(request.encode_to_vec());
    let reply = door.call(service, rpc, Default::default(), proto).await?;
    Ok(R::decode(reply.proto.as_slice()).unwrap())
}

pub(crate) fn execution(workflow_id: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution {
        workflow_id: workflow_id.to_owned(),
        run_id: String::new(),
    })
}

pub(crate) async fn history(door: &Door, workflow_id: &str) -> Vec<HistoryEvent> {
    let request = GetWorkflowExecutionHistoryRequest {
        namespace: "default".to_owned(),
        execution: execution(workflow_id),
        ..Default::default()
    };
    let answer: GetWorkflowExecutionHistoryResponse =
        call(door, "GetWorkflowExecutionHistory", &request)
            .await
            .unwrap();
    answer.history.unwrap().events
}

/// One event a line, with what tells a scenario's shape.
pub(crate) fn shape(events: &[HistoryEvent]) -> String {
    let mut lines = String::new();
    for event in events {
        lines.push_str(&format!("{} {:?}\n", event.event_id, event.event_type()));
    }
    lines
}

pub(crate) async fn describe(
    door: &Door,
    workflow_id: &str,
) -> Result<DescribeWorkflowExecutionResponse, Status> {
    let request = DescribeWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        execution: execution(workflow_id),
    };
    call(door, "DescribeWorkflowExecution", &request).await
}

/// Looks until the condition holds. The bound only ends a test that would hang.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..2_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Status>) -> Code {
    result.unwrap_err().code()
}
