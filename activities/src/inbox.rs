//! The activity that asks what a bank's own word proves.

#![allow(missing_debug_implementations)] // The SDK's macro defines marker types without it.

use std::sync::Arc;

use ::inbox::InboxError;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use transfers::{AttemptState, Seen, Transfers};
use workflows::activities::{Heard, News, Settled, definitions};

use crate::failure;

#[derive(Debug)]
pub struct Inbox {
    inbox: ::inbox::Inbox,
    transfers: Transfers,
}

impl Inbox {
    pub const fn new(inbox: ::inbox::Inbox, transfers: Transfers) -> Self {
        Self { inbox, transfers }
    }
}

#[activities]
impl Inbox {
    #[activity(definition = definitions::Hear)]
    pub async fn hear(
        self: Arc<Self>,
        _: ActivityContext,
        heard: Heard,
    ) -> Result<News, ActivityError> {
        hear(&self, heard).await
    }
}

async fn hear(inbox: &Inbox, heard: Heard) -> Result<News, ActivityError> {
    let Heard {
        tenant,
        rail,
        key,
        message,
    } = heard;
    let news = inbox.inbox.hear(&tenant, rail, key, message).await;
    let (news, evidence) = match news.map_err(failed)? {
        ::inbox::News::Settled { known, by } => {
            let settled = match known {
                AttemptState::Done { bank_reference } => Settled::Executed { bank_reference },
                AttemptState::Rejected(rejection) => Settled::Refused { rejection },
                _ => return Ok(News::Nothing),
            };
            let by = by.to_string();
            return Ok(News::Settles { settled, by });
        }
        ::inbox::News::Nothing => return Ok(News::Nothing),
        ::inbox::News::Ask => (
            News::Ask,
            format!("{message}: the bank has something to say"),
        ),
        ::inbox::News::Contradicts { evidence } => {
            let told = evidence.clone();
            (News::Contradicts { evidence }, told)
        }
    };
    let seen = Seen::Told { evidence };
    inbox
        .transfers
        .doubted(&tenant, key.transfer, key.step, seen)
        .await
        .map_err(failure::try_again)?;
    Ok(news)
}

/// What the attempts contradict stays so; everything else is our own side being away.
fn failed(error: InboxError) -> ActivityError {
    match error {
        InboxError::Attempts(of) if !matches!(*of, transfers::AttemptError::Store(_)) => {
            failure::contradiction(InboxError::Attempts(of))
        }
        InboxError::Vault(_) => failure::contradiction(error),
        InboxError::Attempts(_)
        | InboxError::Overloaded
        | InboxError::Unknown(_)
        | InboxError::Database(_)
        | InboxError::Transfers(_)
        | InboxError::Entropy(_) => failure::try_again(error),
    }
}
