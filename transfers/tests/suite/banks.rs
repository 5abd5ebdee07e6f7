//! Attempts at banks: recorded before they leave, unknown until somebody knows.

use std::time::Duration;

use crate::house::{House, each};
use ambient::Clock;
use anyhow::{Result, bail, ensure};
use domain::rail::{RailId, Rejection};
use domain::transfer::{Decline, Happening};
use domain::{Mode, Step, StepKey, TransferId};
use testkit::Trial;
use transfers::{Attempt, AttemptError, AttemptResult, AttemptState, Finding};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(each("an_unanswered_attempt_keeps_the_step_unknown", sticky));
    trials.extend(each("what_is_known_is_answered_and_not_sent", known));
    trials.extend(each("a_finding_ends_the_doubt", findings));
    trials.extend(each("not_found_says_nothing_of_what_left_later", later));
    trials.extend(each("the_banks_late_yes_beats_every_no", late_yes));
    trials.extend(each("a_step_out_of_turn_gets_no_leave", out_of_turn));
    trials.extend(each(
        "concurrent_attempts_have_numbers_of_their_own",
        numbers,
    ));
    trials
}

const RAIL: RailId = RailId::SandboxBank;

fn rejection() -> Rejection {
    Rejection {
        decline: Decline::AccountClosed,
        network_code: "AC04".to_owned(),
    }
}

fn done(reference: &str) -> AttemptResult {
    AttemptResult::Done {
        bank_reference: reference.to_owned(),
    }
}

fn unknown() -> AttemptResult {
    AttemptResult::Unknown {
        // Whatever a broken bank sends: PostgreSQL would refuse it as text.
        evidence: "timeout\0".repeat(100),
    }
}

/// A transfer that is collecting from a bank, and the key of that step.
async fn collecting(house: &House, key: &str) -> Result<StepKey> {
    let made = house
        .accept(key, house.order(house.bank(0), house.bank(1)))
        .await?;
    house.record(made.id, &[Happening::Collecting]).await?;
    Ok(StepKey::of(made.id, Step::Collect))
}

async fn open(house: &House, key: StepKey) -> Result<Attempt> {
    Ok(house
        .transfers
        .open_attempt(&house.tenant, key, RAIL)
        .await?)
}

async fn close(
    house: &House,
    key: StepKey,
    number: i64,
    result: AttemptResult,
) -> Result<AttemptState> {
    Ok(house
        .transfers
        .close_attempt(&house.tenant, key, number, result)
        .await?)
}

async fn settle(house: &House, key: StepKey, finding: Finding) -> Result<()> {
    Ok(house
        .transfers
        .settle_attempts(&house.tenant, key, finding)
        .await?)
}

async fn states(house: &House, id: TransferId) -> Result<Vec<&'static str>> {
    let rows = house.transfers.attempts(&house.tenant, id).await?;
    Ok(rows.iter().map(|row| row.state.name()).collect())
}

async fn sticky(house: House) -> Result<()> {
    let key = collecting(&house, "k").await?;
    // The first was never closed: its worker died.
    let first = open(&house, key).await?;
    ensure!((first.number, first.earlier_unresolved) == (1, false));
    let second = open(&house, key).await?;
    ensure!((second.number, second.earlier_unresolved) == (2, true));
    close(
        &house,
        key,
        second.number,
        AttemptResult::Rejected(rejection()),
    )
    .await?;
    let third = open(&house, key).await?;
    ensure!(
        third.earlier_unresolved && third.earlier_answer.is_none(),
        "a no proved something"
    );
    close(&house, key, third.number, AttemptResult::NotSent).await?;
    // Nor does a late "not sent" or "rejected" weaken an attempt that is unknown already.
    close(&house, key, first.number, unknown()).await?;
    for late in [AttemptResult::NotSent, AttemptResult::Rejected(rejection())] {
        let state = close(&house, key, first.number, late).await?;
        ensure!(matches!(state, AttemptState::Unknown { .. }), "{state:?}");
    }
    ensure!(states(&house, key.transfer).await? == ["unknown", "rejected", "not_sent"]);
    Ok(())
}

async fn known(house: House) -> Result<()> {
    let key = collecting(&house, "k1").await?;
    let first = open(&house, key).await?;
    close(&house, key, first.number, AttemptResult::NotSent).await?;
    let second = open(&house, key).await?;
    ensure!(
        !second.earlier_unresolved,
        "what was not sent leaves no doubt"
    );
    close(&house, key, second.number, done("b-1")).await?;
    close(&house, key, second.number, done("b-1")).await?;
    let again = open(&house, key).await?;
    ensure!(again.earlier_answer.unwrap().unwrap().bank_reference == "b-1");
    ensure!(
        states(&house, key.transfer).await?.len() == 2,
        "a known step was opened again"
    );
    // Also when the transfer has moved on.
    let funded = Happening::Funded {
        bank_reference: Some("b-1".to_owned()),
    };
    house.record(key.transfer, &[funded]).await?;
    ensure!(open(&house, key).await?.earlier_answer.is_some());

    let key = collecting(&house, "k2").await?;
    let first = open(&house, key).await?;
    close(
        &house,
        key,
        first.number,
        AttemptResult::Rejected(rejection()),
    )
    .await?;
    ensure!(open(&house, key).await?.earlier_answer == Some(Err(rejection())));
    Ok(())
}

