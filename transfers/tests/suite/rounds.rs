//! A step that a person has done once more: a new key only over dead ones, and done is done in
//! whichever round. And a person's word about a doubt.

use crate::house::{House, each};
use anyhow::{Result, ensure};
use domain::rail::{RailId, Rejection};
use domain::transfer::{Decline, Happening, Status};
use domain::{ActionId, ActionKind, Step, StepKey, Told, TransferId};
use testkit::Trial;
use transfers::{Acted, AttemptError, AttemptResult, AttemptState, ByHand};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(each("a_new_round_needs_dead_ones", rounds));
    trials.extend(each("a_persons_word_settles_what_is_unknown", by_hand));
    trials.extend(each("what_a_person_did_stands_in_the_history_once", acted));
    trials
}

const RAIL: RailId = RailId::SandboxBank;

/// A transfer whose payout was refused: the sender is to be given the money back.
async fn compensating(house: &House) -> Result<TransferId> {
    let made = house
        .accept("k", house.order(house.bank(0), house.bank(1)))
        .await?;
    let reference = |text: &str| Some(text.to_owned());
    let happenings = [
        Happening::Collecting,
        Happening::Funded {
            bank_reference: reference("b1"),
        },
        Happening::PayingOut,
        Happening::PayoutRefused {
            decline: Decline::AccountClosed,
        },
    ];
    house.record(made.id, &happenings).await?;
    Ok(made.id)
}

async fn rounds(house: House) -> Result<()> {
    let id = compensating(&house).await?;
    let (transfers, tenant) = (&house.transfers, &house.tenant);
    let first = StepKey::undo(id, Step::Collect);
    let second = first.next_round();
    let opened = transfers.open_attempt(tenant, first, RAIL).await?;
    let early = transfers.open_attempt(tenant, second, RAIL).await;
    ensure!(
        matches!(early, Err(AttemptError::OtherRound { other, .. }) if other == first),
        "a second round was opened over an open one: {early:?}"
    );
    let rejected = AttemptResult::Rejected(Rejection {
        decline: Decline::AccountClosed,
        network_code: "AC04".to_owned(),
    });
    transfers
        .close_attempt(tenant, first, opened.number, rejected)
        .await?;
    let opened = transfers.open_attempt(tenant, second, RAIL).await?;
    ensure!(opened.earlier_answer.is_none() && !opened.earlier_unresolved);

    // A third round not before the second is dead, and the first never rises again.
    let third = second.next_round();
    let early = transfers.open_attempt(tenant, third, RAIL).await;
    ensure!(matches!(early, Err(AttemptError::OtherRound { .. })));
    let late = transfers.open_attempt(tenant, first, RAIL).await?;
    ensure!(matches!(late.earlier_answer, Some(Err(_))), "{late:?}");

    let given = |reference: &str| {
        let bank_reference = Some(reference.to_owned());
        [Happening::Refunded { bank_reference }]
    };
    ensure!(!transfers.proven(tenant, id, &given("b2")).await?);
    let done = AttemptResult::Done {
        bank_reference: "b2".to_owned(),
    };
    transfers
        .close_attempt(tenant, second, opened.number, done)
        .await?;
    ensure!(transfers.proven(tenant, id, &given("b2")).await?);
    ensure!(!transfers.proven(tenant, id, &given("b3")).await?);
    for key in [first, third] {
        let late = transfers.open_attempt(tenant, key, RAIL).await?;
        let answer = late.earlier_answer.map(|answer| answer.is_ok());
        ensure!(answer == Some(true), "{key} would be sent: {answer:?}");
    }
    Ok(())
}

async fn by_hand(house: House) -> Result<()> {
    let id = compensating(&house).await?;
    let (transfers, tenant) = (&house.transfers, &house.tenant);
    let key = StepKey::undo(id, Step::Collect);
    let word = || ByHand {
        action: ActionId::from_bits(1),
        evidence: "statement, line 4".to_owned(),
    };
    let nothing = transfers
        .settle_by_hand(tenant, key, &Told::NotExecuted, word())
        .await?;
    ensure!(nothing.is_none(), "nothing was sent: {nothing:?}");

    transfers.open_attempt(tenant, key, RAIL).await?;
    let executed = Told::Executed {
        bank_reference: "b2".to_owned(),
    };
    for told in [&Told::NotExecuted, &executed] {
        // The second word comes too late: what the first one settled stands.
        let known = transfers.settle_by_hand(tenant, key, told, word()).await?;
        ensure!(
            matches!(known, Some(AttemptState::Rejected(_))),
            "{known:?}"
        );
    }
    let sql = "SELECT evidence, settled_by FROM rail_attempts WHERE step_key = $1";
    let row = house
        .db
        .fetch_optional(sql, db::params![key.to_string()])
        .await?;
    let row = row.unwrap();
    ensure!(row.text("evidence")? == "statement, line 4");
    ensure!(row.text("settled_by")? == ActionId::from_bits(1).to_string());

    let second = key.next_round();
    transfers.open_attempt(tenant, second, RAIL).await?;
    let known = transfers
        .settle_by_hand(tenant, second, &executed, word())
        .await?;
    ensure!(
        matches!(known, Some(AttemptState::Done { .. })),
        "{known:?}"
    );
    let bank_reference = Some("b2".to_owned());
    let given = Happening::Refunded { bank_reference };
    ensure!(
        transfers
            .proven(tenant, id, std::slice::from_ref(&given))
            .await?
    );
    house.record(id, &[given]).await?;
    house.books_are_true().await
}

async fn acted(house: House) -> Result<()> {
    let id = compensating(&house).await?;
    let (transfers, tenant) = (&house.transfers, &house.tenant);
    let acted = |bits, kind| Acted {
        linked: None,
        action: ActionId::from_bits(bits),
        kind,
        by: "alice".parse().unwrap(),
        reason: "asked\nby phone".to_owned(),
        step: Step::Collect,
    };
    for _ in 0..2 {
        let hold = acted(1, ActionKind::Hold);
        ensure!(transfers.acted(tenant, id, &hold).await?);
    }
    let held = house.get(id).await?;
    ensure!(
        held.flags
            .on_hold
            .is_some_and(|flag| flag.step == Step::Collect)
    );
    let rows = transfers.history(tenant, id).await?;
    let by_alice: Vec<_> = rows
        .iter()
        .filter(|row| row.actor == "operator:alice")
        .collect();
    ensure!(by_alice.len() == 1, "{by_alice:?}");
    ensure!(by_alice[0].cause == "held" && by_alice[0].note.as_deref() == Some("asked by phone"));
    let release = acted(2, ActionKind::Release);
    ensure!(transfers.acted(tenant, id, &release).await?);
    ensure!(house.get(id).await?.flags.is_empty());

    let bank_reference = Some("b2".to_owned());
    house
        .record(id, &[Happening::Refunded { bank_reference }])
        .await?;
    let before = house.get(id).await?;
    ensure!(before.status == Status::Refunded);
    let late = acted(3, ActionKind::Note);
    ensure!(
        !transfers.acted(tenant, id, &late).await?,
        "a final row was written"
    );
    ensure!(house.get(id).await? == before);
    Ok(())
}
