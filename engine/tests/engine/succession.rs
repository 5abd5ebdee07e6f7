//! Chains of runs over a restart: what follows is on disk with what ended.

use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, Timestamp};
use engine::Door;
use temporalio_common::protos::temporal::api::command::v1::FailWorkflowExecutionCommandAttributes;
use temporalio_common::protos::temporal::api::common::v1::RetryPolicy;
use temporalio_common::protos::temporal::api::enums::v1::ContinueAsNewInitiator;
use temporalio_common::protos::temporal::api::failure::v1::Failure;
use temporalio_common::protos::temporal::api::history::v1::WorkflowExecutionStartedEventAttributes;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_common::protos::temporal::api::workflowservice::v1::*;

use crate::raw::{complete, finish, poll, start, started};
use crate::stage::{Stage, open};

fn birth(task: &PollWorkflowTaskQueueResponse) -> WorkflowExecutionStartedEventAttributes {
    let first = &task.history.as_ref().unwrap().events[0];
    match &first.attributes {
        Some(Attributes::WorkflowExecutionStartedEventAttributes(a)) => a.clone(),
        other => panic!("a history does not begin with {other:?}"),
    }
}

async fn reopened(stage: Stage, clock: &ManualClock) -> Stage {
    let path = stage.path();
    stage.engine.close().await;
    let engine = open(&path, Arc::new(clock.clone())).await;
    Stage {
        dir: stage.dir,
        engine,
    }
}

async fn fails(door: &Door, task: &PollWorkflowTaskQueueResponse, message: &str) {
    let failure = Failure {
        message: message.to_owned(),
        ..Default::default()
    };
    let decision = FailWorkflowExecutionCommandAttributes {
        failure: Some(failure),
    };
    let token = task.task_token.clone();
    complete(door, token, decision).await.unwrap();
}

#[tokio::test]
async fn a_retry_that_waits_out_its_back_off_survives_a_restart() {
    let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
    let stage = Stage::on(Arc::new(clock.clone())).await;
    let door = stage.engine.door();
    let request = StartWorkflowExecutionRequest {
        retry_policy: Some(RetryPolicy::default()),
        ..start("w")
    };
    let first_run = started(&door, &request).await.unwrap().run_id;
    fails(&door, &poll(&door).await, "no").await;

    let stage = reopened(stage, &clock).await;
    let door = stage.engine.door();
    clock.advance(Duration::from_secs(1));
    let task = poll(&door).await;
    let birth = birth(&task);
    assert_eq!(birth.attempt, 2);
    assert_eq!(birth.continued_execution_run_id, first_run);
    assert_eq!(birth.first_execution_run_id, first_run);
    assert_eq!(birth.continued_failure.unwrap().message, "no");
    complete(&door, task.task_token, finish()).await.unwrap();
}

#[tokio::test]
async fn a_schedule_goes_on_after_a_restart_also_when_a_turn_times_out_meanwhile() {
    let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
    let stage = Stage::on(Arc::new(clock.clone())).await;
    let door = stage.engine.door();
    let request = StartWorkflowExecutionRequest {
        cron_schedule: "@every 1m".to_owned(),
        workflow_run_timeout: Some(Duration::from_secs(90).try_into().unwrap()),
        ..start("w")
    };
    started(&door, &request).await.unwrap();
    clock.advance(Duration::from_secs(60));
    let turn = poll(&door).await;
    assert_eq!(
        birth(&turn).initiator(),
        ContinueAsNewInitiator::CronSchedule
    );

    let stage = reopened(stage, &clock).await;
    let door = stage.engine.door();
    // The turn ran out of time at 150 s; the next one was due at 180 s.
    clock.advance(Duration::from_secs(90));
    let polling = tokio::spawn({
        let door = door.clone();
        async move {
            loop {
                let task = poll(&door).await;
                if !birth(&task).continued_execution_run_id.is_empty() {
                    return task;
                }
            }
        }
    });
    let told = loop {
        clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(5)).await;
        if polling.is_finished() {
            break polling.await.unwrap();
        }
    };
    let birth = birth(&told);
    assert_eq!(birth.continued_failure.unwrap().message, "workflow timeout");
    assert_eq!(birth.attempt, 1);
}
