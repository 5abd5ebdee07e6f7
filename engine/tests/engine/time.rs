//! With a clock that moves when told, a month passes in milliseconds.

use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, Timestamp};
use temporalio_client::WorkflowStartOptions;

use crate::stage::{QUEUE, Stage, history, until, work};
use crate::workflows::{Acts, Sleeper};

#[tokio::test(flavor = "multi_thread")]
async fn a_thirty_day_timer_fires_when_the_month_is_over() {
    let month = Duration::from_secs(30 * 86_400);
    let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
    let stage = Stage::on(Arc::new(clock.clone())).await;
    let client = stage.client().await;
    let _worker = work(client.clone(), Acts::default());
    let options = WorkflowStartOptions::new(QUEUE, "w").build();
    let millis = u64::try_from(month.as_millis()).unwrap();
    let handle = client
        .start_workflow(Sleeper::run, millis, options)
        .await
        .unwrap();
    let door = stage.engine.door();
    until("the timer runs", || async {
        history(&door, "w").await.len() == 5
    })
    .await;
    clock.advance(month);
    let result = handle.get_result(Default::default()).await.unwrap();
    assert_eq!(result, "awake");
}
