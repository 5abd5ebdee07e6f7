//! The engine in a process of its own is killed at every request that moves a workflow, before it
//! is carried out or before it is answered. The SDK's worker lives on in this process: what it has
//! cached may be ahead of what the engine that comes back knows.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ambient::SystemClock;
use bytes::Bytes;
use http::HeaderMap;
use temporalio_client::callback_based::{CallbackBasedGrpcService, GrpcSuccessResponse};
use temporalio_client::tonic::client::Grpc;
use temporalio_client::tonic::metadata::MetadataMap;
use temporalio_client::tonic::transport::{Channel, Endpoint};
use temporalio_client::tonic::{Code, Request, Status};
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, WorkflowStartOptions,
};
use temporalio_common::protos::temporal::api::enums::v1::EventType;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};

use crate::stage::{self, QUEUE, work_on};
use crate::wire::Raw;
use crate::workflows::{Acts, Three};

const STORE: &str = "ENGINE_TEST_OUTLIVE_STORE";

/// Not a test of its own: the engine that is killed.
#[test]
fn child() {
    let Some(path) = std::env::var_os(STORE) else {
        return;
    };
    let tokio = tokio::runtime::Runtime::new().unwrap();
    tokio.block_on(async {
        let engine = stage::open(Path::new(&path), SystemClock::shared()).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("LISTENING {}", listener.local_addr().unwrap());
        engine
            .serve(listener, std::future::pending())
            .await
            .unwrap();
    });
}

/// The engine's present process, and the way to it.
pub(crate) struct Running {
    child: Child,
    channel: Channel,
    pub(crate) address: String,
}

impl Running {
    pub(crate) fn begin(store: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["outlive::child", "--exact", "--nocapture"])
            .env(STORE, store)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("LISTENING ")?.1.to_owned()))
            .unwrap();
        let channel = Endpoint::from_shared(format!("http://{address}"))
            .unwrap()
            .connect_lazy();
        Self {
            child,
            channel,
            address,
        }
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

#[derive(Clone, Copy, Debug)]
enum When {
    BeforeItIsCarriedOut,
    BeforeItIsAnswered,
}

/// Passes requests on, and kills the engine at one of them.
struct Passage {
    store: PathBuf,
    running: Mutex<Running>,
    moves: AtomicUsize,
    at: usize,
    when: When,
    /// The request whose answer the kill took away, until it was answered after all. Who stops the
    /// worker before that stops it in the middle of asking again.
    owed: watch::Sender<Option<String>>,
}

const MOVES: [&str; 5] = [
    "StartWorkflowExecution",
    "PollWorkflowTaskQueue",
    "PollActivityTaskQueue",
    "RespondWorkflowTaskCompleted",
    "RespondActivityTaskCompleted",
];

impl Passage {
    async fn pass(
        &self,
        service: &str,
        rpc: &str,
        headers: HeaderMap,
        proto: Bytes,
    ) -> Result<GrpcSuccessResponse, Status> {
        let is_poll = rpc.starts_with("Poll");
        let mut here = false;
        if MOVES.contains(&rpc) && !is_poll {
            here = self.moves.fetch_add(1, Ordering::SeqCst) + 1 == self.at;
        }
        if here && matches!(self.when, When::BeforeItIsCarriedOut) {
            return Err(self.kill(rpc).await);
        }
        let channel = self.running.lock().await.channel.clone();
        let mut grpc = Grpc::new(channel);
        grpc.ready()
            .await
            .map_err(|error| Status::unavailable(error.to_string()))?;
        let request = Request::from_parts(
            MetadataMap::from_headers(headers),
            Default::default(),
            proto,
        );
        let path = format!("/{service}/{rpc}").parse().unwrap();
        let answer = grpc.unary(request, path, Raw).await;
        if !here && answer.as_ref().err().map(Status::code) != Some(Code::Unavailable) {
            self.owed
                .send_if_modified(|owed| owed.take_if(|owed| owed == rpc).is_some());
        }
        let (metadata, proto, _) = answer?.into_parts();
        if is_poll && MOVES.contains(&rpc) && !proto.is_empty() {
            // Only a poll that brings something moves anything, and only then is it known.
            here = self.moves.fetch_add(1, Ordering::SeqCst) + 1 == self.at;
        }
        if here {
            return Err(self.kill(rpc).await);
        }
        Ok(GrpcSuccessResponse {
            headers: metadata.into_headers(),
            proto: proto.to_vec(),
        })
    }

