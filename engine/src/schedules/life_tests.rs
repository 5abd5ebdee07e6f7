//! A schedule's life as a script: what happens on the left, what came of it on the right.

use ambient::Timestamp;
use expect_test::{Expect, expect};
use prost::Message;
use temporalio_protos::temporal::api::common::v1::{Payloads, WorkflowExecution};
use temporalio_protos::temporal::api::enums::v1::{
    ScheduleOverlapPolicy as Overlap, WorkflowExecutionStatus as Status,
};
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::schedule::v1::{
    BackfillRequest, Schedule, ScheduleAction, SchedulePatch, SchedulePolicies, ScheduleSpec,
    ScheduleState, TriggerImmediatelyRequest, schedule_action::Action,
};
use temporalio_protos::temporal::api::workflow::v1::NewWorkflowExecutionInfo;

use super::*;
use crate::schedules::outcome::Ended;

/// Every ten minutes from midnight on; `script` is a list of words with the minute before them:
/// `10 wake; 12 end; 13 trigger buffer_all; 20 pause`. Starts succeed at once.
fn check(policies: SchedulePolicies, condition: ScheduleState, script: &str, expected: Expect) {
    let workflow = NewWorkflowExecutionInfo {
        workflow_id: "w".to_owned(),
        ..NewWorkflowExecutionInfo::default()
    };
    let schedule = Schedule {
        spec: Some(ScheduleSpec {
            cron_string: vec!["*/10 * * * *".to_owned()],
            ..ScheduleSpec::default()
        }),
        action: Some(ScheduleAction {
            action: Some(Action::StartWorkflow(workflow)),
        }),
        policies: Some(policies),
        state: Some(condition),
    };
    let mut state = State::born(schedule, minute(0));
    let mut told = String::new();
    for step in script.split(';') {
        let mut words = step.split_whitespace();
        let now = minute(words.next().unwrap().parse().unwrap());
        let cmd = command(&mut state, &mut words);
        let mut outcome = apply(&mut state, cmd, now);
        told.push_str(&format!("{}:", step.trim()));
        let mut orders = std::mem::take(&mut outcome.orders);
        while let Some(starting) = state.starting.first().copied() {
            // What is written is all that is known after a crash.
            state = State::decode(&*state.encode_to_vec()).unwrap();
            let request = state.request(&starting);
            told.push_str(&format!(" start {}", &request.workflow_id[13..18]));
            if request.last_completion_result.is_some() {
                told.push_str(" with a result");
            }
            if request.continued_failure.is_some() {
                told.push_str(" with a failure");
            }
            state.began(starting.number, request.request_id, now);
            if state.starting.is_empty() {
                outcome = apply(&mut state, Command::Settle, now);
                orders.append(&mut outcome.orders);
            }
        }
        for order in orders {
            let (what, of) = match order {
                Order::Cancel(of) => ("cancel", of),
                Order::Terminate(of) => ("terminate", of),
            };
            told.push_str(&format!(" {what} {}", &of.workflow_id[13..18]));
        }
        told.push_str(&summary(&state, &outcome));
    }
    expected.assert_eq(&told);
}

fn summary(state: &State, outcome: &Outcome) -> String {
    let mut told = String::new();
    let info = &state.info;
    for (what, count) in [
        ("waiting", i64::try_from(state.buffer.len()).unwrap()),
        ("skipped", info.overlap_skipped),
        ("missed", info.missed_catchup_window),
        ("dropped", info.buffer_dropped),
    ] {
        if count > 0 {
            told.push_str(&format!(" {what} {count}"));
        }
    }
    if state.condition.paused {
        told.push_str(&format!(" paused: {}", state.condition.notes));
    }
    match outcome.wake_at {
        Some(at) => told.push_str(&format!(" → {}\n", &at.to_string()[5..19])),
        None => told.push_str(" → never\n"),
    }
    if outcome.over {
        told.push_str("over\n");
    }
    told
}

