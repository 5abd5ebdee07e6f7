//! What follows a completed transfer: never more than was captured, each thing once, believed only
//! from whoever did it, and every entry true.

use domain::linked::{Kind, LinkedId, State, Turn};
use domain::rail::RailId;
use domain::transfer::{Decline, Happening, Status};
use domain::{Money, RequestId, StepKey, TransferId};
use ledger::{Owner, Purpose};
use testkit::Trial;
use transfers::linked::{NewRefund, NotTaken, Notice, Noticed, Opened, Reason, RefundError};
use transfers::{AttemptError, AttemptResult, RecordError};

use crate::house::{House, each, eur, idempotency};
use anyhow::{Context, Result, bail, ensure};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(each("refunds_never_exceed_what_was_captured", bounded));
    trials.extend(each("of_two_refunds_at_once_one_is_refused", at_once));
    trials.extend(each("a_refunds_key_is_used_once", keys));
    trials.extend(each("a_refund_over_a_bank_is_set_aside_first", over_a_bank));
    trials.extend(each("a_refused_refund_gives_the_money_back", refused));
    trials.extend(each("a_payout_that_came_back_goes_to_the_sender", returned));
    trials.extend(each("a_dispute_is_decided_by_a_message", no_dispute));
    trials
}

const RAIL: RailId = RailId::SandboxBank;

async fn inside(house: &House) -> Result<TransferId> {
    let made = house
        .accept("paid", house.order(house.wallet(0), house.wallet(1)))
        .await?;
    let bank_reference = None;
    let happenings = [
        Happening::Collecting,
        Happening::Funded {
            bank_reference: bank_reference.clone(),
        },
        Happening::PayingOut,
        Happening::Completed { bank_reference },
    ];
    house.record(made.id, &happenings).await?;
    Ok(made.id)
}

/// From the first person's bank to the second's wallet, or bank.
async fn from_a_bank(house: &House, to_a_bank: bool) -> Result<TransferId> {
    let to = if to_a_bank {
        house.bank(1)
    } else {
        house.wallet(1)
    };
    let made = house.accept("paid", house.order(house.bank(0), to)).await?;
    let paid = to_a_bank.then(|| "b2".to_owned());
    let happenings = [
        Happening::Collecting,
        Happening::Funded {
            bank_reference: Some("b1".to_owned()),
        },
        Happening::PayingOut,
        Happening::Completed {
            bank_reference: paid,
        },
    ];
    house.record(made.id, &happenings).await?;
    Ok(made.id)
}

fn some(transfer: TransferId, minor: Option<i64>) -> NewRefund {
    NewRefund {
        transfer,
        money: minor.map(eur),
        reason: Reason::RequestedByCustomer,
        request_id: RequestId::from_bits(1),
    }
}

async fn open(house: &House, key: &str, new: NewRefund) -> Result<Opened, RefundError> {
    let key = idempotency(key);
    house.transfers.refund(&house.tenant, &key, new).await
}

fn code(said: Result<Opened, RefundError>) -> Result<&'static str> {
    match said {
        Err(RefundError::Invalid(field)) => Ok(field.code),
        other => bail!("not refused by name: {other:?}"),
    }
}

async fn take(house: &House, transfer: TransferId, id: LinkedId, turn: Turn) -> Result<State> {
    let taken = house.transfers.turn(&house.tenant, transfer, id, &turn);
    Ok(taken.await?.state)
}

fn given(reference: Option<&str>) -> Turn {
    Turn::GivenBack {
        bank_reference: reference.map(str::to_owned),
    }
}

