//! A client calls off a transfer that waits for its day. The row decides, in one commit: its run is
//! told afterwards, or finds out when it begins.

use db::Tx;
use domain::transfer::{Happening, Status};
use domain::{Tenant, TransferId};

use crate::error::{RecordError, StoreError};
use crate::history::{self, Change};
use crate::{Transfer, Transfers, outbox, row, screen};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOff {
    /// It never begins; also where it was called off before.
    Done(Box<Transfer>),
    /// It has begun, and stands here now. Nothing was written.
    TooLate(Status),
}

impl Transfers {
    pub async fn call_off(
        &self,
        tenant: &Tenant,
        id: TransferId,
    ) -> Result<Option<CallOff>, RecordError> {
        let (tenant, mint) = (*tenant, self.mint.clone());
        let event = outbox::fresh_id(&self.mint)?;
        let happening = Happening::Canceled;
        let text = serde_json::to_string(&happening).map_err(StoreError::from)?;
        let called_off = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let Some(stored) = row::lock(tx, &tenant, id).await? else {
                    return Ok(None);
                };
                let mut transfer = stored.transfer.clone();
                match transfer.status {
                    Status::Canceled => return Ok(Some((stored, true))),
                    Status::Scheduled => {}
                    _ => return Ok(Some((stored, false))),
                }
                let read = transfer.version;
                transfer.status = Status::Canceled;
                transfer.version += 1;
                transfer.updated_at = tx.now();
                transfer.start_pending = false;
                let change = Change {
                    cause: happening.cause(),
                    actor: history::CLIENT,
                    note: None,
                    happening: Some(&text),
                    entry: None,
                };
                history::append(tx, &transfer, change).await?;
                outbox::append(tx, event, &transfer, "transfer.canceled").await?;
                if transfer.screened {
                    screen::settle_limits(tx, &mint, &transfer).await?;
                }
                if !row::store(tx, &transfer, read).await? {
                    return Err(StoreError::Overtaken.into());
                }
                Ok(Some((row::Stored { transfer, ..stored }, true)))
            })
        });
        let called_off: Result<_, db::WriteError<RecordError>> = called_off.await;
        Ok(match called_off? {
            None => None,
            Some((stored, true)) => Some(CallOff::Done(Box::new(self.open(stored).await?))),
            Some((stored, false)) => Some(CallOff::TooLate(stored.transfer.status)),
        })
    }
}
