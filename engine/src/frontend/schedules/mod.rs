//! The RPCs of schedules.

mod check;
pub(crate) mod create;
pub(crate) mod describe;
pub(crate) mod list;
pub(crate) mod update;

use std::future::Future;

use tonic::Status;

use crate::runs::Host;
use crate::schedules::shell::InHand;

/// Whoever gives up waiting does not stop what was begun.
async fn to_the_end<T: Send + 'static>(
    doing: impl Future<Output = Result<T, Status>> + Send + 'static,
) -> Result<T, Status> {
    match tokio::spawn(doing).await {
        Ok(done) => done,
        Err(_) => Err(Status::internal("the engine could not finish the request")),
    }
}

async fn existing(host: &Host, namespace: &str, schedule_id: &str) -> Result<InHand, Status> {
    let namespace = host.namespace(namespace)?;
    let found = host.take_schedule(&namespace, schedule_id).await?;
    // The reference keeps schedules as workflows, and its clients read this.
    found.ok_or_else(|| {
        Status::not_found(format!(
            "workflow not found for ID: {}",
            workflow_id(schedule_id)
        ))
    })
}

fn workflow_id(schedule_id: &str) -> String {
    format!("temporal-sys-scheduler:{schedule_id}")
}

/// As clients see it: eight bytes.
fn token(number: i64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}
