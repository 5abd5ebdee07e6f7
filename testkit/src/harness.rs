//! The test harness: libtest's output and arguments, and tests that can be skipped while running.

use std::fmt::Debug;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed};

use crate::guardian;
use crate::need::{Needed, Required};

/// One test: a name and what to run.
#[derive(Debug)]
pub struct Trial {
    name: String,
    body: Body,
}

type Run = Box<dyn FnOnce(&Required) -> Result<Completion, Failed> + Send>;

struct Body(Run);

impl Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Body")
    }
}

/// What a test may return: nothing, or a result.
pub trait Verdict {
    /// # Errors
    /// The failure, with its causes, as text.
    fn verdict(self) -> Result<(), String>;
}

impl Verdict for () {
    fn verdict(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: Debug> Verdict for Result<(), E> {
    fn verdict(self) -> Result<(), String> {
        self.map_err(|error| format!("{error:?}"))
    }
}

/// A test that needs nothing. It runs on a multi-threaded tokio runtime of its own.
pub fn trial<F, R>(name: impl Into<String>, test: F) -> Trial
where
    F: AsyncFnOnce() -> R + Send + 'static,
    R: Verdict,
{
    let run: Run = Box::new(|_| complete(test()));
    let (name, body) = (name.into(), Body(run));
    Trial { name, body }
}

/// A test that needs what its parameter names: `&'static Postgres`, or a pair of such needs.
pub fn trial_needing<N, F, R>(name: impl Into<String>, test: F) -> Trial
where
    N: Needed,
    F: AsyncFnOnce(N) -> R + Send + 'static,
    R: Verdict,
{
    let name = name.into();
    let shown = name.clone();
    let run: Run = Box::new(move |required| match N::ready() {
        Ok(need) => complete(test(need)),
        Err(missing) => {
            let reason = required.judge(&missing)?;
            println!("skipped: {shown}: {reason}");
            Ok(Completion::ignored_with(reason))
        }
    });
    let body = Body(run);
    Trial { name, body }
}

/// Runs the tests as the arguments say, then stops every server that they started.
#[must_use]
pub fn main(trials: Vec<Trial>) -> ExitCode {
    let required = match Required::from_env() {
        Ok(required) => required,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    let trials = trials.into_iter().map(|trial| {
        let required = required.clone();
        let Body(run) = trial.body;
        libtest_mimic::Trial::ignorable_test(trial.name, move || run(&required))
    });
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials.collect());
    guardian::stop_all();
    conclusion.exit_code()
}

/// Two threads, so that a test sees real parallelism on the smallest machine and many tests at
/// once do not fight for it.
fn complete<R: Verdict>(test: impl Future<Output = R>) -> Result<Completion, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failed::from(format!("no runtime: {error}")))?;
    let verdict = runtime.block_on(test).verdict();
    // A task that the test left behind must not hold up the tests after it.
    runtime.shutdown_background();
    verdict
        .map(|()| Completion::Completed)
        .map_err(Failed::from)
}
