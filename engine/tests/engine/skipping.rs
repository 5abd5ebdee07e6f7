//! Time that jumps: what takes months is over at once, what really runs takes its time.

use std::time::Duration;

use ambient::Timestamp;
use engine::testing::TestEngine;
use temporalio_client::tonic::{Code, IntoRequest};
use temporalio_client::{Connection, ConnectionOptions};
use temporalio_client::{WorkflowSignalOptions, WorkflowStartOptions};
use temporalio_common::protos::temporal::api::command::v1::StartTimerCommandAttributes;
use temporalio_common::protos::temporal::api::testservice::v1::{
    LockTimeSkippingRequest, SleepRequest, SleepUntilRequest, UnlockTimeSkippingRequest,
};
use temporalio_common::protos::temporal::api::workflowservice::v1::*;
use tokio::net::TcpListener;

use crate::raw::{self, NAMESPACE, complete, finish, poll_activity, schedule, started};
use crate::stage::{QUEUE, Stage, call, client, describe, history, shape, work};
use crate::workflows::{Acts, Counter, Retried, Sleeper, Three};

const DAY: Duration = Duration::from_secs(86_400);

async fn test_engine() -> (tempfile::TempDir, TestEngine) {
    let dir = tempfile::tempdir().unwrap();
    let test = TestEngine::open(dir.path().join("engine.db"))
        .await
        .unwrap();
    (dir, test)
}

/// A poll that goes on: time that jumps ends polls as time that passes does.
async fn poll(test: &TestEngine) -> PollWorkflowTaskQueueResponse {
    loop {
        let task = raw::poll(&test.door()).await;
        if !task.task_token.is_empty() {
            return task;
        }
    }
}

