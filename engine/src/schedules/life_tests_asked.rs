//! A schedule's life, when somebody asks for something: backfills, updates, more than it buffers.

use expect_test::expect;

use super::*;

#[test]
fn backfills_in_steps_and_beside_the_present() {
    check(
        with(""),
        free(),
        "1 backfill 1 150 beside; 2 wake; 3 wake",
        expect![[r#"
            1 backfill 1 150 beside: start 00:10 start 00:20 start 00:30 start 00:40 start 00:50 start 01:00 start 01:10 start 01:20 start 01:30 start 01:40 → 01-01T00:01:01
            2 wake: start 01:50 start 02:00 start 02:10 start 02:20 start 02:30 → 01-01T00:10:00
            3 wake: → 01-01T00:10:00
        "#]],
    );
    check(
        with(""),
        free(),
        "1 backfill 60 90 all; 2 ended; 3 ended; 4 ended; 5 ended",
        expect![[r#"
            1 backfill 60 90 all: start 01:00 waiting 3 → 01-01T00:10:00
            2 ended: start 01:10 with a result waiting 2 → 01-01T00:10:00
            3 ended: start 01:20 with a result waiting 1 → 01-01T00:10:00
            4 ended: start 01:30 with a result → 01-01T00:10:00
            5 ended: → 01-01T00:10:00
        "#]],
    );
    check(
        with(""),
        free(),
        "1 backfill 60 300; 2 ended; 3 ended",
        expect![[r#"
            1 backfill 60 300: start 01:00 skipped 9 → 01-01T00:10:00
            2 ended: start 02:40 with a result skipped 18 → 01-01T00:10:00
            3 ended: start 04:20 with a result skipped 22 → 01-01T00:10:00
        "#]],
    );
}

#[test]
fn an_update_counts_from_now_on_and_only_against_what_was_seen() {
    let mut state = State::born(Schedule::default(), minute(0));
    let update = |expected| {
        Command::Update(Box::new(Update {
            schedule: Schedule {
                spec: Some(ScheduleSpec {
                    cron_string: vec!["*/10 * * * *".to_owned()],
                    ..ScheduleSpec::default()
                }),
                ..Schedule::default()
            },
            expected,
            search_attributes: None,
            memo: None,
        }))
    };
    apply(&mut state, update(Some(7)), minute(15));
    assert!(state.spec.cron_string.is_empty());
    let outcome = apply(&mut state, update(Some(1)), minute(15));
    assert_eq!(outcome.wake_at, Some(minute(20)));
    assert_eq!(state.conflict_token, 2);
    assert!(state.buffer.is_empty());
}

#[test]
fn a_buffer_that_is_full_drops_and_a_request_is_accepted_once() {
    let mut state = State::born(Schedule::default(), minute(0));
    assert!(state.accepts("r") && !state.accepts("r") && state.accepts("") && state.accepts(""));
    let workflow = NewWorkflowExecutionInfo::default();
    state.action.action = Some(Action::StartWorkflow(workflow));
    let trigger = SchedulePatch {
        trigger_immediately: Some(TriggerImmediatelyRequest {
            overlap_policy: Overlap::BufferAll.into(),
            scheduled_time: None,
        }),
        ..SchedulePatch::default()
    };
    for _ in 0..limits::SCHEDULE_BUFFER + 3 {
        apply(&mut state, Command::Patch(trigger.clone()), minute(1));
    }
    assert_eq!(state.buffer.len(), limits::SCHEDULE_BUFFER);
    assert_eq!(state.info.buffer_dropped, 2);
}
