//! Schedules through the door: each RPC, over restarts, and SIGKILL while workflows are started.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, SystemClock, Timestamp};
use engine::Door;
use temporalio_client::tonic::{Code, Status};
use temporalio_common::protos::temporal::api::command::v1::CompleteWorkflowExecutionCommandAttributes;
use temporalio_common::protos::temporal::api::common::v1::{
    Memo, Payload, Payloads, SearchAttributes, WorkflowType,
};
use temporalio_common::protos::temporal::api::enums::v1::{
    ScheduleOverlapPolicy as Overlap, WorkflowExecutionStatus,
};
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_common::protos::temporal::api::schedule::v1::{
    Schedule, ScheduleAction, SchedulePatch, SchedulePolicies, ScheduleSpec,
    TriggerImmediatelyRequest, schedule_action::Action,
};
use temporalio_common::protos::temporal::api::workflow::v1::NewWorkflowExecutionInfo;
use temporalio_common::protos::temporal::api::workflowservice::v1::*;

use crate::raw::{NAMESPACE, complete, poll, queue};
use crate::stage::{Stage, call, code, history, open, until};

const START: i64 = 1_800_000_000;

pub(crate) fn schedule(line: &str, overlap: Overlap) -> Schedule {
    let workflow = NewWorkflowExecutionInfo {
        workflow_id: "w".to_owned(),
        workflow_type: Some(WorkflowType {
            name: "flow".to_owned(),
        }),
        task_queue: queue(),
        ..Default::default()
    };
    Schedule {
        spec: Some(ScheduleSpec {
            cron_string: vec![line.to_owned()],
            ..Default::default()
        }),
        action: Some(ScheduleAction {
            action: Some(Action::StartWorkflow(workflow)),
        }),
        policies: Some(SchedulePolicies {
            overlap_policy: overlap.into(),
            ..Default::default()
        }),
        state: None,
    }
}

fn text(value: &str) -> Payload {
    Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: format!("{value:?}").into_bytes(),
        ..Default::default()
    }
}

pub(crate) async fn create(
    door: &Door,
    id: &str,
    schedule: Schedule,
) -> Result<CreateScheduleResponse, Status> {
    let request = CreateScheduleRequest {
        namespace: NAMESPACE.to_owned(),
        schedule_id: id.to_owned(),
        schedule: Some(schedule),
        request_id: format!("create {id}"),
        memo: Some(Memo {
            fields: [("why".to_owned(), text("because"))].into(),
        }),
        search_attributes: Some(SearchAttributes {
            indexed_fields: [("Customer".to_owned(), text(id))].into(),
        }),
        ..Default::default()
    };
    call(door, "CreateSchedule", &request).await
}

async fn described(door: &Door, id: &str) -> Result<DescribeScheduleResponse, Status> {
    let request = DescribeScheduleRequest {
        namespace: NAMESPACE.to_owned(),
        schedule_id: id.to_owned(),
    };
    call(door, "DescribeSchedule", &request).await
}

async fn patch(door: &Door, id: &str, patch: SchedulePatch) -> Result<(), Status> {
    let request = PatchScheduleRequest {
        namespace: NAMESPACE.to_owned(),
        schedule_id: id.to_owned(),
        patch: Some(patch),
        request_id: "patch".to_owned(),
        ..Default::default()
    };
    let _: PatchScheduleResponse = call(door, "PatchSchedule", &request).await?;
    Ok(())
}

async fn listed(door: &Door, query: &str) -> Vec<String> {
    let mut request = ListSchedulesRequest {
        namespace: NAMESPACE.to_owned(),
        query: query.to_owned(),
        maximum_page_size: 2,
        ..Default::default()
    };
    let mut ids = Vec::new();
    loop {
        let page: ListSchedulesResponse = call(door, "ListSchedules", &request).await.unwrap();
        ids.extend(page.schedules.into_iter().map(|entry| entry.schedule_id));
        if page.next_page_token.is_empty() {
            return ids;
        }
        request.next_page_token = page.next_page_token;
    }
}

async fn stage() -> (Stage, ManualClock) {
    let clock = ManualClock::at(Timestamp::from_seconds(START));
    (Stage::on(Arc::new(clock.clone())).await, clock)
}

fn with_result(data: &str) -> CompleteWorkflowExecutionCommandAttributes {
    CompleteWorkflowExecutionCommandAttributes {
        result: Some(Payloads {
            payloads: vec![text(data)],
        }),
    }
}

