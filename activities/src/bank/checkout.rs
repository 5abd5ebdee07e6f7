//! The provider's page on which a payer is asked: opened under our reference, closed when its time
//! is over. The attempt is recorded before and stays open as long as somebody may pay.

use ambient::Timestamp;
use domain::rail::{CheckoutOrder, PortError};
use domain::transfer::{Action, What};
use temporalio_sdk::activities::ActivityError;
use transfers::AttemptResult;
use workflows::activities::{BankStep, CheckoutAnswer, Verdict};

use super::Bank;
use super::errand::{self, Movement};
use super::inquire::inquire;
use super::submit::{NotAsAccepted, TOO_LONG_AGO, as_accepted, health, not_recorded};
use crate::failure;

pub(super) async fn open(bank: &Bank, step: BankStep) -> Result<CheckoutAnswer, ActivityError> {
    let tenant = &step.order.tenant;
    let rail = bank.rails.get(step.rail).map_err(failure::try_again)?;
    let stored = bank.transfers.order(tenant, step.order.transfer).await;
    if !as_accepted(
        &step,
        Movement::Checkout,
        stored.map_err(failure::try_again)?,
    ) {
        return Err(failure::contradiction(NotAsAccepted));
    }
    let (Some(checkouts), Some(open_for)) = (rail.checkouts(), step.rail.checkout_open_for())
    else {
        // Nothing leaves; whoever sets the rail up has to say where payers come back to.
        return Err(failure::try_again(NoPages));
    };
    let mut pass = match bank.gate(step.rail).payment(tenant.partner).await {
        Ok(pass) => pass,
        Err(not_now) => return Err(failure::try_again_after(not_now, Some(not_now.wait()))),
    };
    let attempt = bank
        .transfers
        .open_attempt(tenant, step.key, step.rail)
        .await
        .map_err(not_recorded)?;
    match attempt.earlier_answer {
        Some(Ok(answer)) => {
            let bank_reference = answer.bank_reference;
            return Ok(CheckoutAnswer::Paid { bank_reference });
        }
        Some(Err(rejection)) => return Ok(CheckoutAnswer::Refused { rejection }),
        None => {}
    }
    let close = async |result| {
        let number = attempt.number;
        let closed = bank
            .transfers
            .close_attempt(tenant, step.key, number, result);
        closed.await.map_err(not_recorded)
    };
    let first = attempt.first_left.unwrap_or(attempt.opened_at);
    if !rail.promises().may_leave_again(first, bank.clock.now()) {
        close(AttemptResult::NotSent).await?;
        let evidence = TOO_LONG_AGO.to_owned();
        return Ok(CheckoutAnswer::Unknown { evidence });
    }
    let order = CheckoutOrder {
        key: step.key,
        money: step.order.moves(step.key.step),
        // The same on every attempt, or it would be another order.
        until: Timestamp::from_seconds(first.after(open_for).split().0),
    };
    let answer = checkouts.open(&order).await;
    pass.saw(health(&answer));
    drop(pass);
    match answer {
        // Left open: from now on somebody may pay.
        Ok(page) => Ok(CheckoutAnswer::Opened {
            page: Action {
                what: What::PayAtCheckout,
                link: page.link,
                reference: page.reference,
                until: order.until,
            },
        }),
        Err(PortError::Rejected(rejection)) => {
            close(AttemptResult::Rejected(rejection.clone())).await?;
            Ok(if attempt.earlier_unresolved {
                let evidence = format!("an earlier page may be open; the last answer: {rejection}");
                CheckoutAnswer::Unknown { evidence }
            } else {
                CheckoutAnswer::Refused { rejection }
            })
        }
        Err(error @ (PortError::Throttled { .. } | PortError::Unreachable)) => {
            let wait = match &error {
                PortError::Throttled { retry_after } => *retry_after,
                _ => None,
            };
            close(AttemptResult::NotSent).await?;
            Err(failure::try_again_after(error, wait))
        }
        // The same reference gives the same page, and nobody pays on one that nobody knows.
        Err(PortError::Unknown { evidence }) => {
            let unknown = AttemptResult::Unknown {
                evidence: evidence.clone(),
            };
            close(unknown).await?;
            Err(failure::try_again(PortError::Unknown { evidence }))
        }
    }
}

pub(super) async fn close(bank: &Bank, step: BankStep) -> Result<Verdict, ActivityError> {
    let rail = bank.rails.get(step.rail).map_err(failure::try_again)?;
    let stored = bank
        .transfers
        .order(&step.order.tenant, step.order.transfer);
    if !as_accepted(
        &step,
        Movement::Checkout,
        stored.await.map_err(failure::try_again)?,
    ) {
        return Err(failure::contradiction(NotAsAccepted));
    }
    let Some(checkouts) = rail.checkouts() else {
        return Err(failure::try_again(NoPages));
    };
    let about = errand::checkout(bank, &step).await?;
    let mut pass = match bank.gate(step.rail).question().await {
        Ok(pass) => pass,
        Err(not_now) => return Err(failure::try_again_after(not_now, Some(not_now.wait()))),
    };
    let closed = checkouts.close(&about).await;
    pass.saw(health(&closed));
    drop(pass);
    closed.map_err(failure::try_again)?;
    inquire(bank, step).await
}

#[derive(Debug, thiserror::Error)]
#[error(
    "this rail opens no pages here: it is not said where payers come back to; nothing was sent"
)]
struct NoPages;
