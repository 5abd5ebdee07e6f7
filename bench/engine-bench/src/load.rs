//! A closed loop: so many workflows in flight, each started, awaited, and followed by the next.
#![allow(clippy::disallowed_methods)] // Real time is what is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use temporalio_client::{Client, WorkflowStartOptions};
use temporalio_sdk::runtime::PollerBehavior;
use temporalio_sdk::runtime::worker_tuner::{FixedSizeSlotSupplier, TunerHolder};
use temporalio_sdk::{Runtime, Worker, WorkerOptions};
use tokio::task::JoinSet;

use crate::flow::{Empty, Shape, Steps, Three, TwoLocal};
use crate::stats::{self, Seen};

const QUEUE: &str = "bench";

pub(crate) struct Load {
    pub(crate) shape: Shape,
    pub(crate) count: usize,
    pub(crate) in_flight: usize,
    pub(crate) eager: usize,
    pub(crate) pollers: usize,
}

impl Load {
    pub(crate) async fn run(&self, client: Client) -> anyhow::Result<Seen> {
        let runtime = Runtime::from_current_tokio(Default::default())?;
        let options = WorkerOptions::new(QUEUE)
            .register_workflow::<Three>()?
            .register_workflow::<TwoLocal>()?
            .register_workflow::<Empty>()?
            .register_activities(Steps)
            .max_cached_workflows(self.in_flight * 2 + 10)
            .tuner(self.tuner())
            .workflow_task_poller_behavior(PollerBehavior::SimpleMaximum(self.pollers.max(2)))
            .activity_task_poller_behavior(PollerBehavior::SimpleMaximum(self.pollers.max(2)))
            .max_eager_activity_reservations_per_workflow_task(self.eager)
            .graceful_shutdown_period(Duration::ZERO)
            .build();
        let mut worker = Worker::new(&runtime, client.clone(), options)?;
        let stop = worker.shutdown_handle();
        let measured = async {
            let warm = self.drive(&client, "warm", self.in_flight.max(20)).await;
            let seen = match warm {
                Ok(_) => self.drive(&client, "run", self.count).await,
                Err(error) => Err(error),
            };
            stop();
            seen
        };
        let (worked, seen) = tokio::join!(worker.run(), measured);
        worked?;
        seen
    }

    /// Never the bottleneck: as many slots of each kind as workflows in flight.
    fn tuner(&self) -> TunerHolder {
        let slots = || FixedSizeSlotSupplier::new(self.in_flight.max(100));
        TunerHolder::builder()
            .workflow_task_slot_supplier(slots())
            .activity_task_slot_supplier(slots())
            .local_activity_task_slot_supplier(slots())
            .nexus_task_slot_supplier(slots())
            .build()
    }

    async fn drive(&self, client: &Client, name: &str, count: usize) -> anyhow::Result<Seen> {
        let next = Arc::new(AtomicUsize::new(0));
        let (began, processor) = (Instant::now(), stats::processor_time());
        let mut lanes = JoinSet::new();
        for _ in 0..self.in_flight.min(count) {
            let (client, next, shape) = (client.clone(), Arc::clone(&next), self.shape);
            let name = format!("{name}-{}", std::process::id());
            lanes.spawn(async move {
                let mut latencies = Vec::new();
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    if turn >= count {
                        return anyhow::Ok(latencies);
                    }
                    let began = Instant::now();
                    one(&client, shape, format!("{name}-{turn}")).await?;
                    latencies.push(began.elapsed());
                }
            });
        }
        let mut latencies = Vec::with_capacity(count);
        while let Some(lane) = lanes.join_next().await {
            latencies.extend(lane??);
        }
        Ok(Seen::new(
            latencies,
            began.elapsed(),
            stats::processor_time().saturating_sub(processor),
        ))
    }
}

async fn one(client: &Client, shape: Shape, id: String) -> anyhow::Result<()> {
    let options = WorkflowStartOptions::new(QUEUE, id).build();
    let moved = match shape {
        Shape::Three => {
            let run = client.start_workflow(Three::run, 7, options).await?;
            run.get_result(Default::default()).await?
        }
        Shape::TwoLocal => {
            let run = client.start_workflow(TwoLocal::run, 7, options).await?;
            run.get_result(Default::default()).await?
        }
        Shape::Empty => {
            let run = client.start_workflow(Empty::run, 7, options).await?;
            run.get_result(Default::default()).await?
        }
    };
    anyhow::ensure!(moved == 7, "the workflow answered {moved}");
    Ok(())
}
