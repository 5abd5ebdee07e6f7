//! Records what happened to what follows a transfer. Recording the same again changes nothing.

use temporalio_sdk::activities::ActivityError;
use transfers::{RecordError, Transfers};
use workflows::activities::{Booked, Decided, Dispute, TakeTurn};

use super::record::NotProven;
use crate::failure;

pub(super) async fn turn(transfers: &Transfers, take: TakeTurn) -> Result<Booked, ActivityError> {
    let (tenant, transfer, id) = (&take.tenant, take.transfer, take.linked);
    let proven = transfers.turn_is_proven(tenant, transfer, id, &take.turn);
    if !proven.await.map_err(failure::try_again)? {
        return Err(failure::contradiction(NotProven));
    }
    match transfers.turn(tenant, transfer, id, &take.turn).await {
        Ok(_) => Ok(Booked::Done),
        Err(RecordError::Refused(decline)) => Ok(Booked::Refused { decline }),
        Err(error @ RecordError::Store(_)) => Err(failure::try_again(error)),
        Err(error) => Err(failure::contradiction(error)),
    }
}

pub(super) async fn decided(
    transfers: &Transfers,
    dispute: Dispute,
) -> Result<Decided, ActivityError> {
    let decided = transfers.decided(&dispute.tenant, dispute.linked).await;
    Ok(match decided.map_err(failure::try_again)? {
        None => Decided::NotYet,
        Some(true) => Decided::Won,
        Some(false) => Decided::Lost,
    })
}
