//! A crash at each place between a start that is announced and one that is known.

use ambient::SystemClock;
use temporalio_protos::temporal::api::common::v1::WorkflowType;
use temporalio_protos::temporal::api::schedule::v1::{
    Schedule, ScheduleAction, SchedulePatch, TriggerImmediatelyRequest, schedule_action::Action,
};
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflow::v1::NewWorkflowExecutionInfo;

use super::*;
use crate::engine::open_store;
use crate::visibility::Filter;

fn triggered(now: Timestamp) -> State {
    let workflow = NewWorkflowExecutionInfo {
        workflow_id: "w".to_owned(),
        workflow_type: Some(WorkflowType {
            name: "flow".to_owned(),
        }),
        task_queue: Some(TaskQueue {
            name: "q".to_owned(),
            ..TaskQueue::default()
        }),
        ..NewWorkflowExecutionInfo::default()
    };
    let schedule = Schedule {
        action: Some(ScheduleAction {
            action: Some(Action::StartWorkflow(workflow)),
        }),
        ..Schedule::default()
    };
    let mut state = State {
        namespace: "default".to_owned(),
        schedule_id: "s".to_owned(),
        run_id: "life".to_owned(),
        ..State::born(schedule, now)
    };
    let patch = SchedulePatch {
        trigger_immediately: Some(TriggerImmediatelyRequest::default()),
        ..SchedulePatch::default()
    };
    life::apply(&mut state, Command::Patch(patch), now);
    assert_eq!(state.starting.len(), 1);
    state
}

/// Nothing but the end of its workflow wakes such a schedule.
#[tokio::test]
async fn an_end_that_comes_while_the_schedule_is_looked_at_is_not_missed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.db");
    let host = open_store(path.clone(), SystemClock::shared()).unwrap();
    host.create_namespace("default", String::new(), String::new(), 0)
        .await
        .unwrap();
    let namespace = host.namespace("default").unwrap();
    let new = host.new_schedule(&namespace, triggered(host.now()));
    let in_hand = new.await.unwrap().unwrap();
    host.live(in_hand, Command::Wake).await.unwrap();
    let in_hand = host.take_schedule(&namespace, "s").await.unwrap().unwrap();
    let key = Key::new(1, &in_hand.state.info.running_workflows[0].workflow_id);
    drop(in_hand);
    host.writes.close().await;
    drop(host);

    let host = Arc::new(open_store(path, SystemClock::shared()).unwrap());
    assert!(host.timers.ring(10).await.contains(&-1));
    let slot = host.lock(&key).await.unwrap();
    let hand = host.stillness.hand();
    let waking = tokio::spawn(Arc::clone(&host).wake_schedule(1, hand));
    let watches = async {
        while host.desk.waiting_for(&key).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LOOK_AGAIN * 10, watches)
        .await
        .expect("it watches before it looks");
    host.ring_schedules(&key);
    drop(slot);
    waking.await.unwrap();
    tokio::time::timeout(LOOK_AGAIN * 10, async {
        while !host.timers.ring(10).await.contains(&-1) {}
    })
    .await
    .expect("the alarm stands");
}

/// A crash leaves either nothing, or the announcement of a start, or with it the start, or
/// with both what the schedule knows of it: always a beginning of these writes.
#[tokio::test]
async fn wherever_a_crash_comes_the_workflow_is_started_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.db");
    let host = open_store(path.clone(), SystemClock::shared()).unwrap();
    host.create_namespace("default", String::new(), String::new(), 0)
        .await
        .unwrap();
    let announced = ScheduleRow {
        row: 1,
        namespace: 1,
        schedule_id: "s".to_owned(),
        busy: true,
        search_values: "{}".to_owned(),
        body: triggered(host.now()).encode_to_vec().into(),
        ..ScheduleRow::default()
    };
    let announce = || Change::Schedule(Box::new(announced.clone()));
    host.durable(host.writes.submit([announce()]))
        .await
        .unwrap();
    host.writes.close().await;
    drop(host);
    let mut run_ids = Vec::new();
    for _ in 0..3 {
        let host = Arc::new(open_store(path.clone(), SystemClock::shared()).unwrap());
        // What the boot found to be due.
        assert!(host.timers.ring(10).await.contains(&-1));
        let hand = host.stillness.hand();
        Arc::clone(&host).wake_schedule(1, hand).await;
        let namespace = host.namespace("default").unwrap();
        let in_hand = host.take_schedule(&namespace, "s").await.unwrap().unwrap();
        assert!(in_hand.state.starting.is_empty());
        assert_eq!(in_hand.state.info.action_count, 1);
        run_ids.push(in_hand.state.info.running_workflows[0].run_id.clone());
        let runs = host.reader.count(1, &Filter::Everything).unwrap();
        assert_eq!(runs, [(1, 1)]);
        // The start is on disk, and what the schedule knew of it is lost.
        host.durable(host.writes.submit([announce()]))
            .await
            .unwrap();
        host.writes.close().await;
    }
    run_ids.dedup();
    assert_eq!(run_ids.len(), 1);
}
