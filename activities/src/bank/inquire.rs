//! Asks the bank what became of a step, by our own reference.

use ambient::Timestamp;
use domain::rail::Found;
use temporalio_sdk::activities::ActivityError;
use transfers::Finding;
use workflows::activities::{BankStep, Verdict};

use super::errand::errand;
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
    let errand = errand(bank, &step).await?;
    // Taken before the question leaves: what is sent from now on, its answer says nothing about.
    let cut_off = bank
        .clock
        .now()
        .before(rail.promises().not_found_is_proof_after);
    let last_sent = last_sent(bank, &step).await?;
    let mut pass = match bank.gate(step.rail).question().await {
        Ok(pass) => pass,
        Err(not_now) => return Err(failure::try_again_after(not_now, Some(not_now.wait()))),
    };
    let Some(answer) = errand.find(rail.as_ref()).await else {
        // This bank cannot be asked: a webhook, a statement or a person has to tell.
        return Ok(Verdict::Open);
    };
    pass.saw(health(&answer));
    drop(pass);
    let found = quarantine::found(bank, &step, answer.map_err(failure::try_again)?).await?;
    let verdict = judge(found, last_sent, cut_off);
    if let Some(finding) = settles(&verdict, cut_off) {
        // From now on nothing of this step is under way, and a later answer counts again.
        bank.transfers
            .settle_attempts(&step.order.tenant, step.key, finding)
            .await
            .map_err(failure::try_again)?;
    }
    Ok(verdict)
}

async fn last_sent(bank: &Bank, step: &BankStep) -> Result<Option<Timestamp>, ActivityError> {
    let attempts = bank
        .transfers
        .attempts(&step.order.tenant, step.order.transfer)
        .await
        .map_err(failure::try_again)?;
    Ok(attempts
        .into_iter()
        .filter(|attempt| attempt.key == step.key)
        .map(|attempt| attempt.opened_at)
        .max())
}

/// "Not found" is proof only for what left before the rail's cut-off: the rest may be on its way.
fn judge(found: Found, last_sent: Option<Timestamp>, cut_off: Timestamp) -> Verdict {
    match found {
        Found::Executed { bank_reference } => Verdict::Executed { bank_reference },
        Found::Rejected { rejection } => Verdict::Refused { rejection },
        Found::Pending => Verdict::Open,
        // No finding: the doubt stays open until a person looks.
        Found::Contradicts { evidence } => Verdict::Contradicts { evidence },
        Found::NotFound if last_sent.is_some_and(|sent| sent > cut_off) => Verdict::Open,
        Found::NotFound => Verdict::NeverArrived,
    }
}

fn settles(verdict: &Verdict, cut_off: Timestamp) -> Option<Finding> {
    match verdict {
        Verdict::Open | Verdict::Contradicts { .. } => None,
        Verdict::NeverArrived => Some(Finding::NeverArrived {
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
        let judged = |sent| judge(Found::NotFound, Some(Timestamp::from_micros(sent)), cut_off);
        assert_eq!(judged(cut_off.as_micros() + 1), Verdict::Open);
        assert_eq!(judged(cut_off.as_micros()), Verdict::NeverArrived);
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
            let verdict = judge(found, None, Timestamp::from_seconds(1_000));
            assert_eq!(verdict, expected);
            assert_eq!(settles(&verdict, Timestamp::from_seconds(1_000)), None);
        }
    }
}