#[tokio::test]
async fn what_is_due_is_started_and_its_result_is_handed_on() {
    let (stage, clock) = stage().await;
    let door = stage.engine.door();
    create(&door, "s", schedule("*/10 * * * *", Overlap::BufferOne))
        .await
        .unwrap();
    let next = described(&door, "s").await.unwrap().info.unwrap();
    assert_eq!(next.future_action_times.len(), 10);
    assert_eq!(next.future_action_times[0].seconds, START + 600);
    clock.advance(Duration::from_secs(600));
    let first = poll(&door).await;
    let execution = first.workflow_execution.unwrap();
    assert_eq!(execution.workflow_id, "w-2027-01-15T08:10:00Z");
    let started = history(&door, &execution.workflow_id).await.remove(0);
    let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) = started.attributes
    else {
        panic!("{started:?}");
    };
    let marks = started.search_attributes.unwrap().indexed_fields;
    assert_eq!(marks["TemporalScheduledById"].data, b"\"s\"");
    let at = &marks["TemporalScheduledStartTime"].data;
    assert_eq!(at, b"\"2027-01-15T08:10:00Z\"");
    // The next one waits until this one ended.
    clock.advance(Duration::from_secs(600));
    until("the next start waits", || async {
        described(&door, "s")
            .await
            .unwrap()
            .info
            .unwrap()
            .buffer_size
            == 1
    })
    .await;
    // Its worker was silent for ten minutes: the task is handed out again.
    let first = poll(&door).await;
    complete(&door, first.task_token, with_result("ten"))
        .await
        .unwrap();
    let second = poll(&door).await;
    let started = second.history.unwrap().events.remove(0);
    let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) = started.attributes
    else {
        panic!("{started:?}");
    };
    let handed_on = started.last_completion_result.unwrap();
    assert_eq!(handed_on.payloads[0].data, b"\"ten\"");
    let info = described(&door, "s").await.unwrap().info.unwrap();
    assert_eq!(info.action_count, 2);
    assert_eq!(info.running_workflows.len(), 1);
    let statuses: Vec<_> = info
        .recent_actions
        .iter()
        .map(|action| action.start_workflow_status())
        .collect();
    assert_eq!(
        statuses,
        [
            WorkflowExecutionStatus::Completed,
            WorkflowExecutionStatus::Running
        ]
    );
}

#[tokio::test]
async fn a_schedule_survives_a_restart_and_every_change_to_it() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    let yearly = || schedule("0 0 1 1 * # new year", Overlap::Unspecified);
    create(&door, "s", yearly()).await.unwrap();
    create(&door, "t", yearly()).await.unwrap();
    create(&door, "u", yearly()).await.unwrap();
    let pause = SchedulePatch {
        pause: "for now".to_owned(),
        ..Default::default()
    };
    patch(&door, "t", pause).await.unwrap();
    let before = described(&door, "t").await.unwrap();
    let stage = stage.restarted().await;
    let door = stage.engine.door();
    let after = described(&door, "t").await.unwrap();
    assert_eq!(after, before);
    let state = after.schedule.unwrap().state.unwrap();
    assert!(state.paused);
    assert_eq!(state.notes, "for now");
    assert_eq!(after.memo.unwrap().fields["why"], text("because"));
    assert_eq!(after.conflict_token, 2_i64.to_be_bytes());
    assert_eq!(listed(&door, "").await, ["u", "t", "s"]);
    assert_eq!(listed(&door, "TemporalSchedulePaused = true").await, ["t"]);
    assert_eq!(
        listed(&door, "Customer = 's' OR ScheduleId = 'u'").await,
        ["u", "s"]
    );

    let update = |token: Vec<u8>| UpdateScheduleRequest {
        namespace: NAMESPACE.to_owned(),
        schedule_id: "t".to_owned(),
        schedule: Some(schedule("@every 1h", Overlap::AllowAll)),
        conflict_token: token,
        ..Default::default()
    };
    let overlap = async || {
        let found = described(&door, "t").await.unwrap().schedule.unwrap();
        found.policies.unwrap().overlap_policy()
    };
    let stale = update(1_i64.to_be_bytes().to_vec());
    let _: UpdateScheduleResponse = call(&door, "UpdateSchedule", &stale).await.unwrap();
    assert_eq!(overlap().await, Overlap::Skip);
    let fresh = update(after.conflict_token);
    let _: UpdateScheduleResponse = call(&door, "UpdateSchedule", &fresh).await.unwrap();
    assert_eq!(overlap().await, Overlap::AllowAll);

    let times = ListScheduleMatchingTimesRequest {
        namespace: NAMESPACE.to_owned(),
        schedule_id: "s".to_owned(),
        start_time: Some(seconds(START)),
        end_time: Some(seconds(START + 3 * 366 * 86_400)),
    };
    let times: ListScheduleMatchingTimesResponse = call(&door, "ListScheduleMatchingTimes", &times)
        .await
        .unwrap();
    let years = [1_830_297_600, 1_861_920_000, 1_893_456_000];
    assert_eq!(times.start_time, years.map(seconds));

    let delete = DeleteScheduleRequest {
        namespace: NAMESPACE.to_owned(),
        schedule_id: "s".to_owned(),
        ..Default::default()
    };
    let _: DeleteScheduleResponse = call(&door, "DeleteSchedule", &delete).await.unwrap();
    let stage = stage.restarted().await;
    let door = stage.engine.door();
    assert_eq!(code(described(&door, "s").await), Code::NotFound);
    let again: Result<DeleteScheduleResponse, _> = call(&door, "DeleteSchedule", &delete).await;
    assert_eq!(code(again), Code::NotFound);
    let count = CountSchedulesRequest {
        namespace: NAMESPACE.to_owned(),
        ..Default::default()
    };
    let count: CountSchedulesResponse = call(&door, "CountSchedules", &count).await.unwrap();
    assert_eq!(count.count, 2);
}

