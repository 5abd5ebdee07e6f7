//! Priorities and fairness keys, from the start of a workflow to the worker that is served.

use engine::Door;
use temporalio_client::tonic::Code;
use temporalio_common::protos::temporal::api::command::v1::ScheduleActivityTaskCommandAttributes;
use temporalio_common::protos::temporal::api::common::v1::Priority;
use temporalio_common::protos::temporal::api::workflowservice::v1::StartWorkflowExecutionRequest;

use crate::raw::{complete, poll, poll_activity, schedule, start, started};
use crate::stage::{Stage, code, describe};

fn priority(key: i32, fairness: &str) -> Option<Priority> {
    Some(Priority {
        priority_key: key,
        fairness_key: fairness.to_owned(),
        fairness_weight: 0.0,
    })
}

async fn begin(door: &Door, id: &str, priority: Option<Priority>) {
    let request = StartWorkflowExecutionRequest {
        priority,
        ..start(id)
    };
    started(door, &request).await.unwrap();
}

#[tokio::test]
async fn workers_are_served_by_priority_also_after_a_restart() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    for (id, key) in [
        ("low", 4),
        ("usual", 0),
        ("high", 1),
        ("second", 2),
        ("last", 99),
    ] {
        begin(&door, id, priority(key, "")).await;
    }
    let high = poll(&door).await;
    assert_eq!(high.workflow_execution.unwrap().workflow_id, "high");

    let stage = stage.restarted().await;
    let door = stage.engine.door();
    // Whatever is looked at is offered again: before the first poll, all of it.
    for id in ["low", "usual", "high", "second", "last"] {
        describe(&door, id).await.unwrap();
    }
    let mut order = Vec::new();
    for _ in 0..5 {
        let task = poll(&door).await;
        order.push(task.workflow_execution.unwrap().workflow_id);
    }
    assert_eq!(order, ["high", "second", "usual", "low", "last"]);
}

#[tokio::test]
async fn an_activity_takes_over_what_it_does_not_say_itself() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    begin(&door, "w", priority(2, "acme")).await;
    let task = poll(&door).await;
    let own = ScheduleActivityTaskCommandAttributes {
        priority: priority(4, ""),
        ..schedule()
    };
    complete(&door, task.task_token, own).await.unwrap();
    let seen = describe(&door, "w").await.unwrap();
    assert_eq!(
        seen.workflow_execution_info.unwrap().priority,
        priority(2, "acme")
    );
    assert_eq!(seen.pending_activities[0].priority, priority(4, ""));

    // A second workflow's activity, more urgent by its workflow alone, overtakes it.
    begin(&door, "urgent", priority(1, "")).await;
    let task = poll(&door).await;
    complete(&door, task.task_token, schedule()).await.unwrap();
    let first = poll_activity(&door).await;
    assert_eq!(first.workflow_execution.unwrap().workflow_id, "urgent");
    assert_eq!(first.priority, priority(1, ""));
    let second = poll_activity(&door).await;
    assert_eq!(second.priority, priority(4, "acme"));
}

#[tokio::test]
async fn tenants_take_turns_and_nonsense_is_refused() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    for at in 0..6 {
        begin(&door, &format!("many-{at}"), priority(0, "many")).await;
    }
    begin(&door, "few", priority(0, "few")).await;
    let mut served = Vec::new();
    for _ in 0..2 {
        let task = poll(&door).await;
        served.push(task.workflow_execution.unwrap().workflow_id);
    }
    assert_eq!(served, ["many-0", "few"]);

    for wrong in [priority(-1, ""), priority(0, &"k".repeat(65))] {
        let request = StartWorkflowExecutionRequest {
            priority: wrong,
            ..start("wrong")
        };
        assert_eq!(code(started(&door, &request).await), Code::InvalidArgument);
    }
}
