//! What is asked of a rail for a step, made from what was accepted and what is stored, never from
//! what the engine says: the account's number, the card's token, the network's own reference.

use domain::rail::{
    CardAsk, CardOrder, CardPart, Found, Inquiry, Instruction, NetworkReference, PortError, Rail,
    RailId,
};
use domain::transfer::{Endpoint, Order};
use domain::{Step, StepKey};
use temporalio_sdk::activities::ActivityError;
use transfers::AttemptState;
use workflows::activities::BankStep;

use super::{Bank, elsewhere};
use crate::failure;

/// What a step is at its rail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Movement {
    Debit,
    PayOut,
    Card(CardPart),
}

#[derive(Clone, Debug)]
pub(super) enum Errand {
    Debit(Instruction),
    PayOut(Instruction),
    Card(CardOrder),
}

/// What a step of this order is, and at which rail; none where it is nothing at any.
pub(super) const fn movement(order: &Order, key: StepKey) -> Option<(Movement, RailId)> {
    match (key.step, key.undo, order.source, order.destination) {
        (Step::Collect, false, Endpoint::BankAccount { rail, .. }, _) => {
            Some((Movement::Debit, rail))
        }
        (Step::Collect, true, Endpoint::BankAccount { rail, .. }, _)
        | (Step::PayOut, false, _, Endpoint::BankAccount { rail, .. }) => {
            Some((Movement::PayOut, rail))
        }
        (Step::Collect, undo, Endpoint::Card { rail, .. }, _) => {
            let part = if undo {
                CardPart::Void
            } else {
                CardPart::Authorise
            };
            Some((Movement::Card(part), rail))
        }
        (Step::Fund, undo, Endpoint::Card { rail, .. }, _) => {
            let part = if undo {
                CardPart::Refund
            } else {
                CardPart::Capture
            };
            Some((Movement::Card(part), rail))
        }
        _ => None,
    }
}

pub(super) async fn errand(bank: &Bank, step: &BankStep) -> Result<Errand, ActivityError> {
    let Some((movement, _)) = movement(&step.order, step.key) else {
        return Err(failure::contradiction(NoErrand));
    };
    Ok(match movement {
        Movement::Debit => Errand::Debit(instruction(bank, step).await?),
        Movement::PayOut => Errand::PayOut(instruction(bank, step).await?),
        Movement::Card(part) => Errand::Card(CardOrder {
            step: step.key,
            ask: ask(bank, step, part).await?,
        }),
    })
}

async fn instruction(bank: &Bank, step: &BankStep) -> Result<Instruction, ActivityError> {
    let end = if step.touches_source() {
        step.order.source
    } else {
        step.order.destination
    };
    let Endpoint::BankAccount { account, .. } = end else {
        return Err(failure::contradiction(NoErrand));
    };
    let account = match step.elsewhere {
        Some(other) => elsewhere::checked(bank, step, account, other).await?,
        None => account,
    };
    let account = bank
        .identity
        .reveal_number(&step.order.tenant, account)
        .await
        .map_err(failure::try_again)?;
    Ok(Instruction {
        key: step.key,
        account,
        money: step.money(),
    })
}

async fn ask(bank: &Bank, step: &BankStep, part: CardPart) -> Result<CardAsk, ActivityError> {
    let money = step.money();
    Ok(match part {
        CardPart::Authorise => {
            let Endpoint::Card { card, .. } = step.order.source else {
                return Err(failure::contradiction(NoErrand));
            };
            let token = bank.identity.reveal_card(&step.order.tenant, card).await;
            let card = token.map_err(failure::try_again)?;
            CardAsk::Authorise { card, money }
        }
        CardPart::Capture => {
            let payment = promised(bank, step).await?;
            CardAsk::Capture { payment, money }
        }
        CardPart::Void => {
            let payment = promised(bank, step).await?;
            CardAsk::Void { payment }
        }
        CardPart::Refund => {
            let payment = promised(bank, step).await?;
            CardAsk::Refund { payment, money }
        }
    })
}

/// The network's name for the payment, as its answer to the authorisation was recorded.
async fn promised(bank: &Bank, step: &BankStep) -> Result<NetworkReference, ActivityError> {
    let transfer = step.order.transfer;
    let attempts = bank.transfers.attempts(&step.order.tenant, transfer).await;
    let promise = StepKey::of(transfer, Step::Collect);
    let known = attempts
        .map_err(failure::try_again)?
        .into_iter()
        .filter(|attempt| attempt.key == promise)
        .find_map(|attempt| match attempt.state {
            AttemptState::Done { bank_reference } => Some(NetworkReference(bank_reference)),
            _ => None,
        });
    known.ok_or_else(|| failure::contradiction(NotPromised))
}

impl Errand {
    /// What became of it. None where this rail cannot be asked.
    pub(super) async fn find(&self, rail: &dyn Rail) -> Option<Result<Found, PortError>> {
        match self {
            Self::Debit(order) | Self::PayOut(order) => {
                let about = Inquiry {
                    key: order.key,
                    money: order.money,
                };
                Some(rail.inquiries()?.inquire(&about).await)
            }
            Self::Card(order) => Some(rail.cards()?.find(order).await),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a step was asked for that is nothing at any bank; nothing was sent")]
struct NoErrand;

#[derive(Debug, thiserror::Error)]
#[error(
    "a card's payment was to be moved on that no network is known to have promised; nothing was sent"
)]
struct NotPromised;