async fn findings(house: House) -> Result<()> {
    for (number, (finding, expected)) in [
        (
            Finding::Executed {
                bank_reference: "b-1".to_owned(),
            },
            ["done", "not_sent", "done"],
        ),
        (
            Finding::Rejected(rejection()),
            ["rejected", "not_sent", "rejected"],
        ),
        (
            Finding::NeverArrived {
                opened_until: house.clock.now(),
            },
            ["not_sent", "not_sent", "not_sent"],
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let key = collecting(&house, &format!("k{number}")).await?;
        for result in [Some(unknown()), Some(AttemptResult::NotSent), None] {
            let attempt = open(&house, key).await?;
            if let Some(result) = result {
                close(&house, key, attempt.number, result).await?;
            }
        }
        settle(&house, key, finding.clone()).await?;
        settle(&house, key, finding).await?;
        ensure!(
            states(&house, key.transfer).await? == expected,
            "{expected:?}"
        );
        let rows = house
            .transfers
            .attempts(&house.tenant, key.transfer)
            .await?;
        ensure!(rows.iter().all(|row| row.closed_at.is_some()));
        let next = open(&house, key).await?;
        ensure!(!next.earlier_unresolved, "still in doubt");
    }
    Ok(())
}

async fn later(house: House) -> Result<()> {
    let key = collecting(&house, "k").await?;
    let first = open(&house, key).await?;
    close(&house, key, first.number, unknown()).await?;
    let opened_until = house.clock.now();
    house.clock.advance(Duration::from_secs(1));
    open(&house, key).await?;
    settle(&house, key, Finding::NeverArrived { opened_until }).await?;
    ensure!(states(&house, key.transfer).await? == ["not_sent", "open"]);
    ensure!(open(&house, key).await?.earlier_unresolved);
    Ok(())
}

async fn late_yes(house: House) -> Result<()> {
    let key = collecting(&house, "k").await?;
    let first = open(&house, key).await?;
    close(&house, key, first.number, unknown()).await?;
    let opened_until = house.clock.now();
    settle(&house, key, Finding::NeverArrived { opened_until }).await?;
    // The proof was wrong: the bank did it after all, and says so.
    let state = close(&house, key, first.number, done("b-9")).await?;
    ensure!(matches!(state, AttemptState::Done { .. }));
    settle(&house, key, Finding::Rejected(rejection())).await?;
    ensure!(
        open(&house, key)
            .await?
            .earlier_answer
            .unwrap()
            .unwrap()
            .bank_reference
            == "b-9"
    );

    // The same news by an inquiry, where no attempt is in doubt any more.
    let key = collecting(&house, "k2").await?;
    let first = open(&house, key).await?;
    close(&house, key, first.number, AttemptResult::NotSent).await?;
    let bank_reference = "b-10".to_owned();
    settle(&house, key, Finding::Executed { bank_reference }).await?;
    ensure!(states(&house, key.transfer).await? == ["done"]);
    Ok(())
}

async fn out_of_turn(house: House) -> Result<()> {
    let made = house
        .accept("k", house.order(house.bank(0), house.bank(1)))
        .await?;
    let collect = StepKey::of(made.id, Step::Collect);
    let pay_out = StepKey::of(made.id, Step::PayOut);
    let give_back = StepKey::undo(made.id, Step::Collect);
    let leave = async |key, expected: bool| -> Result<()> {
        match house.transfers.open_attempt(&house.tenant, key, RAIL).await {
            Ok(attempt) if expected => {
                close(&house, key, attempt.number, AttemptResult::NotSent).await?;
                Ok(())
            }
            Err(AttemptError::NotNow { .. }) if !expected => Ok(()),
            other => bail!("{key}: {other:?}"),
        }
    };
    let check = async |expected: [bool; 3]| -> Result<()> {
        for (key, expected) in [collect, pay_out, give_back].into_iter().zip(expected) {
            leave(key, expected).await?;
        }
        Ok(())
    };
    let bank_reference = None::<String>;
    let decline = Decline::AccountClosed;
    check([false, false, false]).await?;
    house.record(made.id, &[Happening::Collecting]).await?;
    check([true, false, false]).await?;
    let funded = Happening::Funded {
        bank_reference: bank_reference.clone(),
    };
    house.record(made.id, &[funded]).await?;
    check([false, false, false]).await?;
    house.record(made.id, &[Happening::PayingOut]).await?;
    check([false, true, false]).await?;
    house
        .record(made.id, &[Happening::PayoutRefused { decline }])
        .await?;
    check([false, false, true]).await?;
    house
        .record(made.id, &[Happening::Refunded { bank_reference }])
        .await?;
    check([false, false, false]).await?;

    let other = house
        .identity
        .create_partner(Mode::Sandbox, "Other")
        .await?;
    for (tenant, key) in [
        (other, collect),
        (
            house.tenant,
            StepKey::of(TransferId::from_bits(1), Step::Collect),
        ),
    ] {
        let opened = house.transfers.open_attempt(&tenant, key, RAIL).await;
        ensure!(
            matches!(opened, Err(AttemptError::NoSuchAttempt)),
            "{opened:?}"
        );
        let closed = house
            .transfers
            .close_attempt(&tenant, key, 1, done("b"))
            .await;
        ensure!(
            matches!(closed, Err(AttemptError::NoSuchAttempt)),
            "{closed:?}"
        );
    }
    Ok(())
}

async fn numbers(house: House) -> Result<()> {
    let key = collecting(&house, "k").await?;
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (transfers, tenant) = (house.transfers.clone(), house.tenant);
            tokio::spawn(async move { transfers.open_attempt(&tenant, key, RAIL).await })
        })
        .collect();
    let mut numbers = Vec::new();
    let mut fresh = 0;
    for call in calls {
        let attempt = call.await??;
        numbers.push(attempt.number);
        fresh += usize::from(!attempt.earlier_unresolved);
    }
    numbers.sort_unstable();
    ensure!(numbers == (1..=20).collect::<Vec<_>>() && fresh == 1);
    Ok(())
}
