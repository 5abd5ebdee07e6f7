//! Another account of the same receiver: looked up where it was decided, never believed because a
//! workflow says so.

use domain::{Action, BankAccountId};
use identity::BankAccountState;
use temporalio_sdk::activities::ActivityError;
use workflows::activities::{BankStep, Elsewhere};

use super::Bank;
use crate::failure;

pub(super) async fn checked(
    bank: &Bank,
    step: &BankStep,
    ordered: BankAccountId,
    other: Elsewhere,
) -> Result<BankAccountId, ActivityError> {
    let tenant = &step.order.tenant;
    let found = bank.audit.find(tenant, other.action).await;
    let found = found.map_err(failure::try_again)?;
    let decided = Action::RetryElsewhere {
        account: other.account,
        rail: step.rail,
    };
    // Used by this transfer's run, so it was approved.
    let decided = found.is_some_and(|found| {
        found.transfer == step.order.transfer && found.used.is_some() && found.action == decided
    });
    if !decided {
        return Err(failure::contradiction(NotDecided));
    }
    let (ordered, found) = (
        bank.identity.bank_account(tenant, ordered).await,
        bank.identity.bank_account(tenant, other.account).await,
    );
    let (ordered, found) = (
        ordered.map_err(failure::try_again)?,
        found.map_err(failure::try_again)?,
    );
    let same = ordered.zip(found).is_some_and(|(ordered, found)| {
        ordered.user == found.user
            && found.rail == step.rail
            && found.currency == ordered.currency
            && matches!(found.state, BankAccountState::Open)
    });
    if same {
        Ok(other.account)
    } else {
        Err(failure::contradiction(SomebodyElses))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("nobody decided that this step goes to another account; nothing was sent")]
struct NotDecided;

#[derive(Debug, thiserror::Error)]
#[error(
    "the other account is not an open one of the same person, rail and currency; nothing was sent"
)]
struct SomebodyElses;
