//! The power goes at any moment of a worker that is connected over TCP and lives on: whatever the
//! engine had not answered is gone from its disk, though the worker has already decided on it. The
//! simulated disk of `src/outage` shows what such a cut may leave; here the official worker shows
//! that it goes on from there by itself.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ambient::SystemClock;
use temporalio_client::WorkflowStartOptions;
use temporalio_common::protos::temporal::api::enums::v1::EventType;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, RwLock, watch};

use crate::outlive::Running;
use crate::stage::{self, QUEUE, client_over_tcp, work_on};
use crate::workflows::{Acts, Paid, Sleeper};

/// The network between a worker and its engine. At the n-th piece that the worker sends the power
/// goes: what the engine does with the piece, it does in vain.
struct Line {
    store: std::path::PathBuf,
    engine: Mutex<Running>,
    /// Pieces that the worker has sent, since it is at work.
    sent: AtomicUsize,
    at: AtomicUsize,
    /// Whether the engine had written anything that the cut took back.
    in_vain: AtomicBool,
    /// Whether what the engine says still reaches the worker.
    heard: RwLock<bool>,
    /// How often the power has gone: connections of before are dead.
    cuts: watch::Sender<usize>,
}

impl Line {
    async fn open(store: &Path) -> (Arc<Self>, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let line = Arc::new(Self {
            store: store.to_owned(),
            engine: Mutex::new(Running::begin(store)),
            sent: AtomicUsize::new(0),
            at: AtomicUsize::new(NEVER),
            in_vain: AtomicBool::new(false),
            heard: RwLock::new(true),
            cuts: watch::Sender::new(0),
        });
        let accepting = Arc::clone(&line);
        tokio::spawn(async move {
            while let Ok((worker, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&accepting).carry(worker));
            }
        });
        (line, address)
    }

    async fn carry(self: Arc<Self>, worker: TcpStream) {
        let mut cut = self.cuts.subscribe();
        let address = self.engine.lock().await.address.clone();
        let Ok(engine) = TcpStream::connect(address).await else {
            return;
        };
        let (from_worker, to_worker) = worker.into_split();
        let (from_engine, to_engine) = engine.into_split();
        tokio::select! {
            () = Arc::clone(&self).up(from_worker, to_engine) => {}
            () = self.down(from_engine, to_worker) => {}
            _ = cut.changed() => {}
        }
    }

    async fn up(self: Arc<Self>, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut piece = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut piece).await {
            let is_last =
                self.sent.fetch_add(1, Ordering::SeqCst) + 1 == self.at.load(Ordering::SeqCst);
            if is_last {
                // By itself: it outlives the connection.
                let cut = Arc::clone(&self).cut(piece[..length].to_vec(), to);
                return tokio::spawn(cut).await.unwrap();
            }
            if to.write_all(&piece[..length]).await.is_err() {
                return;
            }
        }
    }

    async fn down(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut piece = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut piece).await {
            // Held while it is passed on: nothing is heard once the disk was looked at.
            let heard = self.heard.read().await;
            if !*heard || to.write_all(&piece[..length]).await.is_err() {
                break;
            }
        }
        // It is not for the engine to end the connection: its worker is to notice by itself.
        std::future::pending().await
    }

    async fn cut(self: Arc<Self>, piece: Vec<u8>, mut to: OwnedWriteHalf) {
        // From here on nothing is acknowledged, and what was is on the disk: this is what the
        // power cut leaves of it.
        *self.heard.write().await = false;
        let log = self.store.with_extension("db-wal");
        let left = [self.store.clone(), log.clone()].map(|file| {
            let bytes = std::fs::read(&file).unwrap();
            (file, bytes)
        });
        let mut engine = self.engine.lock().await;
        // It may die of the piece only in a test that found something.
        let _taken = to.write_all(&piece).await;
        let grows = || async { std::fs::metadata(&log).unwrap().len() > left[1].1.len() as u64 };
        // Not every piece is something to write down.
        let worked = stage::until("the engine works in vain", grows);
        let worked = tokio::time::timeout(Duration::from_millis(200), worked).await;
        self.in_vain.store(worked.is_ok(), Ordering::SeqCst);
        engine.kill();
        let _index = std::fs::remove_file(self.store.with_extension("db-shm"));
        for (file, bytes) in left {
            std::fs::write(file, bytes).unwrap();
        }
        *engine = Running::begin(&self.store);
        *self.heard.write().await = true;
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

/// Plays one workflow with a cut at this piece, and answers how many pieces there were, and whether
/// the cut took anything back.
async fn cut_at(at: usize) -> (usize, bool) {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("engine.db");
    let (line, address) = Line::open(&store).await;
    let client = client_over_tcp(&address.to_string()).await;
    let acts = Acts::default();
    let worker = work_on(client.clone(), acts.clone(), 1_000);
    // Whoever cannot connect at the very first gives up, so the worker is at work before.
    let options = WorkflowStartOptions::new(QUEUE, "before").build();
    let before = client
        .start_workflow(Sleeper::run, 1, options)
        .await
        .unwrap();
    before.get_result(Default::default()).await.unwrap();
    line.sent.store(0, Ordering::SeqCst);
    line.at.store(at, Ordering::SeqCst);
    let options = WorkflowStartOptions::new(QUEUE, "w").build();
    let handle = client
        .start_workflow(Paid::run, "w".to_owned(), options)
        .await
        .unwrap();
    handle.get_result(Default::default()).await.unwrap();
    let sent = line.sent.load(Ordering::SeqCst);
    worker.stop();
    line.engine.lock().await.kill();
    for once in ["debit w", "settle w"] {
        let said = acts.said();
        let times = said.iter().filter(|said| *said == once).count();
        assert!(times <= 1, "{once}: {said:?}");
    }

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
    // The worker took back what it had decided alone, and nothing failed over it.
    assert_eq!(count(EventType::WorkflowTaskFailed), 0);
    assert_eq!(count(EventType::WorkflowExecutionCompleted), 1);
    engine.close().await;
    (sent, line.in_vain.load(Ordering::SeqCst))
}

const NEVER: usize = usize::MAX;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_ahead_of_what_a_power_cut_left_goes_on_by_itself() {
    let (pieces, _) = cut_at(NEVER).await;
    let mut taken_back = 0;
    for at in (1..pieces).step_by(pieces.div_ceil(10)) {
        println!("the power goes at piece {at} of {pieces}");
        let (_, in_vain) = tokio::time::timeout(Duration::from_secs(60), cut_at(at))
            .await
            .unwrap_or_else(|_| panic!("no end after a cut at piece {at}"));
        taken_back += usize::from(in_vain);
    }
    assert!(taken_back > 0, "no cut took anything back");
}
