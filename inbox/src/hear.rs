//! A transfer's run was told of a message and asks what it proves. Only here does a bank's word
//! settle anything, and it may be asked again after a crash.

use db::Tx;
use domain::rail::RailId;
use domain::{MessageId, StepKey, Tenant};
use transfers::AttemptState;

use crate::error::InboxError;
use crate::judge::Judgement;
use crate::take::moved;
use crate::{Inbox, Message, Origin, State};

/// What a message proves about the step in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The attempts say so by now: done, or refused for good.
    Settled { known: AttemptState, by: Origin },
    /// Nothing is concluded from it; a person has to see it.
    Contradicts { evidence: String },
    /// The bank has something to say about the step: ask it now.
    Ask,
    /// It is about something else, or says nothing new.
    Nothing,
}

impl Inbox {
    /// What was stored counts, never what whoever told of it says: a message about another step,
    /// another transfer or another rail is no news.
    pub async fn hear(
        &self,
        tenant: &Tenant,
        rail: RailId,
        key: StepKey,
        id: MessageId,
    ) -> Result<News, InboxError> {
        let Some(message) = self.message(id).await? else {
            return Ok(News::Nothing);
        };
        if (message.tenant, message.key, message.rail) != (Some(*tenant), Some(key), rail) {
            return Ok(News::Nothing);
        }
        if matches!(message.state, State::Quarantined) {
            let evidence = said_by(&message, message.reason.as_deref().unwrap_or_default());
            self.settled(id, State::Quarantined, None).await?;
            return Ok(News::Contradicts { evidence });
        }
        let word = message.word.as_ref();
        let place = self
            .place(rail, message.origin, id, Some(key), word)
            .await?;
        match place.judgement {
            Some(Judgement::Settles(finding)) => {
                self.transfers.settle_attempts(tenant, key, finding).await?;
                let found = self.transfers.at_bank(rail, key).await?;
                self.settled(id, State::Used, None).await?;
                Ok(known(found.and_then(|found| found.known), message.origin))
            }
            // An earlier call of this very question has settled it, or the bank was quicker.
            Some(Judgement::Known) => {
                self.settled(id, State::Used, None).await?;
                Ok(known(place.known, message.origin))
            }
            Some(Judgement::Ask) => {
                self.settled(id, State::Used, None).await?;
                Ok(News::Ask)
            }
            Some(Judgement::Contradicts(why)) => {
                self.settled(id, State::Quarantined, Some(why.clone()))
                    .await?;
                let evidence = said_by(&message, &why);
                Ok(News::Contradicts { evidence })
            }
            Some(Judgement::Returned) | None => Ok(News::Nothing),
        }
    }

    pub(crate) async fn settled(
        &self,
        id: MessageId,
        state: State,
        reason: Option<String>,
    ) -> Result<(), InboxError> {
        let write = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let now = tx.now();
                moved(tx, id, state, reason.as_deref(), Some(now)).await
            })
        });
        Ok(write.await?)
    }
}

fn known(known: Option<AttemptState>, by: Origin) -> News {
    match known {
        Some(known @ (AttemptState::Done { .. } | AttemptState::Rejected(_))) => {
            News::Settled { known, by }
        }
        _ => News::Nothing,
    }
}

fn said_by(message: &Message, why: &str) -> String {
    format!("{} {}: {why}", message.origin, message.id)
}