fn command<'w>(state: &mut State, words: &mut impl Iterator<Item = &'w str>) -> Command {
    let mut patch = SchedulePatch::default();
    match words.next().unwrap() {
        "wake" => return Command::Wake,
        "pause" => patch.pause = "by hand".to_owned(),
        "unpause" => patch.unpause = "again".to_owned(),
        "trigger" => {
            patch.trigger_immediately = Some(TriggerImmediatelyRequest {
                overlap_policy: policy(words.next().unwrap_or("")).into(),
                scheduled_time: None,
            });
        }
        "backfill" => {
            let mut at = || Some(to_proto(minute(words.next().unwrap().parse().unwrap())));
            patch.backfill_request.push(BackfillRequest {
                start_time: at(),
                end_time: at(),
                overlap_policy: policy(words.next().unwrap_or("")).into(),
            });
        }
        word => {
            let (status, result, failure) = match word {
                "ended" => (Status::Completed, Some(Payloads::default()), None),
                "failed" => {
                    let failure = Failure {
                        message: "no funds".to_owned(),
                        ..Failure::default()
                    };
                    (Status::Failed, None, Some(failure))
                }
                "expired" => (Status::TimedOut, None, None),
                other => panic!("{other}"),
            };
            let ended = Ended {
                status,
                result,
                failure,
            };
            let running: Vec<WorkflowExecution> = state.info.running_workflows.clone();
            state.ended(&running[0], ended);
            return Command::Wake;
        }
    }
    Command::Patch(patch)
}

fn minute(n: i64) -> Timestamp {
    Timestamp::from_seconds(1_767_225_600 + n * 60)
}

fn policy(name: &str) -> Overlap {
    match name {
        "" => Overlap::Unspecified,
        "skip" => Overlap::Skip,
        "one" => Overlap::BufferOne,
        "all" => Overlap::BufferAll,
        "cancel" => Overlap::CancelOther,
        "terminate" => Overlap::TerminateOther,
        "beside" => Overlap::AllowAll,
        other => panic!("{other}"),
    }
}

fn with(overlap: &str) -> SchedulePolicies {
    SchedulePolicies {
        overlap_policy: policy(overlap).into(),
        ..SchedulePolicies::default()
    }
}

fn free() -> ScheduleState {
    ScheduleState::default()
}

