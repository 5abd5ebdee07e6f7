//! The same scenarios on a real Temporal server, event by event and field by field. Run by hand:
//! `ENGINE_COMPARE_WITH=127.0.0.1:7233 cargo test -p engine compare -- --ignored`.

use temporalio_client::{Client, WorkflowSignalOptions, WorkflowStartOptions};
use temporalio_common::protos::temporal::api::enums::v1::TaskQueueKind;
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;

use crate::stage::{QUEUE, Stage, client_over_tcp, shape, until, work};
use crate::workflows::{
    Acts, Countdown, Counter, Fainting, Noted, Once, Patient, Retried, Sleeper, Three,
};

async fn scenarios(client: Client, tag: &str) -> Vec<(String, Vec<HistoryEvent>)> {
    let acts = Acts::default();
    let _worker = work(client.clone(), acts.clone());
    let named = |id: &str| WorkflowStartOptions::new(QUEUE, format!("{id}-{tag}")).build();
    let mut seen = Vec::new();
    macro_rules! play {
        ($name:literal, $run:expr, $input:expr, |$handle:ident| $then:expr) => {
            let $handle = client
                .start_workflow($run, $input, named($name))
                .await
                .unwrap();
            let () = $then;
            let _result = $handle.get_result(Default::default()).await;
            let events = $handle
                .fetch_history(Default::default())
                .into_events()
                .await
                .unwrap();
            seen.push(($name.to_owned(), events));
        };
    }
    play!("three", Three::run, "t".to_owned(), |_handle| ());
    play!("retried", Retried::run, 2, |_handle| ());
    play!("exhausted", Retried::run, 9, |_handle| ());
    play!("sleeper", Sleeper::run, 100, |_handle| ());
    play!("counter", Counter::run, 1, |handle| {
        let query = || handle.query(Counter::count, (), Default::default());
        until("the workflow waits", || async { query().await.is_ok() }).await;
        let options = WorkflowSignalOptions::default();
        handle.signal(Counter::add, 1, options).await.unwrap();
    });
    play!("patient", Patient::run, (), |handle| {
        until("the activity runs", || async {
            acts.said().contains(&"endless".to_owned())
        })
        .await;
        handle.cancel(Default::default()).await.unwrap();
    });
    play!("terminated", Counter::run, 5, |handle| {
        let query = || handle.query(Counter::count, (), Default::default());
        until("the workflow waits", || async { query().await.is_ok() }).await;
        handle.terminate(Default::default()).await.unwrap();
    });
    play!("countdown", Countdown::run, 1, |_handle| ());
    let last = client.get_workflow_handle::<Countdown>(format!("countdown-{tag}"));
    let events = last.fetch_history(Default::default()).into_events().await;
    seen.push(("lift-off".to_owned(), events.unwrap()));
    play!("noted", Noted::run, false, |_handle| ());
    play!("fainting", Fainting::run, (), |_handle| ());
    play!("once", Once::run, "once".to_owned(), |_handle| ());
    seen
}

/// The event without what differs between any two runs: times, ids, sizes, sticky queue names.
#[allow(deprecated)]
fn plain(mut event: HistoryEvent) -> HistoryEvent {
    event.event_time = None;
    event.task_id = 0;
    match event.attributes.as_mut().unwrap() {
        Attributes::WorkflowExecutionStartedEventAttributes(a) => {
            a.original_execution_run_id.clear();
            a.first_execution_run_id.clear();
            if !a.continued_execution_run_id.is_empty() {
                // The reference lets runs follow each other once a second at most; and reset,
                // whose points these are, is not built here yet.
                a.first_workflow_task_backoff = None;
                a.prev_auto_reset_points = None;
                a.priority = None;
            }
            a.continued_execution_run_id.clear();
        }
        Attributes::WorkflowExecutionContinuedAsNewEventAttributes(a) => {
            a.new_execution_run_id.clear();
        }
        Attributes::WorkflowTaskScheduledEventAttributes(a) => {
            let queue = a.task_queue.as_mut().unwrap();
            if queue.kind() == TaskQueueKind::Sticky {
                queue.name.clear();
            }
        }
        Attributes::WorkflowTaskStartedEventAttributes(a) => {
            a.request_id.clear();
            a.history_size_bytes = 0;
        }
        Attributes::WorkflowTaskCompletedEventAttributes(a) => {
            if let Some(metadata) = &mut a.sdk_metadata {
                metadata.core_used_flags.sort_unstable();
            }
        }
        Attributes::MarkerRecordedEventAttributes(a) => {
            // The worker's own notes, with its clock in them.
            a.details.remove("data");
        }
        Attributes::ActivityTaskStartedEventAttributes(a) => {
            a.request_id.clear();
            // Ours names the worker's build also when the attempt then timed out.
            a.worker_version = None;
        }
        _ => {}
    }
    event
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Temporal server: ENGINE_COMPARE_WITH=host:port"]
async fn histories_have_the_shape_the_reference_server_gives_them() {
    let address = std::env::var("ENGINE_COMPARE_WITH").unwrap();
    let stage = Stage::new().await;
    let tag = std::process::id().to_string();
    let ours = scenarios(stage.client().await, &tag).await;
    let theirs = scenarios(client_over_tcp(&address).await, &tag).await;
    for ((name, ours), (_, theirs)) in ours.into_iter().zip(theirs) {
        assert_eq!(shape(&ours), shape(&theirs), "{name}");
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            assert_eq!(plain(ours), plain(theirs), "{name}");
        }
    }
}
