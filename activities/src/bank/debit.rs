//! Takes the money from the sender's bank account.

use temporalio_sdk::activities::ActivityError;
use workflows::activities::{BankAnswer, BankStep};

use super::Bank;
use super::errand::Movement;
use super::submit::submit;

pub(super) async fn debit(bank: &Bank, step: BankStep) -> Result<BankAnswer, ActivityError> {
    submit(bank, step, Movement::Debit).await
}
