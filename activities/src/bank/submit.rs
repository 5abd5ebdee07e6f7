//! One attempt of a money step: recorded durably before it leaves, closed with what came back.
//!
//! Once an attempt may have arrived, a later "no" or "not reached" proves nothing about it: the
//! answer stays unknown until an inquiry, a webhook, a statement or a person settles it.

use std::time::Duration;

use domain::rail::{Answer, PortError, Rail};
use domain::transfer::Order;
use rails::Health;
use temporalio_sdk::activities::ActivityError;
use transfers::{AttemptError, AttemptResult};
use workflows::activities::{BankAnswer, BankStep};

use super::errand::{self, Errand, Movement, errand};
use super::{Bank, quarantine};
use crate::failure;

pub(super) async fn submit(
    bank: &Bank,
    step: BankStep,
    movement: Movement,
) -> Result<BankAnswer, ActivityError> {
    let tenant = &step.order.tenant;
    let rail = bank.rails.get(step.rail).map_err(failure::try_again)?;
    let stored = bank.transfers.order(tenant, step.order.transfer).await;
    if !as_accepted(&step, movement, stored.map_err(failure::try_again)?) {
        return Err(failure::contradiction(NotAsAccepted));
    }
    let errand = errand(bank, &step).await?;
    let promises = rail.promises();
    let never_repeat = promises.deduplicates_for.is_none();
    let mut pass = match bank.gate(step.rail).payment(tenant.partner).await {
        Ok(pass) => pass,
        Err(not_now) => return not_sent(not_now, Some(not_now.wait()), never_repeat),
    };
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
    // Once it has left it may leave again only while the bank surely knows our reference, however
    // long a pause or an outage lasted. What was proved never to have arrived is no exception.
    let over = !never_repeat
        && attempt
            .first_left
            .is_some_and(|first| !promises.may_leave_again(first, bank.clock.now()));
    let answer = if over || (attempt.earlier_unresolved && never_repeat) {
        // It must not leave a second time. Closed as never sent, and asked about instead.
        Err(PortError::Unreachable)
    } else {
        let answer = send(rail.as_ref(), &errand).await;
        pass.saw(health(&answer));
        quarantine::examined(bank, &step, answer).await?
    };
    drop(pass);
    bank.transfers
        .close_attempt(tenant, step.key, attempt.number, result_of(&answer))
        .await
        .map_err(not_recorded)?;
    if over {
        return Ok(BankAnswer::Unknown {
            evidence: TOO_LONG_AGO.to_owned(),
        });
    }
    conclude(answer, attempt.earlier_unresolved, never_repeat)
}

pub(super) const TOO_LONG_AGO: &str = "it left so long ago that the bank may have forgotten our reference; it is not sent again, only \
     asked about";

/// A bank is asked for what was accepted, and for nothing else: whoever can start a workflow must
/// not be able to choose an amount or an account by it.
pub(super) fn as_accepted(step: &BankStep, movement: Movement, stored: Option<Order>) -> bool {
    of_what_was_accepted(step, stored)
        && errand::movement(&step.order, step.key) == Some((movement, step.rail))
}

/// The same for a question: its answer is believed, so it must be about what was accepted.
pub(super) fn of_what_was_accepted(step: &BankStep, stored: Option<Order>) -> bool {
    let (order, key) = (&step.order, step.key);
    let rail = errand::movement(order, key).map(|(_, rail)| rail);
    stored == Some(*order) && key.transfer == order.transfer && rail == Some(step.rail)
}

pub(super) fn not_recorded(error: AttemptError) -> ActivityError {
    match error {
        AttemptError::Store(_) => failure::try_again(error),
        // The transfer is in no state to send this: no repetition changes that.
        _ => failure::contradiction(error),
    }
}

/// A rail without the ability is as good as not reached: nothing left.
async fn send(rail: &dyn Rail, errand: &Errand) -> Result<Answer, PortError> {
    match errand {
        Errand::Debit(instruction) => match rail.debits() {
            Some(debits) => debits.debit(instruction).await,
            None => Err(PortError::Unreachable),
        },
        Errand::PayOut(instruction) => match rail.payouts() {
            Some(payouts) => payouts.pay_out(instruction).await,
            None => Err(PortError::Unreachable),
        },
        Errand::Card(order) => match rail.cards() {
            Some(cards) => cards.submit(order).await,
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
    never_repeat: bool,
) -> Result<BankAnswer, ActivityError> {
    match answer {
        Ok(Answer { bank_reference }) => Ok(BankAnswer::Done { bank_reference }),
        Err(PortError::Unknown { evidence }) => Ok(BankAnswer::Unknown { evidence }),
        Err(error) if earlier_unresolved => Ok(BankAnswer::Unknown {
            evidence: format!("an earlier attempt may have arrived; the last one: {error}"),
        }),
        Err(PortError::Rejected(rejection)) => Ok(BankAnswer::Refused { rejection }),
        Err(error @ PortError::Throttled { retry_after }) => {
            not_sent(error, retry_after, never_repeat)
        }
        Err(error @ PortError::Unreachable) => not_sent(error, None, never_repeat),
    }
}

/// Nothing left. Where a step has many tries the engine tries again by itself; where it has one,
/// because what was sent may not be sent again, the workflow is told that nothing was.
fn not_sent(
    error: impl std::error::Error + Send + Sync + 'static,
    wait: Option<Duration>,
    never_repeat: bool,
) -> Result<BankAnswer, ActivityError> {
    if never_repeat {
        return Ok(BankAnswer::NotSent {
            evidence: error.to_string(),
        });
    }
    Err(failure::try_again_after(error, wait))
}

/// What an answer says about the rail, whatever it says about the money.
pub(super) const fn health<T>(answer: &Result<T, PortError>) -> Health {
    match answer {
        Ok(_) | Err(PortError::Rejected(_) | PortError::Throttled { .. }) => Health::Answered,
        Err(PortError::Unreachable | PortError::Unknown { .. }) => Health::Silent,
    }
}

#[derive(Debug, thiserror::Error)]
#[error(
    "a bank step was asked for that is not of the transfer as it was accepted; nothing was sent"
)]
pub(super) struct NotAsAccepted;

