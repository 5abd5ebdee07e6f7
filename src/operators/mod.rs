//! `remit transfer …`: one transfer, what can be done about it, and having it done.
//!
//! An action is written into the audit first; its id alone is then told to the transfer's workflow,
//! which looks it up before it acts. What needs a second person waits in the audit until somebody
//! else confirms it. The program goes on beside all of this.

mod act;
mod beside;
mod decide;
mod questions;
mod show;

pub(crate) use questions::Operators;

use domain::Action;
use questions::Errand;

use crate::failure::Failure;
use crate::operators::beside::Beside;
use crate::settings::Settings;

pub(crate) async fn run(asked: Operators, settings: &Settings) -> Result<(), Failure> {
    let beside = Beside::open(settings).await?;
    let json = asked.json;
    let ended = match asked.errand {
        Errand::Show { transfer } => show::show(&beside, transfer, json).await,
        Errand::Retry(ask) => act::act(&beside, &ask, Action::RetryNow, None, json).await,
        Errand::Redirect(redirect) => act::redirect(&beside, &redirect, json).await,
        Errand::Resolve(resolve) => act::resolve(&beside, &resolve, json).await,
        Errand::Refund(ask) => act::act(&beside, &ask, Action::Refund, None, json).await,
        Errand::Cancel(ask) => act::act(&beside, &ask, Action::Cancel, None, json).await,
        Errand::Hold(ask) => act::act(&beside, &ask, Action::Hold, None, json).await,
        Errand::Release(ask) => act::act(&beside, &ask, Action::Release, None, json).await,
        Errand::Note(ask) => act::act(&beside, &ask, Action::Note, None, json).await,
        Errand::Approve(ask) => act::act(&beside, &ask, Action::Approve, None, json).await,
        Errand::Deny(ask) => act::act(&beside, &ask, Action::Deny, None, json).await,
        Errand::Confirm(said) => decide::confirm(&beside, &said, json).await,
        Errand::Reject(said) => decide::reject(&beside, &said, json).await,
        Errand::Audit => decide::verify(&beside, json).await,
    };
    beside.close().await;
    ended
}
