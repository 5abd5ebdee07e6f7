//! The workflows of the tests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use temporalio_common::RetryPolicy;
use temporalio_common::search_attributes::SearchAttributeKey;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use temporalio_sdk::{
    ActivityExecutionError, ActivityOptions, ContinueAsNewOptions, LocalActivityOptions,
    SyncWorkflowContext, WorkerOptionsBuilder, WorkflowContext, WorkflowContextView,
    WorkflowResult,
};

use crate::family;

use crate::updates::Till;

/// What the activities did, attempt by attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acts {
    pub(crate) log: Arc<Mutex<Vec<String>>>,
}

impl Acts {
    pub(crate) fn said(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    fn say(&self, line: String) {
        self.log.lock().unwrap().push(line);
    }
}

#[activities]
impl Acts {
    #[activity]
    pub(crate) async fn step(
        self: Arc<Self>,
        _: ActivityContext,
        name: String,
    ) -> Result<String, ActivityError> {
        self.say(name.clone());
        Ok(format!("{name} done"))
    }

    /// Fails so many times, then succeeds.
    #[activity]
    pub(crate) async fn flaky(
        self: Arc<Self>,
        ctx: ActivityContext,
        failures: u32,
    ) -> Result<u32, ActivityError> {
        let attempt = ctx.info().attempt;
        self.say(format!("attempt {attempt}"));
        if attempt <= failures {
            return Err(not_yet().into());
        }
        Ok(attempt)
    }

    /// Beats once and hangs; the attempt that finds the beat finishes.
    #[activity]
    pub(crate) async fn faint(
        self: Arc<Self>,
        ctx: ActivityContext,
        _: (),
    ) -> Result<String, ActivityError> {
        let found: Option<String> = ctx.heartbeat_details().deserialize()?;
        if let Some(found) = found {
            return Ok(found);
        }
        ctx.record_heartbeat("half way".to_owned()).await?;
        self.say("fainted".to_owned());
        ctx.cancelled().await;
        Err(ActivityError::cancelled())
    }

    /// Works until asked to stop.
    #[activity]
    pub(crate) async fn endless(
        self: Arc<Self>,
        ctx: ActivityContext,
        _: (),
    ) -> Result<String, ActivityError> {
        self.say("endless".to_owned());
        while !ctx.is_cancelled() {
            ctx.record_heartbeat(()).await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(ActivityError::cancelled())
    }

    /// Does not answer before its worker shuts down.
    #[activity]
    pub(crate) async fn stuck(
        self: Arc<Self>,
        ctx: ActivityContext,
        name: String,
    ) -> Result<String, ActivityError> {
        self.say(name);
        ctx.cancelled().await;
        Err(ActivityError::cancelled())
    }
}

fn not_yet() -> std::io::Error {
    std::io::Error::other("not yet")
}

fn within(seconds: u64) -> ActivityOptions {
    ActivityOptions::start_to_close_timeout(Duration::from_secs(seconds))
}

fn quickly(attempts: u32) -> RetryPolicy {
    RetryPolicy::builder()
        .initial_interval(Duration::from_millis(20))
        .maximum_attempts(attempts)
        .build()
}

#[workflow]
#[derive(Default)]
pub(crate) struct Three;

#[workflow_methods]
impl Three {
    #[run]
    pub(crate) async fn run(
        ctx: &mut WorkflowContext<Self>,
        name: String,
    ) -> WorkflowResult<String> {
        let mut last = String::new();
        for step in ["debit", "credit", "settle"] {
            let order = format!("{step} {name}");
            last = ctx.execute_activity(Acts::step, order, within(10)).await?;
        }
        Ok(last)
    }
}

#[workflow]
#[derive(Default)]
pub(crate) struct Retried;

#[workflow_methods]
impl Retried {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, failures: u32) -> WorkflowResult<u32> {
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(10))
            .retry_policy(quickly(3))
            .build();
        Ok(ctx.execute_activity(Acts::flaky, failures, options).await?)
    }
}

#[workflow]
#[derive(Default)]
pub(crate) struct Sleeper;

#[workflow_methods]
impl Sleeper {
    #[run]
    pub(crate) async fn run(
        ctx: &mut WorkflowContext<Self>,
        millis: u64,
    ) -> WorkflowResult<String> {
        ctx.timer(Duration::from_millis(millis)).await;
        Ok("awake".to_owned())
    }
}

#[workflow]
#[derive(Default)]
pub(crate) struct Counter {
    count: i64,
}

#[workflow_methods]
impl Counter {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, target: i64) -> WorkflowResult<i64> {
        ctx.wait_condition(|s| s.count >= target).await?;
        Ok(ctx.state(|s| s.count))
    }

    #[signal]
    pub(crate) fn add(&mut self, _ctx: &mut SyncWorkflowContext<Self>, amount: i64) {
        self.count += amount;
    }

    #[query]
    pub(crate) fn count(&self, _ctx: &WorkflowContextView) -> i64 {
        self.count
    }
}

#[workflow]
#[derive(Default)]
pub(crate) struct Patient;

