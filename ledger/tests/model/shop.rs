//! The same question put to the store, and its answer in the model's words.

use anyhow::{Context, Result, bail};
use db::WriteError;
use domain::{EntryId, HoldId, TransferId};
use ledger::{AccountRef, ChangeError, CorrectError, Entry, Leg, PostError, Posted};

use super::ask::{Ask, Post, Said};
use super::both::Book;

/// Whatever lies in a pool must belong to a transfer: here all to one.
const OF: TransferId = TransferId::from_bits(999);

/// What was made or found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    Entry(EntryId),
    Hold(HoldId),
}

impl Book {
    /// The answer, and the id that came with it.
    pub(crate) async fn ask(
        &self,
        ask: &Ask,
        id: impl Fn(&str) -> HoldId,
        entry_id: impl Fn(&str) -> EntryId,
    ) -> Result<(Said, Option<Id>)> {
        match ask {
            Ask::Post(post) => {
                let posted = self.post(self.entry(post, id)).await;
                let entry = posted.as_ref().ok().map(|posted| Id::Entry(posted.entry));
                Ok((said(posted.map(|posted| posted.replayed))?, entry))
            }
            Ask::Correct { entry } => {
                let (mint, tenant, wrong) = (self.mint.clone(), self.tenant, entry_id(entry));
                let corrected = self
                    .db
                    .write(move |tx| {
                        Box::pin(async move { ledger::correct(tx, &mint, tenant, wrong).await })
                    })
                    .await;
                Ok((corrected_said(corrected)?, None))
            }
            Ask::Reserve(reserve) => {
                let reserved = self
                    .reserve(ledger::Reserve {
                        tenant: self.tenant,
                        key: reserve.key.clone(),
                        account: reserve.account,
                        money: reserve.money,
                        transfer: None,
                        expires_at: reserve.expires_at,
                    })
                    .await;
                let hold = reserved
                    .as_ref()
                    .ok()
                    .map(|reserved| Id::Hold(reserved.hold));
                Ok((said(reserved.map(|reserved| reserved.replayed))?, hold))
            }
            Ask::Void { hold } => Ok((said(self.void(id(hold)).await)?, None)),
            Ask::Expire => Ok((Said::Expired(self.expire().await?), None)),
            Ask::State { account, to } => Ok((self.state(*account, *to).await?, None)),
            Ask::Terms {
                account,
                currency,
                floor,
                ceiling,
            } => {
                let account = account.owned().context("whose?")?;
                let money = |minor: &i64| domain::Money::from_minor(*minor, *currency);
                let floor = floor.as_ref().map(money).transpose()?;
                let ceiling = ceiling.as_ref().map(money).transpose()?;
                let kept = self.terms(account, floor, ceiling).await?;
                Ok((kept_terms(kept)?, None))
            }
        }
    }

    fn entry(&self, post: &Post, id: impl Fn(&str) -> HoldId) -> Entry {
        let legs = post
            .legs
            .iter()
            .map(|&(account, money)| Leg { account, money });
        let entry = Entry::free(self.tenant, &post.key, OF, post.whole, legs.collect());
        let entry = post.conditions.iter().copied().fold(entry, Entry::when);
        match &post.hold {
            Some(hold) => entry.posting(id(hold)),
            None => entry,
        }
    }

    async fn state(&self, account: AccountRef, to: ledger::State) -> Result<Said> {
        let changed = self.change(account.owned().context("whose?")?, to).await;
        Ok(match changed {
            Ok(_) => Said::Done,
            Err(WriteError::Refused(ChangeError::Unknown)) => Said::Kept("unknown"),
            Err(WriteError::Refused(ChangeError::Closed)) => Said::Kept("closed"),
            Err(WriteError::Refused(ChangeError::NotEmpty(_))) => Said::Kept("not empty"),
            Err(WriteError::Refused(ChangeError::Held(_))) => Said::Kept("held"),
            Err(error) => return Err(error.into()),
        })
    }
}

fn said(answer: Result<bool, WriteError<PostError>>) -> Result<Said> {
    Ok(match answer {
        Ok(true) => Said::Replayed,
        Ok(false) => Said::Done,
        Err(WriteError::Refused(PostError::Refused(refusal))) => Said::Refused(refusal),
        Err(error) => bail!("no answer of the book's: {error:?}"),
    })
}

fn corrected_said(answer: Result<Posted, WriteError<CorrectError>>) -> Result<Said> {
    match answer {
        Ok(posted) => said(Ok(posted.replayed)),
        Err(WriteError::Refused(CorrectError::Unknown(_))) => Ok(Said::Kept("unknown")),
        Err(WriteError::Refused(CorrectError::Post(error))) => {
            said(Err(WriteError::Refused(error)))
        }
        Err(error) => bail!("no answer of the book's: {error:?}"),
    }
}

fn kept_terms(kept: Option<ChangeError>) -> Result<Said> {
    Ok(match kept {
        None => Said::Done,
        Some(ChangeError::Unknown) => Said::Kept("unknown"),
        Some(ChangeError::Closed) => Said::Kept("closed"),
        Some(ChangeError::BelowFloor(_) | ChangeError::AboveCeiling(_)) => {
            Said::Kept("broken already")
        }
        Some(ChangeError::WithoutFloor(_)) => Said::Kept("without floor"),
        Some(other) => bail!("{other}"),
    })
}