fn seconds(seconds: i64) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds, nanos: 0 }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_a_repetition_is_answered() {
    let (stage, _clock) = stage().await;
    let door = stage.engine.door();
    let bad = create(&door, "s", schedule("61 * * * *", Overlap::Skip)).await;
    let bad = bad.unwrap_err();
    assert_eq!(bad.code(), Code::InvalidArgument);
    assert_eq!(
        bad.message(),
        "Invalid schedule spec: Minute is not in range [0-59]"
    );
    assert_eq!(code(described(&door, "s").await), Code::NotFound);
    let hourly = || schedule("@hourly", Overlap::Skip);
    create(&door, "s", hourly()).await.unwrap();
    // The same request: the same answer. Another one: taken.
    create(&door, "s", hourly()).await.unwrap();
    let another = CreateScheduleRequest {
        namespace: NAMESPACE.to_owned(),
        schedule_id: "s".to_owned(),
        request_id: "another".to_owned(),
        ..Default::default()
    };
    let taken: Result<CreateScheduleResponse, _> = call(&door, "CreateSchedule", &another).await;
    assert_eq!(code(taken), Code::AlreadyExists);
    let trigger = || SchedulePatch {
        trigger_immediately: Some(TriggerImmediatelyRequest::default()),
        ..Default::default()
    };
    patch(&door, "s", trigger()).await.unwrap();
    patch(&door, "s", trigger()).await.unwrap();
    let info = described(&door, "s").await.unwrap().info.unwrap();
    assert_eq!((info.action_count, info.overlap_skipped), (1, 0));
    let long = SchedulePatch {
        pause: "x".repeat(1_001),
        ..Default::default()
    };
    assert_eq!(code(patch(&door, "s", long).await), Code::InvalidArgument);
    let missing = patch(&door, "nobody", trigger()).await;
    assert_eq!(code(missing), Code::NotFound);
}

const STORE: &str = "ENGINE_TEST_SCHEDULES_STORE";

/// Not a test of its own: what the killed process does.
#[test]
fn child() {
    let Some(path) = std::env::var_os(STORE) else {
        return;
    };
    let tokio = tokio::runtime::Runtime::new().unwrap();
    tokio.block_on(async {
        let engine = open(Path::new(&path), SystemClock::shared()).await;
        let door = engine.door();
        create(&door, "s", schedule("@every 1s", Overlap::AllowAll))
            .await
            .unwrap();
        let mut told = 0;
        loop {
            let info = described(&door, "s").await.unwrap().info.unwrap();
            if info.action_count > told {
                told = info.action_count;
                println!("STARTED {told}");
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_starts_each_workflow_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.db");
    for started in 1..=4 {
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args(["schedules::child", "--exact", "--nocapture"])
            .env(STORE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let starts = lines
            .map_while(Result::ok)
            .filter(|line| line.contains("STARTED"));
        let seen = starts.take(started).count();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(seen, started);
    }
    let engine = open(&path, SystemClock::shared()).await;
    let door = engine.door();
    let pause = SchedulePatch {
        pause: "enough".to_owned(),
        ..Default::default()
    };
    patch(&door, "s", pause).await.unwrap();
    let info = described(&door, "s").await.unwrap().info.unwrap();
    let list = ListWorkflowExecutionsRequest {
        namespace: NAMESPACE.to_owned(),
        query: "TemporalScheduledById = 's'".to_owned(),
        ..Default::default()
    };
    let list: ListWorkflowExecutionsResponse =
        call(&door, "ListWorkflowExecutions", &list).await.unwrap();
    let runs = list.executions.len();
    let ids: BTreeSet<String> = list
        .executions
        .into_iter()
        .map(|run| run.execution.unwrap().workflow_id)
        .collect();
    assert_eq!(ids.len(), runs, "a moment was started twice");
    assert_eq!(info.action_count, i64::try_from(runs).unwrap());
    assert!(runs >= 4);
}
