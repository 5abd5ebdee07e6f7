//! One attempt of a money step: recorded durably before it leaves, closed with what came back.
//!
//! Once an attempt may have arrived, a later "no" or "not reached" proves nothing about it: the
//! answer stays unknown until an inquiry, a webhook, a statement or a person settles it.

use domain::rail::{Answer, Instruction, PortError, Rail};
use domain::transfer::Endpoint;
use temporalio_sdk::activities::ActivityError;
use transfers::{AttemptError, AttemptResult};
use workflows::activities::{BankAnswer, BankStep};

use super::Bank;
use crate::failure;

/// Which way the money goes, seen from the account at the bank.
#[derive(Clone, Copy, Debug)]
pub(super) enum Movement {
    Debit,
    PayOut,
}

pub(super) async fn submit(
    bank: &Bank,
    step: BankStep,
    movement: Movement,
) -> Result<BankAnswer, ActivityError> {
    let tenant = &step.order.tenant;
    let rail = bank.rails.get(step.rail).map_err(failure::try_again)?;
    let instruction = instruction(bank, &step).await?;
    let attempt = bank
        .transfers
        .open_attempt(tenant, step.key, step.rail)
        .await
        .map_err(not_recorded)?;
    match attempt.earlier_answer {
        // An activity that ran before and was not heard by the engine is answered from the record.
        Some(Ok(Answer { bank_reference })) => return Ok(BankAnswer::Done { bank_reference }),
        Some(Err(rejection)) => return Ok(BankAnswer::Refused { rejection }),
        None => {}
    }
    let never_repeat = rail.promises().deduplicates_for.is_none();
    let answer = if attempt.earlier_unresolved && never_repeat {
        // It must not leave a second time. Closed as never sent, and asked about instead.
        Err(PortError::Unreachable)
    } else {
        send(rail.as_ref(), movement, &instruction).await
    };
    bank.transfers
        .close_attempt(tenant, step.key, attempt.number, result_of(&answer))
        .await
        .map_err(not_recorded)?;
    conclude(answer, attempt.earlier_unresolved)
}

fn not_recorded(error: AttemptError) -> ActivityError {
    match error {
        AttemptError::Store(_) => failure::try_again(error),
        // The transfer is in no state to send this: no repetition changes that.
        _ => failure::contradiction(error),
    }
}

/// A rail without the ability is as good as not reached: nothing left.
async fn send(
    rail: &dyn Rail,
    movement: Movement,
    instruction: &Instruction,
) -> Result<Answer, PortError> {
    match movement {
        Movement::Debit => match rail.debits() {
            Some(debits) => debits.debit(instruction).await,
            None => Err(PortError::Unreachable),
        },
        Movement::PayOut => match rail.payouts() {
            Some(payouts) => payouts.pay_out(instruction).await,
            None => Err(PortError::Unreachable),
        },
    }
}

fn result_of(answer: &Result<Answer, PortError>) -> AttemptResult {
    match answer {
        Ok(Answer { bank_reference }) => AttemptResult::Done {
            bank_reference: bank_reference.clone(),
        },
        Err(PortError::Rejected(rejection)) => AttemptResult::Rejected(rejection.clone()),
        Err(PortError::Throttled { .. } | PortError::Unreachable) => AttemptResult::NotSent,
        Err(PortError::Unknown { evidence }) => AttemptResult::Unknown {
            evidence: evidence.clone(),
        },
    }
}

/// What this answer proves, given what may still be under way from earlier attempts.
fn conclude(
    answer: Result<Answer, PortError>,
    earlier_unresolved: bool,
) -> Result<BankAnswer, ActivityError> {
    match answer {
        Ok(Answer { bank_reference }) => Ok(BankAnswer::Done { bank_reference }),
        Err(PortError::Unknown { evidence }) => Ok(BankAnswer::Unknown { evidence }),
        Err(error) if earlier_unresolved => Ok(BankAnswer::Unknown {
            evidence: format!("an earlier attempt may have arrived; the last one: {error}"),
        }),
        Err(PortError::Rejected(rejection)) => Ok(BankAnswer::Refused { rejection }),
        Err(error @ PortError::Throttled { retry_after }) => {
            Err(failure::try_again_after(error, retry_after))
        }
        Err(error @ PortError::Unreachable) => Err(failure::try_again(error)),
    }
}

async fn instruction(bank: &Bank, step: &BankStep) -> Result<Instruction, ActivityError> {
    let end = if step.touches_source() {
        step.order.source
    } else {
        step.order.destination
    };
    let Endpoint::BankAccount { account, .. } = end else {
        return Err(failure::contradiction(NotABank));
    };
    let account = bank
        .identity
        .reveal_number(&step.order.tenant, account)
        .await
        .map_err(failure::try_again)?;
    Ok(Instruction {
        key: step.key,
        account,
        money: step.order.money,
    })
}

#[derive(Debug, thiserror::Error)]
#[error("a bank step was asked for on an end that is a wallet; nothing was sent")]
struct NotABank;

#[cfg(test)]
mod tests {
    use domain::rail::Rejection;
    use domain::transfer::Decline;

    use super::*;

    fn rejected() -> Result<Answer, PortError> {
        Err(PortError::Rejected(Rejection {
            decline: Decline::AccountClosed,
            network_code: "AC04".into(),
        }))
    }

    #[test]
    fn a_refusal_is_final_only_when_nothing_else_may_have_arrived() {
        assert!(matches!(
            conclude(rejected(), false),
            Ok(BankAnswer::Refused { .. })
        ));
        assert!(matches!(
            conclude(rejected(), true),
            Ok(BankAnswer::Unknown { .. })
        ));
    }

    #[test]
    fn not_reached_is_tried_again_unless_something_may_have_arrived() {
        assert!(conclude(Err(PortError::Unreachable), false).is_err());
        assert!(matches!(
            conclude(Err(PortError::Unreachable), true),
            Ok(BankAnswer::Unknown { .. })
        ));
    }

    #[test]
    fn silence_is_never_a_refusal() {
        let silence = || {
            Err(PortError::Unknown {
                evidence: "no answer in 10 s".into(),
            })
        };
        for earlier in [false, true] {
            assert!(matches!(
                conclude(silence(), earlier),
                Ok(BankAnswer::Unknown { .. })
            ));
        }
    }

    #[test]
    fn an_execution_is_an_execution() {
        let done = || {
            Ok(Answer {
                bank_reference: "B1".into(),
            })
        };
        for earlier in [false, true] {
            assert!(matches!(
                conclude(done(), earlier),
                Ok(BankAnswer::Done { .. })
            ));
        }
    }
}
