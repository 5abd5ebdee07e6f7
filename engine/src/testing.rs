//! An engine for tests of workflows: durable as any other, on a clock that jumps to the next
//! thing that is due whenever nothing runs. A workflow that sleeps for thirty days is tested in
//! milliseconds, and an activity takes the time that it really takes.
//!
//! ```ignore
//! let test = TestEngine::open(dir.path().join("engine.db")).await?;
//! let client = connect(test.door()).await?;           // as on any engine: see examples/hello.rs
//! let _worker = run_a_worker(client.clone());
//! let handle = client.start_workflow(Subscription::run, input, options).await?;
//! assert_eq!(handle.get_result(Default::default()).await?, "billed twelve times");
//! ```
//!
//! Nothing runs when no workflow task waits or is started, no activity waits or runs, no query is
//! open and no request is being carried out. Polls that wait for work are not work. A task that no
//! worker asks for does count: time waits with it. Between two jumps the clock runs as the
//! system's, so that timeouts strike also a worker that hangs.
//!
//! A test that talks to a sleeping workflow holds time in place first, and lets it go when it is
//! done:
//!
//! ```ignore
//! let held = test.hold();
//! handle.signal(Subscription::pause, (), Default::default()).await?;
//! test.sleep(HOUR).await;                              // an hour, really: time is held
//! drop(held);
//! test.sleep(WEEK).await;                              // a week passes at once
//! ```
//!
//! What runs beside the engine in such a test, a bank in the same process for example, lives by
//! [`TestEngine::time`]. An activity that waits for it says so, and time jumps over that wait too:
//!
//! ```ignore
//! let time = test.time();
//! let bank = Bank::new(time.clone());                  // answers after two hours
//! let answer = time.pass(bank.ask()).await;            // in the activity: at once
//! ```
//!
//! Other languages reach the same over TCP ([`Engine::serve`]) as
//! `temporal.api.testservice.v1.TestService`. No other engine answers that.

use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, JumpingClock, Timestamp};
use tokio::task::JoinHandle;

use crate::door::Door;
use crate::engine::{Config, Engine};
use crate::errors::OpenError;
use crate::runs::{Host, Stillness};

/// See the [module](self).
#[derive(Debug)]
pub struct TestEngine {
    engine: Engine,
    host: Arc<Host>,
    clock: JumpingClock,
    path: PathBuf,
    skipping: JoinHandle<()>,
}

/// While this lives, time passes as it really does.
#[derive(Debug)]
pub struct Held {
    stillness: Arc<Stillness>,
}

/// An engine's time as others live by it: whoever sleeps on it is woken by a jump. Clones are the
/// same time.
#[derive(Clone, Debug)]
pub struct Time {
    clock: JumpingClock,
    stillness: Arc<Stillness>,
}

impl Time {
    /// Carries out what an activity waits for. While that only sleeps, the activity is none that
    /// runs, and time may jump.
    pub async fn pass<T>(&self, wait: impl Future<Output = T>) -> T {
        let mut wait = pin!(wait);
        let mut idle = None;
        poll_fn(move |context| {
            drop(idle.take());
            let polled = wait.as_mut().poll(context);
            idle = polled.is_pending().then(|| self.stillness.idle());
            polled
        })
        .await
    }

    /// Time goes on by at least this much at once, whatever runs: a worker that is gone never
    /// answers, and what it was handed has to be struck.
    pub fn jump(&self, by: Duration) {
        self.clock.jump_to(self.clock.now().after(by));
    }
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep_until(&self, deadline: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (slept, stillness) = (
            self.clock.sleep_until(deadline),
            Arc::clone(&self.stillness),
        );
        Box::pin(async move {
            let _sleeper = stillness.sleeper(deadline);
            slept.await;
        })
    }
}

impl TestEngine {
    /// Opens an engine with the namespace `default` on a file, which is created when missing.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        Self::open_at(path.into(), JumpingClock::default()).await
    }

    pub(crate) async fn open_at(path: PathBuf, clock: JumpingClock) -> Result<Self, OpenError> {
        let config = Config {
            path: path.clone(),
            clock: Arc::new(clock.clone()),
            namespaces: vec!["default".to_owned()],
        };
        let engine = Engine::open_watched(config, Stillness::watched()).await?;
        let host = engine.host();
        let skipping = tokio::spawn(skip(Arc::clone(&host), clock.clone()));
        Ok(Self {
            engine,
            host,
            clock,
            path,
            skipping,
        })
    }

    /// Closes the engine and opens it again on the same file, at the time that it is there.
    pub async fn reopened(self) -> Result<Self, OpenError> {
        let (path, clock) = (self.path.clone(), self.clock.clone());
        self.close().await;
        Self::open_at(path, clock).await
    }

    /// The engine itself, to serve it over TCP for example.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub fn door(&self) -> Door {
        self.engine.door()
    }

    /// What time it is in this engine.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The same time, for what runs beside the engine.
    pub fn time(&self) -> Time {
        Time {
            clock: self.clock.clone(),
            stillness: Arc::clone(&self.host.stillness),
        }
    }

    /// For simulations of many workflows. From now on time jumps this much further than to the next
    /// thing that is due, so that much which is due soon after happens together; and an activity
    /// that no worker has taken up does not hold it, because all hands of one may be full of
    /// activities that only [`Time::pass`].
    pub fn jump_in_strides(&self, stride: Duration) {
        self.host.stillness.set_stride(stride);
    }

    /// Resolves when so much time has passed in this engine: at once where nothing runs, as
    /// everything that is due until then has happened or has been handed to a worker.
    pub async fn sleep(&self, duration: Duration) {
        self.host.sleep_until(self.now().after(duration)).await;
    }

    /// Time does not jump while what this answers lives. Several may.
    pub fn hold(&self) -> Held {
        let stillness = Arc::clone(&self.host.stillness);
        stillness.lock();
        Held { stillness }
    }

    pub async fn close(self) {
        self.skipping.abort();
        self.engine.close().await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.stillness.unlock();
    }
}

impl Host {
    pub(crate) async fn sleep_until(&self, moment: Timestamp) {
        let _sleeper = self.stillness.sleeper(moment);
        self.clock.sleep_until(moment).await;
    }
}

/// Lets time jump, again and again, to the next thing that is due.
async fn skip(host: Arc<Host>, clock: JumpingClock) {
    loop {
        host.stillness.if_still(|sleeper, stride| {
            let Some(alarm) = host.timers.next_unless_ringing() else {
                return;
            };
            let next = [alarm, sleeper].into_iter().flatten().min();
            // What is due already wakes by itself, and is waited for.
            if let Some(next) = next.filter(|next| *next > clock.now()) {
                clock.jump_to(next.after(stride));
            }
        });
        tokio::select! {
            () = host.closing.cancelled() => return,
            () = host.stillness.changed() => {}
        }
    }
}
