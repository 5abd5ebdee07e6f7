//! A card's money, part by part: promised, taken, released, given back.

use domain::rail::CardPart;
use temporalio_sdk::activities::ActivityError;
use workflows::activities::{BankAnswer, BankStep};

use super::Bank;
use super::errand::Movement;
use super::submit::submit;

pub(super) async fn ask(
    bank: &Bank,
    step: BankStep,
    part: CardPart,
) -> Result<BankAnswer, ActivityError> {
    submit(bank, step, Movement::Card(part)).await
}
