//! The workers of one rail: one for what moves money on it, one for questions to it.

use activities::Bank;
use domain::rail::{Capacity, RailId};
use temporal::Client;
use temporalio_sdk::runtime::PollerBehavior;
use temporalio_sdk::runtime::worker_tuner::{FixedSizeSlotSupplier, TunerHolder};
use temporalio_sdk::{Runtime, WorkerOptions};
use tokio_util::sync::CancellationToken;

use crate::{WorkerError, sdk};

/// A handful of polls keeps a queue flowing, and an idle rail costs no more than that.
const POLLS: usize = 4;

/// Of what a rail takes at the same time, one part in so many is kept for questions.
const FOR_QUESTIONS: u32 = 4;

pub(crate) async fn payments(
    runtime: &Runtime,
    client: Client,
    bank: Bank,
    rail: RailId,
    stop: CancellationToken,
) -> Result<(), WorkerError> {
    let capacity = rail.capacity();
    let mut options = options(workflows::rail_queue(rail), seats(capacity), capacity);
    options.register_activities(bank);
    sdk::run(runtime, client, options, stop).await
}

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

/// What questions leave.
fn seats(capacity: Capacity) -> u32 {
    (capacity.concurrent - capacity.concurrent / FOR_QUESTIONS).max(1)
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
