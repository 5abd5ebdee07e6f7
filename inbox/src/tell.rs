//! Messages that a transfer's run has to be told of, and which of those that wait are explained by
//! now. Whoever stored a message may have died before it told anybody.

use std::time::Duration;

use db::{Tx, params};
use domain::{MessageId, TransferId};

use crate::error::InboxError;
use crate::row::{COLUMNS, read};
use crate::take::moved;
use crate::{Inbox, LONGEST_PAGE, Message, State};

/// Longer than a call to a bank takes: an attempt that is still open then has lost its worker.
const A_CALL_IS_OVER: Duration = Duration::from_secs(30);

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToTell {
    pub id: MessageId,
    pub transfer: TransferId,
}

impl Inbox {
    /// Looks again at what waits behind the given message, a page at a time: what is known by now
    /// waits no longer, and the rest is to be told. Gives where to go on, none at the end.
    pub async fn to_tell(
        &self,
        behind: Option<MessageId>,
    ) -> Result<(Vec<ToTell>, Option<MessageId>), InboxError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM rail_messages
             WHERE state IN ('waiting', 'quarantined') AND settled_at IS NULL AND message_id > $1
             ORDER BY message_id LIMIT $2"
        );
        let after = behind.map_or(String::new(), |id| id.to_string());
        let rows = self
            .db
            .fetch_all(&sql, params![after, i64::from(LONGEST_PAGE)])
            .await?;
        let mut tell = Vec::new();
        let mut last = None;
        for row in &rows {
            let message = read(row)?;
            last = Some(message.id);
            if let Some(transfer) = self.again(&message).await? {
                let id = message.id;
                tell.push(ToTell { id, transfer });
            }
        }
        let full = rows.len() >= LONGEST_PAGE as usize;
        Ok((tell, last.filter(|_| full)))
    }

    /// The run has it, or there is no run that could. Telling twice is harmless.
    pub async fn told(&self, id: MessageId) -> Result<(), InboxError> {
        let write = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let params = params![id.to_string(), tx.now()];
                tx.execute(
                    "UPDATE rail_messages SET told_at = $2
                     WHERE message_id = $1 AND told_at IS NULL",
                    params,
                )
                .await?;
                Ok::<_, InboxError>(())
            })
        });
        Ok(write.await?)
    }

    async fn again(&self, message: &Message) -> Result<Option<TransferId>, InboxError> {
        let (id, key) = (message.id, message.key);
        let place = self
            .place(message.rail, message.origin, id, key, message.word.as_ref())
            .await?;
        if !place.awaited {
            // Once set aside, set aside: only that nobody waits for it any more is new.
            let state = match message.state {
                State::Quarantined => State::Quarantined,
                _ => place.state,
            };
            self.db
                .write(move |tx: &mut Tx| {
                    Box::pin(async move {
                        let now = Some(tx.now());
                        moved(tx, id, state, place.reason.as_deref(), now).await
                    })
                })
                .await?;
            return Ok(None);
        }
        let late = message.received_at.after(A_CALL_IS_OVER) <= self.clock.now();
        let tell = message.told_at.is_none() && (place.in_doubt || late);
        Ok(key.filter(|_| tell).map(|key| key.transfer))
    }
}