    async fn kill(&self, rpc: &str) -> Status {
        let mut running = self.running.lock().await;
        running.kill();
        self.owed.send_replace(Some(rpc.to_owned()));
        *running = Running::begin(&self.store);
        Status::unavailable("the engine was killed")
    }
}

async fn client(passage: &Arc<Passage>) -> Client {
    let passage = Arc::clone(passage);
    let service = CallbackBasedGrpcService {
        callback: Arc::new(move |request| {
            let passage = Arc::clone(&passage);
            Box::pin(async move {
                let (service, rpc) = (request.service, request.rpc);
                passage
                    .pass(&service, &rpc, request.headers, request.proto)
                    .await
            })
        }),
    };
    let options = ConnectionOptions::new("http://elsewhere".parse::<url::Url>().unwrap())
        .identity("outlive".to_owned())
        .service_override(service)
        .dns_load_balancing(None)
        .build();
    let connection = Connection::connect(options).await.unwrap();
    Client::new(connection, ClientOptions::new("default").build()).unwrap()
}

/// Plays one workflow with a kill at this move, and answers how many moves there were.
async fn killed_at(at: usize, when: When, cached: usize) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("engine.db");
    let passage = Arc::new(Passage {
        running: Mutex::new(Running::begin(&store)),
        store: store.clone(),
        moves: AtomicUsize::new(0),
        at,
        when,
        owed: watch::Sender::new(None),
    });
    let client = client(&passage).await;
    let worker = work_on(client.clone(), Acts::default(), cached);
    let options = WorkflowStartOptions::new(QUEUE, "w").build();
    let handle = client
        .start_workflow(Three::run, "w".to_owned(), options)
        .await
        .unwrap();
    let result = handle.get_result(Default::default()).await.unwrap();
    assert_eq!(result, "settle w done");
    let moves = passage.moves.load(Ordering::SeqCst);
    let mut owed = passage.owed.subscribe();
    owed.wait_for(Option::is_none).await.unwrap();
    worker.stop();
    passage.running.lock().await.kill();

    let engine = stage::open(&store, SystemClock::shared()).await;
    let events = stage::history(&engine.door(), "w").await;
    for (id, event) in (1..).zip(&events) {
        assert_eq!(event.event_id, id);
    }
    let count = |kind| {
        let of_kind = events.iter().filter(|event| event.event_type() == kind);
        of_kind.count()
    };
    assert_eq!(count(EventType::ActivityTaskScheduled), 3);
    assert_eq!(count(EventType::ActivityTaskCompleted), 3);
    // The worker took back what it had decided alone, and nothing failed over it.
    assert_eq!(count(EventType::WorkflowTaskFailed), 0);
    engine.close().await;
    moves
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_outlives_an_engine_that_is_killed_at_any_request() {
    let mut at = 1;
    loop {
        let mut moves = 0;
        for when in [When::BeforeItIsCarriedOut, When::BeforeItIsAnswered] {
            // With a cache the worker may be ahead; without one it replays every history.
            let cached = 1_000 * (at % 2);
            println!("killed at move {at}, {when:?}, {cached} cached");
            let played = killed_at(at, when, cached);
            moves = tokio::time::timeout(Duration::from_secs(60), played)
                .await
                .unwrap_or_else(|_| panic!("no end after a kill at move {at}, {when:?}"));
        }
        if at >= moves {
            break;
        }
        at += 1;
    }
    assert!(at > 10, "only {at} moves");
}
