//! Whether a failed attempt is followed by another, and when.

use std::time::Duration;

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::RetryPolicy;
use temporalio_protos::temporal::api::enums::v1::{RetryState, TimeoutType};
use temporalio_protos::temporal::api::failure::v1::{Failure, failure::FailureInfo};

use super::activity::Activity;
use super::time::{LONGEST, duration, is_negative, positive};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Again { at: Timestamp },
    Over(RetryState),
}

const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);
const DEFAULT_COEFFICIENT: f64 = 2.0;
const TIMEOUT_PREFIX: &str = "TemporalTimeout:";
const DEFAULT_MAXIMUM_INTERVALS: u32 = 100;

/// The attempt that failed, and when there is no time left for another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    pub(crate) attempt: u32,
    pub(crate) ends_at: Option<Timestamp>,
}

pub(crate) fn verdict(activity: &Activity, failure: &Failure, now: Timestamp) -> Verdict {
    let Some(policy) = &activity.spec.retry_policy else {
        return Verdict::Over(RetryState::RetryPolicyNotSet);
    };
    if activity.cancel_requested_id.is_some() {
        return Verdict::Over(RetryState::CancelRequested);
    }
    let trial = Trial {
        attempt: activity.attempt,
        ends_at: activity.expires_at(),
    };
    again(policy, trial, failure, now)
}

/// What a policy says after an attempt failed.
pub(crate) fn again(
    policy: &RetryPolicy,
    trial: Trial,
    failure: &Failure,
    now: Timestamp,
) -> Verdict {
    if !retryable(failure, &policy.non_retryable_error_types) {
        return Verdict::Over(RetryState::NonRetryableFailure);
    }
    if u32::try_from(policy.maximum_attempts)
        .is_ok_and(|maximum| maximum > 0 && trial.attempt >= maximum)
    {
        return Verdict::Over(RetryState::MaximumAttemptsReached);
    }
    let wait = asked_delay(failure).unwrap_or_else(|| interval(policy, trial.attempt));
    let at = now.after(wait);
    if trial.ends_at.is_some_and(|end| at > end) {
        return Verdict::Over(RetryState::Timeout);
    }
    Verdict::Again { at }
}

/// The policy with its gaps filled, as it is written into the scheduled event.
pub(crate) fn with_defaults(policy: Option<RetryPolicy>) -> RetryPolicy {
    let mut policy = policy.unwrap_or_default();
    let first = positive(policy.initial_interval.as_ref()).unwrap_or(DEFAULT_INTERVAL);
    // What is negative is no gap but a mistake, and is complained of.
    if !policy.initial_interval.as_ref().is_some_and(is_negative) {
        policy.initial_interval = Some(duration(first));
    }
    if policy.backoff_coefficient == 0.0 {
        policy.backoff_coefficient = DEFAULT_COEFFICIENT;
    }
    let longest = policy.maximum_interval.as_ref();
    if positive(longest).is_none() && !longest.is_some_and(is_negative) {
        let longest = first.saturating_mul(DEFAULT_MAXIMUM_INTERVALS).min(LONGEST);
        policy.maximum_interval = Some(duration(longest));
    }
    policy
}

pub(crate) fn filled(policy: RetryPolicy) -> RetryPolicy {
    with_defaults(Some(policy))
}

/// What is wrong with a policy, if anything.
/// The gaps in it may be filled already or not.
pub(crate) fn complaint(policy: &RetryPolicy) -> Option<String> {
    if policy.maximum_attempts == 1 {
        // One attempt is no retry, so nothing else of the policy matters.
        return None;
    }
    let odd = policy.non_retryable_error_types.iter().find_map(|named| {
        let kind = named.strip_prefix(TIMEOUT_PREFIX)?;
        let known = [
            "StartToClose",
            "ScheduleToStart",
            "ScheduleToClose",
            "Heartbeat",
        ];
        (!known.contains(&kind)).then(|| format!("Invalid timeout type value: {kind}."))
    });
    flaw(policy).map(str::to_owned).or(odd)
}

fn flaw(policy: &RetryPolicy) -> Option<&'static str> {
    let negative = |wait: Option<&prost_types::Duration>| wait.is_some_and(is_negative);
    if negative(policy.initial_interval.as_ref()) {
        return Some("invalid InitialInterval set on retry policy: negative duration");
    }
    let coefficient = policy.backoff_coefficient;
    if coefficient.is_nan() || (coefficient != 0.0 && coefficient < 1.0) {
        return Some("BackoffCoefficient cannot be less than 1 on retry policy.");
    }
    if negative(policy.maximum_interval.as_ref()) {
        return Some("invalid MaximumInterval set on retry policy: negative duration");
    }
    let first = positive(policy.initial_interval.as_ref());
    if positive(policy.maximum_interval.as_ref()).is_some_and(|longest| Some(longest) < first) {
        return Some("MaximumInterval cannot be less than InitialInterval on retry policy.");
    }
    if policy.maximum_attempts < 0 {
        return Some("MaximumAttempts cannot be negative on retry policy.");
    }
    None
}

fn retryable(failure: &Failure, never: &[String]) -> bool {
    match &failure.failure_info {
        Some(FailureInfo::ApplicationFailureInfo(info)) => {
            !info.non_retryable && !never.contains(&info.r#type)
        }
        Some(FailureInfo::ServerFailureInfo(info)) => !info.non_retryable,
        Some(FailureInfo::TerminatedFailureInfo(_) | FailureInfo::CanceledFailureInfo(_)) => false,
        Some(FailureInfo::TimeoutFailureInfo(info)) => match info.timeout_type() {
            TimeoutType::StartToClose => !never.iter().any(|t| t == "TemporalTimeout:StartToClose"),
            TimeoutType::Heartbeat => !never.iter().any(|t| t == "TemporalTimeout:Heartbeat"),
            _ => false,
        },
        _ => true,
    }
}

fn asked_delay(failure: &Failure) -> Option<Duration> {
    match &failure.failure_info {
        Some(FailureInfo::ApplicationFailureInfo(info)) => positive(info.next_retry_delay.as_ref()),
        _ => None,
    }
}

pub(crate) fn interval(policy: &RetryPolicy, attempt: u32) -> Duration {
    let first = positive(policy.initial_interval.as_ref()).unwrap_or(DEFAULT_INTERVAL);
    let longest = positive(policy.maximum_interval.as_ref()).unwrap_or(LONGEST);
    grow(first, policy.backoff_coefficient.max(1.0), attempt).min(longest)
}

/// The protocol's coefficient is a double; rounding here only moves a retry, never money.
#[allow(clippy::float_arithmetic)]
fn grow(first: Duration, coefficient: f64, attempt: u32) -> Duration {
    let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
    let seconds = first.as_secs_f64() * coefficient.powi(exponent);
    Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_grow_and_are_capped() {
        let policy = with_defaults(None);
        let seconds: Vec<u64> = [1, 2, 3, 7, 8, 1_000]
            .map(|attempt| interval(&policy, attempt).as_secs())
            .into();
        assert_eq!(seconds, [1, 2, 4, 64, 100, 100]);
    }

    #[test]
    fn a_shrinking_coefficient_is_refused() {
        let shrinking = RetryPolicy {
            backoff_coefficient: 0.5,
            ..RetryPolicy::default()
        };
        assert!(complaint(&shrinking).is_some());
        assert!(complaint(&with_defaults(None)).is_none());
    }
}