async fn bounded(house: House) -> Result<()> {
    let early = house
        .accept("early", house.order(house.wallet(0), house.wallet(1)))
        .await?;
    ensure!(code(open(&house, "e", some(early.id, None)).await)? == "not_completed");
    let id = inside(&house).await?;
    let before = house.balance(house.wallet(0)).await?;
    let first = open(&house, "r1", some(id, Some(10_00))).await?.linked;
    ensure!(take(&house, id, first.id, given(None)).await? == State::Completed);
    ensure!(house.balance(house.wallet(0)).await? == before + 10_00);
    for (key, amount, expected) in [
        ("r2", Some(15_01), "exceeds_captured"),
        ("r3", Some(0), "not_positive"),
    ] {
        ensure!(
            code(open(&house, key, some(id, amount)).await)? == expected,
            "{key}"
        );
    }
    let mut foreign = some(id, None);
    foreign.money = Some(Money::from_minor(1, domain::Currency::USD)?);
    ensure!(code(open(&house, "r4", foreign).await)? == "currency_differs");
    // Without an amount it is the rest, and then nothing is left.
    let rest = open(&house, "r5", some(id, None)).await?.linked;
    ensure!(rest.money == eur(15_00), "{rest:?}");
    ensure!(code(open(&house, "r6", some(id, None)).await)? == "nothing_left");
    // What is refused for good frees its share.
    let decline = Decline::InsufficientFunds;
    take(&house, id, rest.id, Turn::Refused { decline }).await?;
    let again = open(&house, "r7", some(id, Some(15_00))).await?.linked;
    take(&house, id, again.id, given(None)).await?;
    // Said again it changes nothing; something else is out of turn.
    let told = house.picture().await?;
    take(&house, id, again.id, given(None)).await?;
    ensure!(house.picture().await? == told);
    let other = house
        .transfers
        .turn(&house.tenant, id, again.id, &Turn::Begun);
    ensure!(matches!(other.await, Err(RecordError::LinkedNotNow(_))));
    let transfer = house.get(id).await?;
    ensure!(transfer.status == Status::Completed);
    ensure!(transfer.facts.refunded == eur(25_00) && transfer.facts.credited.is_zero());
    ensure!(house.balance(house.wallet(0)).await? == before + 25_00);
    house.books_are_true().await
}

/// Two processes, each for 15.00 of 25.00, many times over.
async fn at_once(house: House) -> Result<()> {
    let id = inside(&house).await?;
    let (_db, others) = house.another_process().await?;
    let (here, there) = (idempotency("here"), idempotency("there"));
    let (tenant, new) = (&house.tenant, || some(id, Some(15_00)));
    let (one, two) = tokio::join!(
        house.transfers.refund(tenant, &here, new()),
        others.refund(tenant, &there, new())
    );
    let taken = [&one, &two].into_iter().filter(|said| said.is_ok()).count();
    ensure!(taken == 1, "{one:?} {two:?}");
    let refused = if one.is_err() { one } else { two };
    ensure!(code(refused)? == "exceeds_captured");
    // The same key at once from both: one refund, two answers.
    let key = idempotency("same");
    let small = || some(id, Some(1_00));
    let (one, two) = tokio::join!(
        house.transfers.refund(tenant, &key, small()),
        others.refund(tenant, &key, small())
    );
    let (one, two) = (one?, two?);
    ensure!(one.linked.id == two.linked.id && one.replayed != two.replayed);
    ensure!(house.transfers.linked_to(tenant, id).await?.len() == 2);
    Ok(())
}

async fn keys(house: House) -> Result<()> {
    let id = inside(&house).await?;
    let first = open(&house, "k", some(id, Some(5_00))).await?;
    take(&house, id, first.linked.id, given(None)).await?;
    let again = open(&house, "k", some(id, Some(5_00))).await?;
    ensure!(again.replayed && again.linked.clone().as_opened() == first.linked);
    let mut other = some(id, Some(5_00));
    other.reason = Reason::Duplicate;
    for (new, expected) in [
        (some(id, Some(6_00)), "/amount/amount"),
        (some(id, None), "/amount/amount"),
        (other, "/reason"),
    ] {
        let said = open(&house, "k", new).await;
        ensure!(
            matches!(said, Err(RefundError::KeyReused { pointer }) if pointer == expected),
            "{expected}: {said:?}"
        );
    }
    let stranger = house.another_tenant().await?;
    let (key, new) = (idempotency("k"), some(id, None));
    let said = house.transfers.refund(&stranger, &key, new).await;
    ensure!(matches!(said, Err(RefundError::NoSuchTransfer)), "{said:?}");
    Ok(())
}

