//! What a run takes on disk, and what it costs to look at it: neither grows with what nobody needs
//! any more.

use temporalio_client::tonic::Code;
use temporalio_common::protos::temporal::api::common::v1::{Payload, Payloads};
use temporalio_common::protos::temporal::api::enums::v1::ScheduleOverlapPolicy;
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;
use temporalio_common::protos::temporal::api::workflowservice::v1::*;

use crate::raw::{NAMESPACE, complete, finish, poll, poll_activity, schedule, start, started};
use crate::schedules;
use crate::stage::{Stage, call, code, describe, execution};

fn details(step: u32) -> Option<Payloads> {
    let payload = Payload {
        data: step.to_be_bytes().to_vec(),
        ..Default::default()
    };
    Some(Payloads {
        payloads: vec![payload],
    })
}

async fn signal(stage: &Stage) {
    let request = SignalWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_execution: execution("w"),
        signal_name: "s".to_owned(),
        ..Default::default()
    };
    let _: SignalWorkflowExecutionResponse =
        call(&stage.engine.door(), "SignalWorkflowExecution", &request)
            .await
            .unwrap();
}

fn records(stage: &Stage) -> i64 {
    let db = rusqlite::Connection::open(stage.path()).unwrap();
    db.query_row("SELECT count(*) FROM records", [], |row| row.get(0))
        .unwrap()
}

/// Of all that two activities say about how far they are, the last words are kept, also over
/// restarts, and also when something else happens to the run in between.
#[tokio::test(flavor = "multi_thread")]
async fn signs_of_life_with_details_take_the_place_of_those_before() {
    let mut stage = Stage::new().await;
    let door = stage.engine.door();
    started(&door, &start("w")).await.unwrap();
    let mut tokens = Vec::new();
    for activity_id in ["a", "b"] {
        let mut asked = schedule();
        asked.activity_id = activity_id.to_owned();
        // Durable from its start on, so that its worker can go on after a restart.
        asked.retry_policy.get_or_insert_default().maximum_attempts = 1;
        if activity_id == "b" {
            signal(&stage).await;
        }
        let token = poll(&door).await.task_token;
        complete(&door, token, asked).await.unwrap();
        tokens.push(poll_activity(&door).await.task_token);
    }
    let before = records(&stage);
    for round in 0..3 {
        for step in 0..40 {
            for token in &tokens {
                let beat = RecordActivityTaskHeartbeatRequest {
                    namespace: NAMESPACE.to_owned(),
                    task_token: token.clone(),
                    details: details(round * 100 + step),
                    ..Default::default()
                };
                let door = stage.engine.door();
                let _: RecordActivityTaskHeartbeatResponse =
                    call(&door, "RecordActivityTaskHeartbeat", &beat)
                        .await
                        .unwrap();
            }
        }
        match round {
            0 => signal(&stage).await,
            _ => stage = stage.restarted().await,
        }
        let described = describe(&stage.engine.door(), "w").await.unwrap();
        for activity in described.pending_activities {
            assert_eq!(activity.heartbeat_details, details(round * 100 + 39));
        }
    }
    // Two before the signal, the signal, two after it.
    let written = records(&stage) - before;
    assert!(written <= 5, "{written} records");
}

async fn page(
    stage: &Stage,
    size: i32,
    token: Vec<u8>,
) -> Result<(Vec<HistoryEvent>, Vec<u8>), temporalio_client::tonic::Status> {
    let request = GetWorkflowExecutionHistoryRequest {
        namespace: NAMESPACE.to_owned(),
        execution: execution("w"),
        maximum_page_size: size,
        next_page_token: token,
        ..Default::default()
    };
    let page: GetWorkflowExecutionHistoryResponse = call(
        &stage.engine.door(),
        "GetWorkflowExecutionHistory",
        &request,
    )
    .await?;
    let events = page.history.unwrap_or_default().events;
    Ok((events, page.next_page_token))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_closed_history_reads_what_is_on_it_and_no_more() {
    let stage = Stage::new().await;
    started(&stage.engine.door(), &start("w")).await.unwrap();
    for _ in 0..7 {
        signal(&stage).await;
    }
    let door = stage.engine.door();
    let token = poll(&door).await.task_token;
    complete(&door, token, finish()).await.unwrap();
    let (whole, _) = page(&stage, 0, Vec::new()).await.unwrap();
    let stage = stage.restarted().await;
    // Whatever the size of a page, also where records have several events and pages end in them.
    for size in [0, 1, 2, 3, 5] {
        let (mut events, mut token) = (Vec::new(), Vec::new());
        loop {
            let (more, next) = page(&stage, size, token).await.unwrap();
            assert!(!more.is_empty());
            events.extend(more);
            token = next;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(events, whole, "pages of {size}");
    }

    // Nobody reads the beginning again for what follows, so nobody notices that it is gone.
    let (_, token) = page(&stage, 3, Vec::new()).await.unwrap();
    let db = rusqlite::Connection::open(stage.path()).unwrap();
    let deleted = db.execute("DELETE FROM records WHERE number = 0", []);
    assert_eq!(deleted.unwrap(), 1);
    let (rest, _) = page(&stage, 100, token).await.unwrap();
    assert_eq!(rest, whole[3..]);
    assert_eq!(code(page(&stage, 3, Vec::new()).await), Code::DataLoss);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_moments_of_a_schedule_are_told_up_to_a_bound() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    let every_minute = schedules::schedule("* * * * *", ScheduleOverlapPolicy::Skip);
    schedules::create(&door, "s", every_minute).await.unwrap();
    let at = |seconds| {
        Some(prost_types::Timestamp {
            seconds,
            ..Default::default()
        })
    };
    let asked = ListScheduleMatchingTimesRequest {
        namespace: NAMESPACE.to_owned(),
        schedule_id: "s".to_owned(),
        start_time: at(0),
        end_time: at(4_000_000_000),
    };
    let told: ListScheduleMatchingTimesResponse = call(&door, "ListScheduleMatchingTimes", &asked)
        .await
        .unwrap();
    assert_eq!(told.start_time.len(), 1_000);
}
