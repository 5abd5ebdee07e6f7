//! Telling an engine about schedules, and starting the workflows of batches. Each may be repeated.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::{BatchId, Cadence, ScheduleId, Tenant, Timestamp, Weekday};
use temporalio_client::errors::WorkflowStartError;
use temporalio_client::schedules::{
    BackfillScheduleOptions, CreateScheduleOptions, DeleteScheduleOptions, PauseScheduleOptions,
    ScheduleAction, ScheduleBackfill, ScheduleCalendarSpec, ScheduleError, ScheduleHandle,
    ScheduleOverlapPolicy, ScheduleSpec, UnpauseScheduleOptions,
};
use temporalio_client::tonic::Code;
use temporalio_client::{Client, RpcOptions, WorkflowIdReusePolicy, WorkflowStartOptions};
use workflows::{Batch, Occurrence, OfBatch, OfSchedule};

use crate::TRANSFERS;

#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("the workflow engine was not told of a schedule; it is told again")]
    Schedule(#[source] Box<ScheduleError>),
    #[error("the workflow engine did not start a batch; it is started again")]
    Batch(#[source] Box<WorkflowStartError>),
    #[error("the workflow engine did not answer in time; it is asked again")]
    TimedOut,
}

impl From<ScheduleError> for PlanError {
    fn from(error: ScheduleError) -> Self {
        Self::Schedule(Box::new(error))
    }
}

/// When the engine shall wake us up for a schedule.
#[derive(Clone, Copy, Debug)]
pub struct Wakes {
    pub tenant: Tenant,
    pub schedule: ScheduleId,
    pub cadence: Cadence,
    pub starts_at: Timestamp,
    pub ends_at: Option<Timestamp>,
    pub paused: bool,
    /// Wake us also for what fell between these two.
    pub missed: Option<(Timestamp, Timestamp)>,
}

/// Clones share the connection.
#[derive(Clone)]
pub struct Plans {
    client: Client,
}

impl std::fmt::Debug for Plans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plans").finish_non_exhaustive()
    }
}

const PATIENCE: Duration = Duration::from_secs(5);

impl Plans {
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The engine knows the schedule afterwards, paused or not, and wakes us for what was missed.
    pub async fn tell(&self, wakes: &Wakes) -> Result<(), PlanError> {
        in_time(async {
            let handle = self.handle(wakes.schedule);
            match self.create(wakes).await {
                Err(ScheduleError::Rpc(status)) if status.code() == Code::AlreadyExists => {
                    if wakes.paused {
                        let options = PauseScheduleOptions::default();
                        handle.pause(Some("paused by its owner"), options).await?;
                    } else {
                        let options = UnpauseScheduleOptions::default();
                        handle.unpause(Some("goes on"), options).await?;
                    }
                }
                created => created?,
            }
            if let Some((from, to)) = wakes.missed.filter(|_| !wakes.paused) {
                // The engine counts from behind the first instant.
                let from = from.before(Duration::from_secs(1));
                let missed = ScheduleBackfill::new(time(from), time(to))
                    .overlap_policy(ScheduleOverlapPolicy::AllowAll)
                    .build();
                let options = BackfillScheduleOptions::default();
                handle.backfill([missed], options).await?;
            }
            Ok(())
        })
        .await
    }

    /// The engine forgets it. What it does not know needs no forgetting.
    pub async fn forget(&self, schedule: ScheduleId) -> Result<(), PlanError> {
        in_time(async {
            let handle = self.handle(schedule);
            match handle.delete(DeleteScheduleOptions::default()).await {
                Err(ScheduleError::Rpc(status)) if status.code() == Code::NotFound => Ok(()),
                deleted => Ok(deleted?),
            }
        })
        .await
    }

    pub async fn knows(&self, schedule: ScheduleId) -> Result<bool, PlanError> {
        in_time(async {
            match self.handle(schedule).describe(RpcOptions::default()).await {
                Ok(_) => Ok(true),
                Err(ScheduleError::Rpc(status)) if status.code() == Code::NotFound => Ok(false),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// Its workflow runs afterwards, also where one was ended from outside: what it did stands in
    /// the records.
    pub async fn start_batch(&self, tenant: Tenant, batch: BatchId) -> Result<(), PlanError> {
        let options = WorkflowStartOptions::new(TRANSFERS, workflows::batch_id(batch))
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .build();
        let of = OfBatch { tenant, batch };
        let start = self.client.start_workflow(Batch::run, of, options);
        match tokio::time::timeout(PATIENCE, start).await {
            Ok(Ok(_) | Err(WorkflowStartError::AlreadyStarted { .. })) => Ok(()),
            Ok(Err(error)) => Err(PlanError::Batch(Box::new(error))),
            Err(_) => Err(PlanError::TimedOut),
        }
    }

    fn handle(&self, schedule: ScheduleId) -> ScheduleHandle<Client> {
        self.client
            .get_schedule_handle(workflows::schedule_id(schedule))
    }

    async fn create(&self, wakes: &Wakes) -> Result<(), ScheduleError> {
        let of = OfSchedule {
            tenant: wakes.tenant,
            schedule: wakes.schedule,
        };
        let action = ScheduleAction::start_workflow(
            Occurrence::run,
            of,
            TRANSFERS,
            workflows::occurrence_id(wakes.schedule),
        );
        let mut spec = spec(wakes.cadence);
        spec.start_time = Some(time(wakes.starts_at));
        spec.end_time = wakes.ends_at.map(time);
        let options = CreateScheduleOptions::builder()
            .action(action)
            .spec(spec)
            // Each occurrence is short, and has nothing to do with the one before it.
            .overlap_policy(ScheduleOverlapPolicy::AllowAll)
            .paused(wakes.paused)
            .build();
        let id = workflows::schedule_id(wakes.schedule);
        self.client.create_schedule(id, options).await?;
        Ok(())
    }
}

async fn in_time<T>(asked: impl Future<Output = Result<T, PlanError>>) -> Result<T, PlanError> {
    let answered = tokio::time::timeout(PATIENCE, asked).await;
    answered.unwrap_or(Err(PlanError::TimedOut))
}

/// At midnight of each day that may be one. The end of a month is left to whoever is woken: the
/// engine has no word for "the 31st or the last day".
fn spec(cadence: Cadence) -> ScheduleSpec {
    let calendar = |day_of_month: String, day_of_week: &str| {
        ScheduleSpec::from_calendar(
            ScheduleCalendarSpec::builder()
                .day_of_month(day_of_month)
                .day_of_week(day_of_week)
                .build(),
        )
    };
    match cadence {
        Cadence::Day => calendar(String::new(), ""),
        Cadence::Week { day } => calendar(String::new(), number(day)),
        Cadence::Month { day: day @ ..=28 } => calendar(day.to_string(), ""),
        Cadence::Month { .. } => calendar("28-31".to_owned(), ""),
        Cadence::Seconds { seconds } => {
            ScheduleSpec::from_interval(Duration::from_secs(seconds.into()))
        }
    }
}

const fn number(day: Weekday) -> &'static str {
    match day {
        Weekday::Sunday => "0",
        Weekday::Monday => "1",
        Weekday::Tuesday => "2",
        Weekday::Wednesday => "3",
        Weekday::Thursday => "4",
        Weekday::Friday => "5",
        Weekday::Saturday => "6",
    }
}

fn time(at: Timestamp) -> SystemTime {
    let since = at.since(Timestamp::default());
    UNIX_EPOCH + since
}
