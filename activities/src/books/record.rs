//! Records what happened to a transfer. Recording the same again changes nothing.

use domain::transfer::Happening;
use temporalio_sdk::activities::ActivityError;
use transfers::{RecordError, Transfers};
use workflows::activities::{Booked, Record};

use crate::failure;

pub(super) async fn record(transfers: &Transfers, record: Record) -> Result<Booked, ActivityError> {
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
            | RecordError::Conflict { .. }
            | RecordError::Books(_)),
        ) => Err(failure::contradiction(error)),
    }
}

#[derive(Debug, thiserror::Error)]
#[error(
    "no attempt at the bank says what was to be recorded; nothing was written, a person must look"
)]
struct NotProven;
