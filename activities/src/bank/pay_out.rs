//! Pays money into a bank account: the receiver's, or the sender's when it is given back.

use temporalio_sdk::activities::ActivityError;
use workflows::activities::{BankAnswer, BankStep};

use super::Bank;
use super::errand::Movement;
use super::submit::submit;

pub(super) async fn pay_out(bank: &Bank, step: BankStep) -> Result<BankAnswer, ActivityError> {
    submit(bank, step, Movement::PayOut).await
}
