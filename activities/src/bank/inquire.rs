//! Asks the bank what became of a step, by our own reference.

use ambient::Timestamp;
use domain::rail::Found;
use temporalio_sdk::activities::ActivityError;
use transfers::{Finding, Seen};
use workflows::activities::{BankStep, Verdict};

use super::errand::question;
use super::submit::{NotAsAccepted, health, of_what_was_accepted};
use super::{Bank, quarantine};
use crate::failure;

pub(super) async fn inquire(bank: &Bank, step: BankStep) -> Result<Verdict, ActivityError> {
    let rail = bank.rails.get(step.rail).map_err(failure::try_again)?;
    let stored = bank
        .transfers
        .order(&step.order.tenant, step.order.transfer);
    if !of_what_was_accepted(&step, stored.await.map_err(failure::try_again)?) {
        return Err(failure::contradiction(NotAsAccepted));
    }
    let question = question(bank, &step).await?;
    // Taken before the question leaves: what is sent from now on, its answer says nothing about.
    let cut_off = bank
        .clock
        .now()
        .before(rail.promises().not_found_is_proof_after);
    let left = left(bank, &step).await?;
    let mut pass = match bank.gate(step.rail).question().await {
        Ok(pass) => pass,
        Err(not_now) => return Err(failure::try_again_after(not_now, Some(not_now.wait()))),
    };
    let Some(answer) = question.ask(rail.as_ref()).await else {
        let evidence = "this bank cannot be asked: a notice, a statement or a person has to tell";
        asked(bank, &step, evidence.to_owned()).await?;
        return Ok(Verdict::Open);
    };
    pass.saw(health(&answer));
    drop(pass);
    let found = match answer {
        Ok(found) => quarantine::found(bank, &step, found).await?,
        Err(error) => {
            let evidence = format!("asked: {error}");
            seen(bank, &step, Seen::NotAnswered { evidence }).await?;
            return Err(failure::try_again(error));
        }
    };
    let not_found = found == Found::NotFound;
    let first = left.iter().min().copied();
    let over = first.is_some_and(|first| {
        let promises = rail.promises();
        promises.deduplicates_for.is_some() && !promises.may_leave_again(first, bank.clock.now())
    });
    let verdict = judge(found, left.into_iter().max(), cut_off, over);
    match &verdict {
        Verdict::Open if not_found => {
            let evidence = "asked: the bank does not know it yet, which is no proof so early";
            asked(bank, &step, evidence.to_owned()).await?;
        }
        Verdict::Open => {
            let evidence = "asked: the bank has not decided yet";
            asked(bank, &step, evidence.to_owned()).await?;
        }
        Verdict::Contradicts { evidence } => {
            asked(bank, &step, format!("asked: {evidence}")).await?;
        }
        Verdict::Executed { .. } | Verdict::Refused { .. } | Verdict::NeverArrived { .. } => {}
    }
    if let Some(finding) = settles(&verdict, cut_off) {
        // From now on nothing of this step is under way, and a later answer counts again.
        bank.transfers
            .settle_attempts(&step.order.tenant, step.key, finding)
            .await
            .map_err(failure::try_again)?;
    }
    Ok(verdict)
}

/// It has decided nothing; the doubt shows what was seen, and when it is asked next.
async fn asked(bank: &Bank, step: &BankStep, evidence: String) -> Result<(), ActivityError> {
    let rail = step.rail;
    seen(bank, step, Seen::Asked { evidence, rail }).await
}

async fn seen(bank: &Bank, step: &BankStep, seen: Seen) -> Result<(), ActivityError> {
    let order = &step.order;
    bank.transfers
        .doubted(&order.tenant, order.transfer, step.key.step, seen)
        .await
        .map_err(failure::try_again)
}

/// When whatever may have arrived left.
async fn left(bank: &Bank, step: &BankStep) -> Result<Vec<Timestamp>, ActivityError> {
    let attempts = bank
        .transfers
        .attempts(&step.order.tenant, step.order.transfer)
        .await
        .map_err(failure::try_again)?;
    Ok(attempts
        .into_iter()
        .filter(|attempt| attempt.key == step.key && attempt.may_have_left)
        .map(|attempt| attempt.opened_at)
        .collect())
}

/// "Not found" is proof only for what left before the rail's cut-off: the rest may be on its way.
/// `over`: by now the bank may have forgotten our reference, so it is not sent again.
fn judge(found: Found, last_sent: Option<Timestamp>, cut_off: Timestamp, over: bool) -> Verdict {
    match found {
        Found::Executed { bank_reference } => Verdict::Executed { bank_reference },
        Found::Rejected { rejection } => Verdict::Refused { rejection },
        Found::Pending => Verdict::Open,
        // No finding: the doubt stays open until a person looks.
        Found::Contradicts { evidence } => Verdict::Contradicts { evidence },
        Found::NotFound if last_sent.is_some_and(|sent| sent > cut_off) => Verdict::Open,
        Found::NotFound => Verdict::NeverArrived { over },
    }
}

fn settles(verdict: &Verdict, cut_off: Timestamp) -> Option<Finding> {
    match verdict {
        Verdict::Open | Verdict::Contradicts { .. } => None,
        Verdict::NeverArrived { .. } => Some(Finding::NeverArrived {
            opened_until: cut_off,
        }),
        Verdict::Executed { bank_reference } => Some(Finding::Executed {
            bank_reference: bank_reference.clone(),
        }),
        Verdict::Refused { rejection } => Some(Finding::Rejected(rejection.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_found_is_no_proof_for_what_left_after_the_cut_off() {
        let cut_off = Timestamp::from_seconds(1_000);
        let judged = |sent| {
            let sent = Some(Timestamp::from_micros(sent));
            judge(Found::NotFound, sent, cut_off, false)
        };
        assert_eq!(judged(cut_off.as_micros() + 1), Verdict::Open);
        assert_eq!(
            judged(cut_off.as_micros()),
            Verdict::NeverArrived { over: false }
        );
    }

    #[test]
    fn a_bank_that_is_undecided_or_contradicts_leaves_it_open() {
        let evidence = "another amount".to_owned();
        let contradicts = Found::Contradicts {
            evidence: evidence.clone(),
        };
        for (found, expected) in [
            (Found::Pending, Verdict::Open),
            (contradicts, Verdict::Contradicts { evidence }),
        ] {
            let verdict = judge(found, None, Timestamp::from_seconds(1_000), false);
            assert_eq!(verdict, expected);
            assert_eq!(settles(&verdict, Timestamp::from_seconds(1_000)), None);
        }
    }
}
