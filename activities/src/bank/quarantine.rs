//! An answer that cannot be ours: the bank's own reference is known from another payment. Nothing
//! is concluded from it, and it never counts as done.

use domain::rail::{Answer, Found, PortError};
use temporalio_sdk::activities::ActivityError;
use workflows::activities::BankStep;

use super::Bank;
use crate::failure;

/// The answer, unless it claims another payment's reference.
pub(super) async fn examined(
    bank: &Bank,
    step: &BankStep,
    answer: Result<Answer, PortError>,
) -> Result<Result<Answer, PortError>, ActivityError> {
    if let Ok(Answer { bank_reference }) = &answer
        && let Some(evidence) = claimed(bank, step, bank_reference).await?
    {
        return Ok(Err(PortError::Unknown { evidence }));
    }
    Ok(answer)
}

/// The same for what an inquiry found.
pub(super) async fn found(
    bank: &Bank,
    step: &BankStep,
    found: Found,
) -> Result<Found, ActivityError> {
    if let Found::Executed { bank_reference } = &found
        && let Some(evidence) = claimed(bank, step, bank_reference).await?
    {
        return Ok(Found::Contradicts { evidence });
    }
    Ok(found)
}

async fn claimed(
    bank: &Bank,
    step: &BankStep,
    reference: &str,
) -> Result<Option<String>, ActivityError> {
    let tenant = &step.order.tenant;
    let other = bank
        .transfers
        .other_payment(tenant, step.key, step.rail, reference)
        .await
        .map_err(failure::try_again)?;
    Ok(other.map(|key| format!("the bank gave {key} the same reference before")))
}