async fn sleeps(test: &TestEngine, workflow_id: &str, wait: Duration) {
    let door = test.door();
    started(&door, &raw::start(workflow_id)).await.unwrap();
    let timer = StartTimerCommandAttributes {
        timer_id: "t".to_owned(),
        start_to_fire_timeout: Some(wait.try_into().unwrap()),
    };
    let task = poll(test).await;
    complete(&door, task.task_token, timer).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_sleeps_for_a_month_is_over_at_once() {
    let (_dir, test) = test_engine().await;
    let begun = test.now();
    let client = client(&test.door()).await;
    let _worker = work(client.clone(), Acts::default());
    let month = u64::try_from((30 * DAY).as_millis()).unwrap();
    let options = WorkflowStartOptions::new(QUEUE, "w").build();
    let handle = client
        .start_workflow(Sleeper::run, month, options)
        .await
        .unwrap();
    let result = handle.get_result(Default::default()).await.unwrap();
    assert_eq!(result, "awake");
    let events = history(&test.door(), "w").await;
    let at = |id: usize| Timestamp::from_seconds(events[id].event_time.unwrap().seconds);
    // Started, slept, fired: history tells a month.
    let slept = at(5).since(at(4));
    assert!(
        (30 * DAY..30 * DAY + Duration::from_secs(60)).contains(&slept),
        "{slept:?}"
    );
    assert!(test.now().since(begun) < 31 * DAY);

    // Back-offs between attempts are waited for likewise, attempts are not.
    let options = WorkflowStartOptions::new(QUEUE, "r").build();
    let handle = client
        .start_workflow(Retried::run, 2, options)
        .await
        .unwrap();
    assert_eq!(handle.get_result(Default::default()).await.unwrap(), 3);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_waits_for_whatever_runs() {
    let (_dir, test) = test_engine().await;
    let door = test.door();
    let begun = test.now();
    // Held until the second workflow is on its way: between the two nothing would run.
    let held = test.hold();
    sleeps(&test, "sleeper", 30 * DAY).await;
    started(&door, &raw::start("worker")).await.unwrap();
    let task = poll(&test).await;
    complete(&door, task.task_token, schedule()).await.unwrap();
    drop(held);

    let mut later = Box::pin(test.sleep(DAY));
    // Offered, taken, running: through all of it, and through whatever else is asked.
    for _ in 0..10 {
        describe(&door, "sleeper").await.unwrap();
        assert!(futures::poll!(&mut later).is_pending());
    }
    let activity = poll_activity(&door).await;
    for _ in 0..10 {
        describe(&door, "sleeper").await.unwrap();
        assert!(futures::poll!(&mut later).is_pending());
    }
    assert!(test.now().since(begun) < DAY);
    let done = RespondActivityTaskCompletedRequest {
        namespace: NAMESPACE.to_owned(),
        task_token: activity.task_token,
        ..Default::default()
    };
    let _: RespondActivityTaskCompletedResponse =
        call(&door, "RespondActivityTaskCompleted", &done)
            .await
            .unwrap();
    assert!(futures::poll!(&mut later).is_pending());
    let task = poll(&test).await;
    complete(&door, task.task_token, finish()).await.unwrap();
    // Nothing runs any more: the day is over, and the month of the other not yet.
    later.await;
    let slept = test.now().since(begun);
    assert!(
        (DAY..2 * DAY).contains(&slept) || slept >= 30 * DAY,
        "{slept:?}"
    );
    let task = poll(&test).await;
    assert!(test.now().since(begun) >= 30 * DAY);
    complete(&door, task.task_token, finish()).await.unwrap();
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_jump_ever_strikes_what_is_under_way() {
    let (_dir, test) = test_engine().await;
    let client = client(&test.door()).await;
    let _worker = work(client.clone(), Acts::default());
    let mut handles = Vec::new();
    // While some work, others sleep: every jump has something to strike if it comes too soon.
    for day in 1..=20_u64 {
        let named = |kind: &str| WorkflowStartOptions::new(QUEUE, format!("{kind}-{day}")).build();
        let millis = day * 86_400_000;
        let sleeper = client.start_workflow(Sleeper::run, millis, named("sleeper"));
        handles.push(sleeper.await.unwrap());
        client
            .start_workflow(Three::run, day.to_string(), named("three"))
            .await
            .unwrap();
    }
    for handle in handles {
        handle.get_result(Default::default()).await.unwrap();
    }
    for day in 1..=20 {
        for kind in ["sleeper", "three"] {
            let told = shape(&history(&test.door(), &format!("{kind}-{day}")).await);
            assert!(!told.contains("TimedOut"), "{kind}-{day}\n{told}");
        }
    }
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_talks_to_a_workflow_holds_time() {
    let (_dir, test) = test_engine().await;
    let begun = test.now();
    let held = test.hold();
    let client = client(&test.door()).await;
    let _worker = work(client.clone(), Acts::default());
    let month = u64::try_from((30 * DAY).as_millis()).unwrap();
    let named = |id: &str| WorkflowStartOptions::new(QUEUE, id).build();
    let sleeper = client
        .start_workflow(Sleeper::run, month, named("sleeper"))
        .await
        .unwrap();
    let counter = client
        .start_workflow(Counter::run, 1, named("counter"))
        .await
        .unwrap();
    counter
        .signal(Counter::add, 1, WorkflowSignalOptions::default())
        .await
        .unwrap();
    assert_eq!(counter.get_result(Default::default()).await.unwrap(), 1);
    test.sleep(Duration::from_millis(20)).await;
    assert!(test.now().since(begun) < DAY);
    drop(held);
    sleeper.get_result(Default::default()).await.unwrap();
    assert!(test.now().since(begun) >= 30 * DAY);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_the_time_and_what_waits_for_it() {
    let (_dir, test) = test_engine().await;
    let held = test.hold();
    let begun = test.now();
    sleeps(&test, "w", 30 * DAY).await;
    let mut sleeping = Box::pin(test.sleep(10 * DAY));
    assert!(futures::poll!(&mut sleeping).is_pending());
    drop(held);
    sleeping.await;
    let test = test.reopened().await.unwrap();
    assert!(test.now().since(begun) >= 10 * DAY);
    let task = poll(&test).await;
    let slept = test.now().since(begun);
    assert!((30 * DAY..31 * DAY).contains(&slept), "{slept:?}");
    complete(&test.door(), task.task_token, finish())
        .await
        .unwrap();
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_over_tcp_holds_time_and_lets_it_go() {
    let (_dir, test) = test_engine().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let story = async {
        let target = format!("http://{address}").parse::<url::Url>().unwrap();
        let options = ConnectionOptions::new(target)
            .dns_load_balancing(None)
            .build();
        let connection = Connection::connect(options).await.unwrap();
        let mut service = connection.test_service();
        let now = async || {
            let mut service = connection.test_service();
            let answer = service.get_current_time(().into_request()).await.unwrap();
            Timestamp::from_seconds(answer.into_inner().time.unwrap().seconds)
        };
        let begun = now().await;
        let day = || SleepRequest {
            duration: Some(DAY.try_into().unwrap()),
        };
        service.sleep(day().into_request()).await.unwrap();
        assert!(now().await.since(begun) >= DAY);
        let unlock = || UnlockTimeSkippingRequest {}.into_request();
        let unbalanced = service.unlock_time_skipping(unlock()).await.unwrap_err();
        assert_eq!(unbalanced.code(), Code::FailedPrecondition);
        let lock = LockTimeSkippingRequest {}.into_request();
        service.lock_time_skipping(lock).await.unwrap();
        service
            .unlock_time_skipping_with_sleep(day().into_request())
            .await
            .unwrap();
        let third = SleepUntilRequest {
            timestamp: Some(prost_types::Timestamp {
                seconds: begun.after(3 * DAY).split().0,
                nanos: 0,
            }),
        };
        service.unlock_time_skipping(unlock()).await.unwrap();
        service.sleep_until(third.into_request()).await.unwrap();
        assert!(now().await.since(begun) >= 3 * DAY);
    };
    tokio::select! {
        served = test.engine().serve(listener, std::future::pending()) => served.unwrap(),
        () = story => {}
    }
    test.close().await;

    // Nobody bends the time of an engine that is not for tests.
    let stage = Stage::new().await;
    let door = stage.engine.door();
    let service = "temporal.api.testservice.v1.TestService";
    let refused = door.call(
        service,
        "LockTimeSkipping",
        Default::default(),
        Default::default(),
    );
    assert_eq!(refused.await.unwrap_err().code(), Code::Unimplemented);
}
