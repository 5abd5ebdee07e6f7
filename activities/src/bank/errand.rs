//! What is asked of a rail for a step, made from what was accepted and what is stored, never from
//! what the engine says: the account's number, the card's token, the network's own reference.

use domain::rail::{
    CardAsk, CardOrder, CardPart, CardToken, CheckoutQuestion, Found, Inquiry, Instruction,
    NetworkReference, PortError, Rail, RailId,
};
use domain::transfer::{Endpoint, Order};
use domain::{Money, Step, StepKey};
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
    /// A page on which the payer is asked.
    Checkout,
}

#[derive(Clone, Debug)]
pub(super) enum Errand {
    Debit(Instruction),
    PayOut(Instruction),
    Card(CardOrder),
}

/// What a rail is asked about. Our reference and the amount are enough: no account's number and no
/// card's token is opened for it, so a doubt can end when nobody may open them any more.
#[derive(Clone, Debug)]
pub(super) enum Question {
    Movement(Inquiry),
    Card(CardOrder),
    Checkout(CheckoutQuestion),
}

/// What a step of this order is, and at which rail; none where it is nothing at any.
pub(super) const fn movement(order: &Order, key: StepKey) -> Option<(Movement, RailId)> {
    if key.linked.is_some() {
        return match (key.step, key.undo, order.source) {
            (Step::PayOut, false, Endpoint::BankAccount { rail, .. }) => {
                Some((Movement::PayOut, rail))
            }
            (Step::PayOut, false, Endpoint::Card { rail, .. } | Endpoint::Checkout { rail }) => {
                Some((Movement::Card(CardPart::Refund), rail))
            }
            _ => None,
        };
    }
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
        (Step::Collect, undo, Endpoint::Checkout { rail }, _) => {
            let movement = if undo {
                Movement::Card(CardPart::Refund)
            } else {
                Movement::Checkout
            };
            Some((movement, rail))
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
        Movement::Card(part) => {
            let card = match part {
                CardPart::Authorise => token(bank, step).await?,
                CardPart::Capture | CardPart::Void | CardPart::Refund => CardToken::unsaid(),
            };
            Errand::Card(order(bank, step, part, card).await?)
        }
        // A page is opened, and not sent like an order.
        Movement::Checkout => return Err(failure::contradiction(NoErrand)),
    })
}

pub(super) async fn question(bank: &Bank, step: &BankStep) -> Result<Question, ActivityError> {
    let Some((movement, _)) = movement(&step.order, step.key) else {
        return Err(failure::contradiction(NoErrand));
    };
    Ok(match movement {
        Movement::Debit | Movement::PayOut => Question::Movement(Inquiry {
            key: step.key,
            money: money(bank, step).await?,
        }),
        Movement::Card(part) => Question::Card(order(bank, step, part, CardToken::unsaid()).await?),
        Movement::Checkout => Question::Checkout(checkout(bank, step).await?),
    })
}

/// Which page, once it is known.
pub(super) async fn checkout(
    bank: &Bank,
    step: &BankStep,
) -> Result<CheckoutQuestion, ActivityError> {
    let found = bank
        .transfers
        .get(&step.order.tenant, step.order.transfer)
        .await
        .map_err(failure::try_again)?;
    let action = found.and_then(|found| found.action);
    Ok(CheckoutQuestion {
        key: step.key,
        money: money(bank, step).await?,
        page: action.map(|action| action.reference),
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
        money: money(bank, step).await?,
    })
}

/// What was accepted; of what follows a transfer, what is stored of that.
async fn money(bank: &Bank, step: &BankStep) -> Result<Money, ActivityError> {
    if let Some(money) = step.money() {
        return Ok(money);
    }
    let (tenant, linked) = (&step.order.tenant, step.key.linked);
    let id = linked.ok_or_else(|| failure::contradiction(NoErrand))?;
    let stored = bank.transfers.linked(tenant, id).await;
    stored
        .map_err(failure::try_again)?
        .filter(|stored| stored.transfer == step.order.transfer)
        .map(|stored| stored.money)
        .ok_or_else(|| failure::contradiction(NoErrand))
}

async fn order(
    bank: &Bank,
    step: &BankStep,
    part: CardPart,
    card: CardToken,
) -> Result<CardOrder, ActivityError> {
    let money = money(bank, step).await?;
    let ask = match part {
        CardPart::Authorise => CardAsk::Authorise { card, money },
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
    };
    Ok(CardOrder {
        step: step.key,
        ask,
    })
}

async fn token(bank: &Bank, step: &BankStep) -> Result<CardToken, ActivityError> {
    let Endpoint::Card { card, .. } = step.order.source else {
        return Err(failure::contradiction(NoErrand));
    };
    let token = bank.identity.reveal_card(&step.order.tenant, card).await;
    token.map_err(failure::try_again)
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

impl Question {
    /// What became of it. None where this rail cannot be asked.
    pub(super) async fn ask(&self, rail: &dyn Rail) -> Option<Result<Found, PortError>> {
        match self {
            Self::Movement(about) => Some(rail.inquiries()?.inquire(about).await),
            Self::Card(order) => Some(rail.cards()?.find(order).await),
            Self::Checkout(about) => Some(rail.checkouts()?.find(about).await),
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