async fn over_a_bank(house: House) -> Result<()> {
    let id = from_a_bank(&house, false).await?;
    let had = house.balance(house.wallet(1)).await?;
    let refund = open(&house, "k", some(id, Some(5_00))).await?.linked;
    let key = StepKey::of_linked(id, refund.id);
    let (transfers, tenant) = (&house.transfers, &house.tenant);
    // Nothing may leave before it is set aside.
    let early = transfers.open_attempt(tenant, key, RAIL).await;
    ensure!(
        matches!(early, Err(AttemptError::NotNow { .. })),
        "{early:?}"
    );
    take(&house, id, refund.id, Turn::Begun).await?;
    ensure!(house.balance(house.wallet(1)).await? == had - 5_00);
    let opened = transfers.open_attempt(tenant, key, RAIL).await?;
    let done = given(Some("b9"));
    ensure!(
        !transfers
            .turn_is_proven(tenant, id, refund.id, &done)
            .await?
    );
    let refused = Turn::Refused {
        decline: Decline::AccountClosed,
    };
    ensure!(
        !transfers
            .turn_is_proven(tenant, id, refund.id, &refused)
            .await?
    );
    let bank_reference = "b9".to_owned();
    transfers
        .close_attempt(
            tenant,
            key,
            opened.number,
            AttemptResult::Done { bank_reference },
        )
        .await?;
    for (turn, proven) in [
        (&done, true),
        (&given(Some("b8")), false),
        (&given(None), false),
        (&refused, false),
    ] {
        ensure!(
            transfers
                .turn_is_proven(tenant, id, refund.id, turn)
                .await?
                == proven,
            "{turn:?}"
        );
    }
    take(&house, id, refund.id, done).await?;
    let late = transfers.open_attempt(tenant, key, RAIL).await?;
    ensure!(matches!(late.earlier_answer, Some(Ok(_))), "{late:?}");
    ensure!(house.get(id).await?.facts.refunded == eur(5_00));
    // Its attempts are among those of its transfer, under their own key.
    let attempts = transfers.attempts(tenant, id).await?;
    ensure!(
        attempts.iter().any(|attempt| attempt.key == key),
        "{attempts:?}"
    );
    house.books_are_true().await
}

async fn refused(house: House) -> Result<()> {
    let id = from_a_bank(&house, false).await?;
    let had = house.balance(house.wallet(1)).await?;
    let refund = open(&house, "k", some(id, None)).await?.linked;
    take(&house, id, refund.id, Turn::Begun).await?;
    let decline = Decline::AccountClosed;
    ensure!(take(&house, id, refund.id, Turn::Refused { decline }).await? == State::Failed);
    ensure!(house.balance(house.wallet(1)).await? == had);
    let stored = house.transfers.linked(&house.tenant, refund.id).await?;
    ensure!(stored.context("gone")?.decline == Some(decline));
    ensure!(house.get(id).await?.facts.refunded.is_zero());

    // Whose money is not with us is paid back out of the partner's float, where there is one.
    let outside = house
        .accept("outside", house.order(house.bank(0), house.bank(1)))
        .await?
        .id;
    let reference = |text: &str| Some(text.to_owned());
    let happenings = [
        Happening::Collecting,
        Happening::Funded {
            bank_reference: reference("c1"),
        },
        Happening::PayingOut,
        Happening::Completed {
            bank_reference: reference("c2"),
        },
    ];
    house.record(outside, &happenings).await?;
    ensure!(code(open(&house, "o", some(outside, None)).await)? == "no_payer");
    let (tenant, mint) = (
        house.tenant,
        ambient::Mint::new(std::sync::Arc::new(house.clock.clone())),
    );
    let opened: Result<_, db::WriteError<ledger::LedgerError>> = house
        .db
        .write(move |tx| {
            let mint = mint.clone();
            Box::pin(async move {
                let owner = Owner::Partner(tenant.partner);
                let currency = domain::Currency::EUR;
                ledger::open_owned(tx, &mint, tenant, Purpose::Float, owner, currency, "").await
            })
        })
        .await;
    opened?;
    let paid = open(&house, "o", some(outside, None)).await?.linked;
    let begun = house
        .transfers
        .turn(&house.tenant, outside, paid.id, &Turn::Begun)
        .await;
    ensure!(
        matches!(begun, Err(RecordError::Refused(Decline::InsufficientFunds))),
        "{begun:?}"
    );
    house.books_are_true().await
}