#[cfg(test)]
mod tests {
    use domain::rail::CardPart;
    use domain::rail::{RailId, Rejection};
    use domain::transfer::{Decline, Endpoint};
    use domain::{
        BankAccountId, CardId, Currency, Mode, Money, PartnerId, Step, StepKey, Tenant, TransferId,
    };

    use super::*;

    #[test]
    fn only_what_was_accepted_is_sent() {
        let bank = |bits| Endpoint::BankAccount {
            account: BankAccountId::from_bits(bits),
            rail: RailId::SandboxBank,
        };
        let order = Order {
            fee: None,
            quote: None,
            screened: false,
            execute_at: None,
            tenant: Tenant {
                partner: PartnerId::from_bits(1),
                mode: Mode::Sandbox,
            },
            transfer: TransferId::from_bits(7),
            money: Money::from_minor(1_000, Currency::EUR).unwrap(),
            source: bank(1),
            destination: bank(2),
        };
        let step = |order, key| BankStep {
            order,
            key,
            rail: RailId::SandboxBank,
            elsewhere: None,
        };
        let collect = StepKey::of(order.transfer, Step::Collect);
        let back = StepKey::undo(order.transfer, Step::Collect);
        let sent = |step: BankStep, way| as_accepted(&step, way, Some(order));
        assert!(sent(step(order, collect), Movement::Debit));
        assert!(sent(step(order, back), Movement::PayOut));

        let money = Money::from_minor(777_000, Currency::EUR).unwrap();
        assert!(!sent(
            step(Order { money, ..order }, collect),
            Movement::Debit
        ));
        let destination = bank(3);
        let elsewhere = Order {
            destination,
            ..order
        };
        let pay_out = StepKey::of(order.transfer, Step::PayOut);
        assert!(!sent(step(elsewhere, pay_out), Movement::PayOut));
        assert!(!sent(step(order, collect), Movement::PayOut));
        let other = StepKey::of(TransferId::from_bits(8), Step::Collect);
        assert!(!sent(step(order, other), Movement::Debit));
        assert!(!as_accepted(&step(order, collect), Movement::Debit, None));
    }

    #[test]
    fn a_card_is_promised_captured_released_and_refunded_each_under_its_own_key() {
        let rail = RailId::SandboxCards;
        let tenant = Tenant {
            partner: PartnerId::from_bits(1),
            mode: Mode::Sandbox,
        };
        let (id, card) = (TransferId::from_bits(7), CardId::from_bits(1));
        let source = Endpoint::Card { card, rail };
        let destination = Endpoint::BankAccount {
            account: BankAccountId::from_bits(2),
            rail: RailId::SandboxBank,
        };
        let money = Money::from_minor(1_000, Currency::EUR).unwrap();
        let order = Order::plain(tenant, id, money, source, destination);
        let keys = [
            (StepKey::of(id, Step::Collect), CardPart::Authorise),
            (StepKey::of(id, Step::Fund), CardPart::Capture),
            (StepKey::undo(id, Step::Collect), CardPart::Void),
            (StepKey::undo(id, Step::Fund), CardPart::Refund),
        ];
        for (key, right) in keys {
            let step = BankStep {
                order,
                key,
                rail,
                elsewhere: None,
            };
            for part in CardPart::ALL {
                let accepted = as_accepted(&step, Movement::Card(part), Some(order));
                assert_eq!(accepted, part == right, "{key} {part:?}");
            }
            assert!(!as_accepted(&step, Movement::Debit, Some(order)));
            assert!(!as_accepted(&step, Movement::PayOut, Some(order)));
        }
    }

    fn rejected() -> Result<Answer, PortError> {
        Err(PortError::Rejected(Rejection {
            decline: Decline::AccountClosed,
            network_code: "AC04".into(),
        }))
    }

    #[test]
    fn a_refusal_is_final_only_when_nothing_else_may_have_arrived() {
        assert!(matches!(
            conclude(rejected(), false, false),
            Ok(BankAnswer::Refused { .. })
        ));
        assert!(matches!(
            conclude(rejected(), true, false),
            Ok(BankAnswer::Unknown { .. })
        ));
    }

    #[test]
    fn not_reached_is_tried_again_unless_something_may_have_arrived() {
        assert!(conclude(Err(PortError::Unreachable), false, false).is_err());
        // With one try only, it must not be spent on a call that never left.
        assert!(matches!(
            conclude(Err(PortError::Unreachable), false, true),
            Ok(BankAnswer::NotSent { .. })
        ));
        assert!(matches!(
            conclude(Err(PortError::Unreachable), true, false),
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
                conclude(silence(), earlier, false),
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
                conclude(done(), earlier, false),
                Ok(BankAnswer::Done { .. })
            ));
        }
    }
}
