//! Looks whether a transfer may begin. Asking again answers the same, and reserves nothing twice.

use temporalio_sdk::activities::ActivityError;
use transfers::{RecordError, Screening, Transfers};
use workflows::activities::{Screen, Screened};

use crate::failure;

pub(super) async fn screen(
    transfers: &Transfers,
    screen: Screen,
) -> Result<Screened, ActivityError> {
    match transfers.screen(&screen.tenant, screen.transfer).await {
        Ok(Screening::Passed) => Ok(Screened::Passed),
        Ok(Screening::Review { why }) => Ok(Screened::Review { why }),
        Ok(Screening::Denied(decline)) => Ok(Screened::Denied { decline }),
        Err(error @ RecordError::Store(_)) => Err(failure::try_again(error)),
        Err(error) => Err(failure::contradiction(error)),
    }
}
