//! Retries and turns of a schedule, followed from run to run.

use std::time::Duration;

use ambient::Timestamp;
use expect_test::expect;

use super::cron_backoff;
use crate::core::script::check;

#[test]
fn a_failed_run_is_tried_again_after_its_back_off() {
    check(
        "start retry=3; poll; wait 5; complete break=a; next; wait 1; poll; wait 5; \
         complete break=b; next; wait 2; poll; wait 5; complete break=c",
        expect![[r#"
            1 WorkflowExecutionStarted
            2 WorkflowTaskScheduled
            → offer workflow task
            3 WorkflowTaskStarted
            4 WorkflowTaskCompleted
            5 WorkflowExecutionFailed InProgress next
            → continues as next
            1 WorkflowExecutionStarted after r by Retry attempt 2 in 1 failed a
            2 WorkflowTaskScheduled
            → offer workflow task
            3 WorkflowTaskStarted
            4 WorkflowTaskCompleted
            5 WorkflowExecutionFailed InProgress next
            → continues as next
            1 WorkflowExecutionStarted after next by Retry attempt 3 in 2 failed b
            2 WorkflowTaskScheduled
            → offer workflow task
            3 WorkflowTaskStarted
            4 WorkflowTaskCompleted
            5 WorkflowExecutionFailed MaximumAttemptsReached
        "#]],
    );
}

#[test]
fn what_cannot_succeed_is_not_tried_again() {
    check(
        "start retry=3; poll; complete break=hopeless",
        expect![[r#"
            1 WorkflowExecutionStarted
            2 WorkflowTaskScheduled
            → offer workflow task
            3 WorkflowTaskStarted
            4 WorkflowTaskCompleted
            5 WorkflowExecutionFailed NonRetryableFailure
        "#]],
    );
}

#[test]
fn a_run_whose_time_ran_out_is_tried_again() {
    check(
        "start retry=0 run_timeout=5; poll; wait 5; next; wait 1; poll",
        expect![[r#"
            1 WorkflowExecutionStarted
            2 WorkflowTaskScheduled
            → offer workflow task
            3 WorkflowTaskStarted
            4 WorkflowTaskFailed ForceCloseCommand
            5 WorkflowExecutionTimedOut InProgress next
            → continues as next
            1 WorkflowExecutionStarted after r by Retry attempt 2 in 1 failed workflow timeout
            2 WorkflowTaskScheduled
            → offer workflow task
        "#]],
    );
}

#[test]
fn nothing_follows_when_the_time_of_the_whole_chain_ran_out() {
    check(
        "start retry=0 run_timeout=5 execution_timeout=6; poll; wait 5; next; wait 1",
        expect![[r#"
            1 WorkflowExecutionStarted
            2 WorkflowTaskScheduled
            → offer workflow task
            3 WorkflowTaskStarted
            4 WorkflowTaskFailed ForceCloseCommand
            5 WorkflowExecutionTimedOut InProgress next
            → continues as next
            1 WorkflowExecutionStarted after r by Retry attempt 2 in 1 failed workflow timeout
            2 WorkflowExecutionTimedOut Timeout
        "#]],
    );
}

#[test]
fn nothing_follows_what_was_cancelled_or_terminated() {
    check(
        "start retry=0 cron=*/5_*_*_*_*; poll; complete give_up",
        expect![[r#"
            1 WorkflowExecutionStarted
            2 WorkflowTaskScheduled
            → offer workflow task
            3 WorkflowTaskStarted
            4 WorkflowTaskCompleted
            5 WorkflowExecutionCanceled
        "#]],
    );
    check(
        "start retry=0 cron=*/5_*_*_*_*; terminate",
        expect![[r#"
            1 WorkflowExecutionStarted
            2 WorkflowTaskScheduled
            → offer workflow task
            3 WorkflowExecutionTerminated
        "#]],
    );
}

#[test]
fn a_schedule_goes_on_and_hands_its_last_result_on() {
    check(
        "start cron=*/5_*_*_*_*; poll; complete finish=one; next; wait 200; poll; complete break=a; \
         next; wait 300; poll; complete finish=two; next",
        expect![[r#"
            1 WorkflowExecutionStarted
            2 WorkflowTaskScheduled
            → offer workflow task
            3 WorkflowTaskStarted
            4 WorkflowTaskCompleted
            5 WorkflowExecutionCompleted next
            → continues as next
            1 WorkflowExecutionStarted after r by CronSchedule attempt 1 in 200 last one
            2 WorkflowTaskScheduled
            → offer workflow task
            3 WorkflowTaskStarted
            4 WorkflowTaskCompleted
            5 WorkflowExecutionFailed RetryPolicyNotSet next
            → continues as next
            1 WorkflowExecutionStarted after next by CronSchedule attempt 1 in 300 failed a last one
            2 WorkflowTaskScheduled
            → offer workflow task
            3 WorkflowTaskStarted
            4 WorkflowTaskCompleted
            5 WorkflowExecutionCompleted next
            → continues as next
            1 WorkflowExecutionStarted after next by CronSchedule attempt 1 in 300 last two
        "#]],
    );
}

#[test]
fn a_retry_comes_before_the_next_turn() {
    check(
        "start retry=2 cron=*/5_*_*_*_*; poll; wait 3; complete break=a; next; wait 1; poll; \
         wait 3; complete break=b; next",
        expect![[r#"
            1 WorkflowExecutionStarted
            2 WorkflowTaskScheduled
            → offer workflow task
            3 WorkflowTaskStarted
            4 WorkflowTaskCompleted
            5 WorkflowExecutionFailed InProgress next
            → continues as next
            1 WorkflowExecutionStarted after r by Retry attempt 2 in 1 failed a
            2 WorkflowTaskScheduled
            → offer workflow task
            3 WorkflowTaskStarted
            4 WorkflowTaskCompleted
            5 WorkflowExecutionFailed MaximumAttemptsReached next
            → continues as next
            1 WorkflowExecutionStarted after next by CronSchedule attempt 1 in 193 failed b
        "#]],
    );
}

#[test]
fn a_turn_that_took_too_long_is_followed_by_the_next_one() {
    check(
        "start cron=*/5_*_*_*_* run_timeout=400; poll; wait 400; next",
        expect![[r#"
            1 WorkflowExecutionStarted
            2 WorkflowTaskScheduled
            → offer workflow task
            3 WorkflowTaskStarted
            4 WorkflowTaskTimedOut StartToClose
            → offer workflow task
            5 WorkflowExecutionTimedOut RetryPolicyNotSet next
            → continues as next
            1 WorkflowExecutionStarted after r by CronSchedule attempt 1 in 100 failed workflow timeout
        "#]],
    );
}

#[test]
fn a_schedule_is_due_again_in_whole_seconds() {
    let at = |seconds: i64, micros: u64| {
        Timestamp::from_seconds(seconds).after(Duration::from_micros(micros))
    };
    let wait = |line, last, now| cron_backoff(line, last, now).map(|wait| wait.as_secs());
    assert_eq!(wait("* * * * *", at(60, 0), at(60, 0)), Some(60));
    assert_eq!(wait("* * * * *", at(60, 0), at(70, 1)), Some(50));
    // Due this very moment, and long behind.
    assert_eq!(wait("* * * * *", at(60, 0), at(180, 0)), Some(0));
    assert_eq!(wait("@every 1h", at(60, 0), at(100_000, 0)), Some(860));
    // Asked before it was due at all.
    assert_eq!(wait("* * * * *", at(90, 0), at(60, 0)), Some(30));
    assert_eq!(wait("", at(60, 0), at(60, 0)), None);
    assert_eq!(wait("0 0 30 2 *", at(60, 0), at(60, 0)), None);
}
