//! Makes an occurrence of a schedule a transfer. Asked again, it is the same transfer.

use temporalio_sdk::activities::ActivityError;
use transfers::schedule::Occurred as Found;
use workflows::activities::{Occur, Occurred};

use super::Plans;
use crate::failure;

pub(super) async fn occur(plans: &Plans, occur: Occur) -> Result<Occurred, ActivityError> {
    let occurred = plans
        .transfers
        .occur(&occur.tenant, occur.schedule, occur.falls_at)
        .await;
    match occurred.map_err(failure::try_again)? {
        Found::Accepted(order) => {
            plans.starts.start(&order).await;
            Ok(Occurred::Accepted {
                transfer: order.transfer,
            })
        }
        Found::Refused => Ok(Occurred::Refused),
        Found::None => Ok(Occurred::None),
        // Somebody's clock is ahead of ours.
        Found::NotYet => Err(failure::try_again(NotYet)),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("its time has not come; nothing was done")]
struct NotYet;
