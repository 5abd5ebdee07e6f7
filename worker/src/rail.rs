//! The workers of one rail: one for what moves money on it, one for questions to it.
//!
//! The first polls only while the rail's gate stands open. A paused rail has no poll at all: what
//! waits on its queue waits there, durably, without an event and without a try, however long and
//! however much it is. When the gate opens the worker is there again with as many seats as the
//! rail takes then.

use std::sync::Arc;

use activities::Bank;
use domain::rail::{Capacity, RailId};
use rails::{Gate, Standing};
use temporal::Client;
use temporalio_sdk::runtime::PollerBehavior;
use temporalio_sdk::runtime::worker_tuner::{FixedSizeSlotSupplier, TunerHolder};
use temporalio_sdk::{Runtime, WorkerOptions};
use tokio_util::sync::CancellationToken;

use crate::{WorkerError, sdk};

/// A handful of polls keeps a queue flowing, and an idle rail costs no more than that.
const POLLS: usize = 4;

/// Questions under way at the same time, as a part of what the rail takes.
const FOR_QUESTIONS: u32 = 4;

pub(crate) async fn payments(
    runtime: &Runtime,
    client: Client,
    bank: Bank,
    rail: RailId,
    stop: CancellationToken,
) -> Result<(), WorkerError> {
    let gate = bank.gate(rail);
    while !stop.is_cancelled() {
        match gate.standing() {
            Standing::Shut => other_than(&gate, Standing::Shut, &stop).await,
            standing @ Standing::Open { seats } => {
                let shift = stop.child_token();
                let mut options = options(workflows::rail_queue(rail), seats, rail.capacity());
                options.register_activities(bank.clone());
                let work = async {
                    let ended = sdk::run(runtime, client.clone(), options, shift.clone()).await;
                    shift.cancel();
                    ended
                };
                let watch = async {
                    other_than(&gate, standing, &shift).await;
                    shift.cancel();
                };
                let (ended, ()) = tokio::join!(work, watch);
                ended?;
            }
        }
    }
    Ok(())
}

async fn other_than(gate: &Arc<Gate>, standing: Standing, stop: &CancellationToken) {
    tokio::select! {
        _ = gate.other_than(standing) => {}
        () = stop.cancelled() => {}
    }
}

/// Neither a pause nor an outage holds questions up: they move nothing, and end doubts.
pub(crate) async fn questions(
    runtime: &Runtime,
    client: Client,
    bank: Bank,
    rail: RailId,
    stop: CancellationToken,
) -> Result<(), WorkerError> {
    let capacity = rail.capacity();
    let seats = (capacity.concurrent / FOR_QUESTIONS).max(1);
    let mut options = options(workflows::questions_queue(rail), seats, capacity);
    options.register_activities(bank);
    sdk::run(runtime, client, options, stop).await
}

fn options(queue: String, seats: u32, capacity: Capacity) -> WorkerOptions {
    let slots = |slots: u32| FixedSizeSlotSupplier::new(slots as usize);
    let tuner = TunerHolder::builder()
        .activity_task_slot_supplier(slots(seats))
        .workflow_task_slot_supplier(slots(1))
        .local_activity_task_slot_supplier(slots(1))
        .nexus_task_slot_supplier(slots(1))
        .build();
    let mut options = sdk::options(queue);
    options.tuner = tuner.into();
    options.activity_task_poller_behavior = Some(PollerBehavior::SimpleMaximum(POLLS));
    // The bank's contract, over all processes: a server that keeps count holds to it.
    options.max_task_queue_activities_per_second = Some(f64::from(capacity.requests_per_second));
    options
}