#[test]
fn skips_what_overlaps_and_hands_results_on() {
    check(
        with(""),
        free(),
        "0 wake; 10 wake; 20 wake; 25 ended; 30 wake; 35 failed; 40 wake",
        expect![[r#"
            0 wake: → 01-01T00:10:00
            10 wake: start 00:10 → 01-01T00:20:00
            20 wake: skipped 1 → 01-01T00:30:00
            25 ended: skipped 1 → 01-01T00:30:00
            30 wake: start 00:30 with a result skipped 1 → 01-01T00:40:00
            35 failed: skipped 1 → 01-01T00:40:00
            40 wake: start 00:40 with a result with a failure skipped 1 → 01-01T00:50:00
        "#]],
    );
}

#[test]
fn buffers_one_or_all() {
    let script = "10 wake; 20 wake; 30 wake; 35 ended; 36 ended; 37 ended";
    check(
        with("one"),
        free(),
        "10 wake; 20 wake; 30 wake; 35 ended; 36 ended",
        expect![[r#"
            10 wake: start 00:10 → 01-01T00:20:00
            20 wake: waiting 1 → 01-01T00:30:00
            30 wake: waiting 1 skipped 1 → 01-01T00:40:00
            35 ended: start 00:20 with a result skipped 1 → 01-01T00:40:00
            36 ended: skipped 1 → 01-01T00:40:00
        "#]],
    );
    check(
        with("all"),
        free(),
        script,
        expect![[r#"
        10 wake: start 00:10 → 01-01T00:20:00
        20 wake: waiting 1 → 01-01T00:30:00
        30 wake: waiting 2 → 01-01T00:40:00
        35 ended: start 00:20 with a result waiting 1 → 01-01T00:40:00
        36 ended: start 00:30 with a result → 01-01T00:40:00
        37 ended: → 01-01T00:40:00
    "#]],
    );
}

#[test]
fn cancels_or_terminates_what_is_open_and_goes_on_when_it_ended() {
    check(
        with("cancel"),
        free(),
        "10 wake; 20 wake; 21 ended",
        expect![[r#"
            10 wake: start 00:10 → 01-01T00:20:00
            20 wake: cancel 00:10 waiting 1 → 01-01T00:30:00
            21 ended: start 00:20 with a result → 01-01T00:30:00
        "#]],
    );
    check(
        with("terminate"),
        free(),
        "10 wake; 40 wake; 41 ended",
        expect![[r#"
            10 wake: start 00:10 → 01-01T00:20:00
            40 wake: terminate 00:10 waiting 3 → 01-01T00:50:00
            41 ended: start 00:40 with a result → 01-01T00:50:00
        "#]],
    );
}

#[test]
fn lets_them_run_beside_each_other() {
    check(
        with("beside"),
        free(),
        "10 wake; 40 wake",
        expect![[r#"
        10 wake: start 00:10 → 01-01T00:20:00
        40 wake: start 00:20 start 00:30 start 00:40 → 01-01T00:50:00
    "#]],
    );
}

#[test]
fn misses_what_lies_too_far_back() {
    let policies = SchedulePolicies {
        catchup_window: Some(crate::core::time::duration(Duration::from_secs(900))),
        ..with("all")
    };
    check(
        policies,
        free(),
        "55 wake; 60 wake",
        expect![[r#"
        55 wake: start 00:40 waiting 1 missed 3 → 01-01T01:00:00
        60 wake: waiting 2 missed 3 → 01-01T01:10:00
    "#]],
    );
}

#[test]
fn pauses_by_hand_and_on_failure() {
    check(
        with(""),
        free(),
        "5 pause; 30 wake; 31 trigger; 45 unpause; 50 ended",
        expect![[r#"
            5 pause: paused: by hand → never
            30 wake: paused: by hand → never
            31 trigger: start 00:31 paused: by hand → never
            45 unpause: → 01-01T00:50:00
            50 ended: start 00:50 with a result → 01-01T01:00:00
        "#]],
    );
    let policies = SchedulePolicies {
        pause_on_failure: true,
        ..with("one")
    };
    check(
        policies,
        free(),
        "10 wake; 20 wake; 25 failed; 30 wake; 31 unpause",
        expect![[r#"
            10 wake: start 00:10 → 01-01T00:20:00
            20 wake: waiting 1 → 01-01T00:30:00
            25 failed: paused: paused due to workflow failure: w-2026-01-01T00:10:00Z: no funds → never
            30 wake: paused: paused due to workflow failure: w-2026-01-01T00:10:00Z: no funds → never
            31 unpause: → 01-01T00:40:00
        "#]],
    );
    check(
        policies,
        free(),
        "10 wake; 15 expired",
        expect![[r#"
        10 wake: start 00:10 → 01-01T00:20:00
        15 expired: paused: paused due to workflow timeout: w-2026-01-01T00:10:00Z → never
    "#]],
    );
}

#[test]
fn acts_as_often_as_it_may_and_is_gone_a_week_later() {
    let condition = ScheduleState {
        limited_actions: true,
        remaining_actions: 2,
        ..free()
    };
    check(
        with("beside"),
        condition,
        "10 wake; 20 wake; 30 wake; 31 trigger; 10110 wake; 10111 wake",
        expect![[r#"
            10 wake: start 00:10 → 01-01T00:20:00
            20 wake: start 00:20 → 01-08T00:20:00
            30 wake: → 01-08T00:20:00
            31 trigger: start 00:31 → 01-08T00:31:00
            10110 wake: → 01-08T00:31:00
            10111 wake: → 01-08T00:31:00
            over
        "#]],
    );
}

/// What comes from outside: backfills, updates, floods of requests.
#[path = "life_tests_asked.rs"]
mod asked;
