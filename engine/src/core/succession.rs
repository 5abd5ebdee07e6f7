//! The run that follows one that ended: whether there is one, when it begins, what it inherits.
//!
//! A failed or timed-out run is tried again as its retry policy says; else, and after a completed
//! one, the next turn of its cron schedule comes. Continue-as-new, the workflow's own word, is a
//! decision of its own and only shares [`first_wait`].

use std::time::Duration;

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::Payloads;
use temporalio_protos::temporal::api::enums::v1::{
    ContinueAsNewInitiator as Initiator, RetryState, TimeoutType,
};
use temporalio_protos::temporal::api::failure::v1::{
    Failure, TimeoutFailureInfo, failure::FailureInfo,
};
use temporalio_protos::temporal::api::history::v1::WorkflowExecutionStartedEventAttributes;

use super::commands::start::Start;
use super::retry::{self, Trial, Verdict};
use super::time::{or_zero, to_proto};
use super::{NextRun, Run, Step};
use crate::calendar::cron;
use crate::limits;

/// Why another run follows, and what it is told of this one.
#[derive(Debug)]
pub(crate) struct Sequel {
    initiator: Initiator,
    wait: Duration,
    failure: Option<Failure>,
    last_result: Option<Payloads>,
}

/// After the workflow's own failure.
pub(crate) fn of_failure(
    run: &Run,
    failure: &Failure,
    now: Timestamp,
) -> (RetryState, Option<Sequel>) {
    match retry(run, failure, now) {
        Verdict::Again { at } => {
            let again = Sequel {
                initiator: Initiator::Retry,
                wait: at.since(now),
                failure: Some(failure.clone()),
                last_result: None,
            };
            (RetryState::InProgress, Some(again))
        }
        Verdict::Over(state) => {
            let turn = cron_wait(run, now).map(|wait| Sequel {
                initiator: Initiator::CronSchedule,
                wait,
                failure: Some(failure.clone()),
                last_result: carried(run),
            });
            (state, turn)
        }
    }
}

/// After its good end.
pub(crate) fn of_completion(
    run: &Run,
    result: Option<&Payloads>,
    now: Timestamp,
) -> Option<Sequel> {
    Some(Sequel {
        initiator: Initiator::CronSchedule,
        wait: cron_wait(run, now)?,
        failure: None,
        last_result: result.cloned(),
    })
}

/// After its time ran out. When it was the whole chain's time, nothing follows.
pub(crate) fn of_timeout(run: &Run, now: Timestamp) -> (RetryState, Option<Sequel>) {
    if run.execution_expires_at.is_some_and(|end| end <= now) {
        return (RetryState::Timeout, None);
    }
    let failure = Failure {
        message: "workflow timeout".to_owned(),
        source: "Server".to_owned(),
        failure_info: Some(FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
            timeout_type: TimeoutType::StartToClose as i32,
            last_heartbeat_details: None,
        })),
        ..Failure::default()
    };
    let (state, sequel) = of_failure(run, &failure, now);
    let told = sequel.map(|sequel| Sequel {
        last_result: carried(run),
        ..sequel
    });
    (state, told)
}

/// Names the next run, which begins in the same step as this one ends.
pub(crate) fn follow(step: &mut Step<'_>, sequel: Sequel, next: &NextRun) {
    let run = &step.run;
    let Some(birth) = run.birth.as_deref() else {
        return;
    };
    let attempt = match sequel.initiator {
        Initiator::Retry => run.attempt.saturating_add(1),
        _ => 1,
    };
    let attributes = WorkflowExecutionStartedEventAttributes {
        continued_execution_run_id: run.run_id.clone(),
        initiator: sequel.initiator as i32,
        continued_failure: sequel.failure,
        last_completion_result: sequel.last_result,
        original_execution_run_id: next.run_id.clone(),
        first_execution_run_id: run.first_run_id.clone(),
        attempt: i32::try_from(attempt).unwrap_or(i32::MAX),
        // The execution's end is the whole chain's, not counted anew.
        workflow_execution_expiration_time: run.execution_expires_at.map(to_proto),
        first_workflow_task_backoff: or_zero(first_wait(run, Some(sequel.wait), step.now)),
        identity: String::new(),
        eager_execution_accepted: false,
        ..birth.clone()
    };
    let start = Start {
        workflow_id: run.workflow_id.clone(),
        run_id: next.run_id.clone(),
        request_id: next.request_id.clone(),
        attributes,
        user_metadata: None,
        links: run.links.clone(),
        signal: None,
    };
    step.follow(start);
}

/// What the closing event says of the run that follows.
pub(crate) fn next_id(sequel: Option<&Sequel>, next: &NextRun) -> String {
    sequel.map_or_else(String::new, |_| next.run_id.clone())
}

/// How long the next run waits before its first task: as asked, but runs of one workflow follow
/// each other no faster than the limit, or one that ends at once would do nothing else.
pub(crate) fn first_wait(run: &Run, asked: Option<Duration>, now: Timestamp) -> Option<Duration> {
    let earliest = run.execution_at.after(limits::SHORTEST_LIFE);
    match now.after(asked.unwrap_or_default()) < earliest {
        true => Some(earliest.since(now)),
        false => asked,
    }
}

/// How long after `now` a schedule that was last due at `last` is due again, in whole seconds.
pub(crate) fn cron_backoff(line: &str, last: Timestamp, now: Timestamp) -> Option<Duration> {
    const SECOND: Duration = Duration::from_secs(1);
    if line.is_empty() {
        return None;
    }
    let schedule = cron::parse(line).ok()?;
    let next = match now < last {
        true => last,
        false => schedule.first_from(last, now)?,
    };
    let wait = next.since(now);
    let part = Duration::from_nanos(u64::from(wait.subsec_nanos()));
    let rest = if part.is_zero() { part } else { SECOND - part };
    Some(wait + rest)
}

fn cron_wait(run: &Run, now: Timestamp) -> Option<Duration> {
    let line = &run.birth.as_deref()?.cron_schedule;
    cron_backoff(line, run.execution_at, now)
}

fn retry(run: &Run, failure: &Failure, now: Timestamp) -> Verdict {
    let policy = run.birth.as_deref().and_then(|b| b.retry_policy.as_ref());
    let trial = Trial {
        attempt: run.attempt,
        ends_at: run.execution_expires_at,
    };
    match policy {
        Some(policy) => retry::again(policy, trial, failure, now),
        None => Verdict::Over(RetryState::RetryPolicyNotSet),
    }
}

/// The last result of an earlier turn, which a run that came to none passes on.
fn carried(run: &Run) -> Option<Payloads> {
    run.birth.as_deref()?.last_completion_result.clone()
}

#[cfg(test)]
#[path = "succession_tests.rs"]
mod tests;
