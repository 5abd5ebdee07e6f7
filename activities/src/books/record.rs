//! Records what happened to a transfer. Recording the same again changes nothing.

use domain::LinkedId;
use domain::transfer::Happening;
use temporalio_sdk::activities::ActivityError;
use transfers::{RecordError, Transfers};
use workflows::activities::{Booked, Record};

use crate::failure;

pub(super) async fn record(transfers: &Transfers, record: Record) -> Result<Booked, ActivityError> {
    if let Some(linked) = record.linked {
        return of_linked(transfers, &record, linked).await;
    }
    let proven = transfers.proven(&record.tenant, record.transfer, &record.happenings);
    if !proven.await.map_err(failure::try_again)? {
        return Err(failure::contradiction(NotProven));
    }
    match transfers
        .record_all(&record.tenant, record.transfer, &record.happenings)
        .await
    {
        Ok(_) => Ok(Booked::Done),
        Err(RecordError::Refused(decline)) => Ok(Booked::Refused { decline }),
        // A run that was cut off before it could remember has begun the transfer already.
        Err(RecordError::NotNow(_)) if record.happenings == [Happening::Canceled] => {
            Ok(Booked::TooLate)
        }
        Err(error @ RecordError::Store(_)) => Err(failure::try_again(error)),
        // What is stored says otherwise, and would say so again.
        Err(
            error @ (RecordError::NoSuchTransfer
            | RecordError::NotNow(_)
            | RecordError::LinkedNotNow(_)
            | RecordError::Conflict { .. }
            | RecordError::Books(_)),
        ) => Err(failure::contradiction(error)),
    }
}

/// What follows a transfer knows flags only; the rest of what happens to it are turns.
async fn of_linked(
    transfers: &Transfers,
    record: &Record,
    linked: LinkedId,
) -> Result<Booked, ActivityError> {
    for happening in &record.happenings {
        let flagged = transfers.flag_linked(&record.tenant, record.transfer, linked, happening);
        match flagged.await {
            Ok(()) => {}
            Err(error @ RecordError::Store(_)) => return Err(failure::try_again(error)),
            Err(error) => return Err(failure::contradiction(error)),
        }
    }
    Ok(Booked::Done)
}

#[derive(Debug, thiserror::Error)]
#[error(
    "no attempt at the bank says what was to be recorded; nothing was written, a person must look"
)]
pub(super) struct NotProven;