fn notice(noticed: Noticed, transfer: TransferId, message: &str, minor: i64) -> Notice {
    Notice {
        message: message.to_owned(),
        noticed,
        rail: RAIL,
        transfer,
        money: eur(minor),
        cause: "AC04".to_owned(),
        request_id: RequestId::from_bits(2),
    }
}

async fn returned(house: House) -> Result<()> {
    let id = from_a_bank(&house, true).await?;
    let (transfers, tenant) = (&house.transfers, &house.tenant);
    let told = |message: &str, minor| notice(Noticed::Returned, id, message, minor);
    let link = transfers.noticed(tenant, &told("m1", 20_00)).await?;
    ensure!(link.id.kind() == Kind::Return && link.money == eur(20_00));
    ensure!(transfers.noticed(tenant, &told("m1", 20_00)).await?.id == link.id);
    let more = transfers.noticed(tenant, &told("m2", 5_01)).await;
    ensure!(matches!(more, Err(NotTaken::MoreThanMoved)), "{more:?}");
    let mut elsewhere = told("m3", 1_00);
    elsewhere.rail = RailId::SandboxCards;
    let other = transfers.noticed(tenant, &elsewhere).await;
    ensure!(matches!(other, Err(NotTaken::AnotherRail(_))), "{other:?}");
    take(&house, id, link.id, Turn::Begun).await?;
    ensure!(house.get(id).await?.facts.held == eur(20_00));
    let key = StepKey::of_linked(id, link.id);
    let opened = transfers.open_attempt(tenant, key, RAIL).await?;
    let bank_reference = "b7".to_owned();
    transfers
        .close_attempt(
            tenant,
            key,
            opened.number,
            AttemptResult::Done { bank_reference },
        )
        .await?;
    take(&house, id, link.id, given(Some("b7"))).await?;
    let transfer = house.get(id).await?;
    ensure!(transfer.status == Status::Completed && transfer.facts.refunded == eur(20_00));
    ensure!(transfer.facts.held.is_zero() && transfer.facts.credited == eur(5_00));
    house.books_are_true().await
}

async fn no_dispute(house: House) -> Result<()> {
    let id = from_a_bank(&house, true).await?;
    let (transfers, tenant) = (&house.transfers, &house.tenant);
    for (noticed, expected) in [
        (Noticed::ChargedBack, "the transfer did not go over"),
        (Noticed::DisputeWon, "there is no open dispute"),
    ] {
        let said = transfers
            .noticed(tenant, &notice(noticed, id, "m", 1_00))
            .await;
        let why = said.err().map(|no| no.to_string()).unwrap_or_default();
        ensure!(why.starts_with(expected), "{why}");
    }
    let unknown = notice(Noticed::Returned, TransferId::from_bits(9), "m", 1_00);
    let said = transfers.noticed(tenant, &unknown).await;
    ensure!(matches!(said, Err(NotTaken::NoSuchTransfer)), "{said:?}");
    Ok(())
}