#[workflow_methods]
impl Patient {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, _: ()) -> WorkflowResult<String> {
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(300))
            .heartbeat_timeout(Duration::from_secs(5))
            .build();
        match ctx.execute_activity(Acts::endless, (), options).await {
            Ok(text) => Ok(text),
            Err(ActivityExecutionError::Cancelled(_)) => Ok("stopped".to_owned()),
            Err(error) => Err(error.into()),
        }
    }
}

#[workflow]
#[derive(Default)]
pub(crate) struct Fainting;

#[workflow_methods]
impl Fainting {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, _: ()) -> WorkflowResult<String> {
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(60))
            .heartbeat_timeout(Duration::from_millis(500))
            .retry_policy(quickly(2))
            .build();
        Ok(ctx.execute_activity(Acts::faint, (), options).await?)
    }
}

pub(crate) const CUSTOMER: SearchAttributeKey<String> = SearchAttributeKey::keyword("Customer");
pub(crate) const LEVEL: SearchAttributeKey<i64> = SearchAttributeKey::int("Level");

/// Markers (a patch, a local activity), and search attributes when asked to tag itself.
#[workflow]
#[derive(Default)]
pub(crate) struct Noted;

#[workflow_methods]
impl Noted {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, tag: bool) -> WorkflowResult<String> {
        let new_way = ctx.patched("new-way");
        let done = ctx
            .execute_local_activity(
                Acts::step,
                "local".to_owned(),
                LocalActivityOptions::default(),
            )
            .await?;
        if tag {
            ctx.upsert_search_attributes([
                CUSTOMER.value_set("anna".to_owned()),
                LEVEL.value_set(42),
            ]);
        }
        ctx.timer(Duration::from_millis(10)).await;
        Ok(format!("{done}, new way: {new_way}"))
    }
}

/// Counts down, a run for each step.
#[workflow]
#[derive(Default)]
pub(crate) struct Countdown;

#[workflow_methods]
impl Countdown {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, left: u32) -> WorkflowResult<String> {
        if left > 0 {
            ctx.continue_as_new(left - 1, ContinueAsNewOptions::default())?;
        }
        Ok("lift-off".to_owned())
    }
}

/// Two steps with a wait in between, for being killed there.
#[workflow]
#[derive(Default)]
pub(crate) struct Interrupted {
    go: bool,
}

#[workflow_methods]
impl Interrupted {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, _: ()) -> WorkflowResult<String> {
        let first = ctx
            .execute_activity(Acts::step, "first".to_owned(), within(10))
            .await?;
        ctx.wait_condition(|s| s.go).await?;
        let second = ctx
            .execute_activity(Acts::step, "second".to_owned(), within(10))
            .await?;
        Ok(format!("{first}, {second}"))
    }

    #[signal]
    pub(crate) fn go(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _: ()) {
        self.go = true;
    }
}

/// One activity that may run once, whatever happens.
#[workflow]
#[derive(Default)]
pub(crate) struct Once;

#[workflow_methods]
impl Once {
    #[run]
    pub(crate) async fn run(
        ctx: &mut WorkflowContext<Self>,
        name: String,
    ) -> WorkflowResult<String> {
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(3))
            .retry_policy(quickly(1))
            .build();
        match ctx.execute_activity(Acts::stuck, name, options).await {
            Ok(text) => Ok(text),
            Err(_) => Ok("timed out".to_owned()),
        }
    }
}

/// Two steps that may run once, and one between them that may run again.
#[workflow]
#[derive(Default)]
pub(crate) struct Paid;

#[workflow_methods]
impl Paid {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, name: String) -> WorkflowResult<()> {
        let once = || {
            ActivityOptions::with_start_to_close_timeout(Duration::from_secs(3))
                .retry_policy(quickly(1))
                .build()
        };
        for (step, options) in [("debit", once()), ("credit", within(3)), ("settle", once())] {
            let order = format!("{step} {name}");
            match ctx.execute_activity(Acts::step, order, options).await {
                // A failure is its timeout: nobody knows whether it ran, its answer was lost.
                Ok(_) | Err(ActivityExecutionError::Failed(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

pub(crate) fn register(options: WorkerOptionsBuilder) -> WorkerOptionsBuilder {
    options
        .register_workflow::<Three>()
        .unwrap()
        .register_workflow::<Retried>()
        .unwrap()
        .register_workflow::<Sleeper>()
        .unwrap()
        .register_workflow::<Counter>()
        .unwrap()
        .register_workflow::<Patient>()
        .unwrap()
        .register_workflow::<Fainting>()
        .unwrap()
        .register_workflow::<Interrupted>()
        .unwrap()
        .register_workflow::<Noted>()
        .unwrap()
        .register_workflow::<Countdown>()
        .unwrap()
        .register_workflow::<Once>()
        .unwrap()
        .register_workflow::<Paid>()
        .unwrap()
        .register_workflow::<Till>()
        .unwrap()
        .register_workflow::<family::Mother>()
        .unwrap()
        .register_workflow::<family::Stranger>()
        .unwrap()
        .register_workflow::<family::Line>()
        .unwrap()
}
