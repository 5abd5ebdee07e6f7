//! Recording: what belongs together commits together, nothing twice, nothing out of turn.

use crate::house::{House, each, eur, on_postgres};
use anyhow::{Result, ensure};
use domain::rail::Rejection;
use domain::transfer::{Decline, FlagKind, Happening, Status};
use domain::{Step, StepKey, TransferId};
use testkit::Trial;
use transfers::{AttemptResult, EndpointRef};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(each("every_way_through_keeps_the_books_true", ways));
    trials.extend(each("every_way_back_keeps_the_books_true", ways_back));
    trials.extend(each("flags_keep_their_first_time_and_are_lowered", flags));
    trials.extend(each("the_banks_own_word_is_kept", raw_word));
    trials.extend(each("many_recorders_write_it_once", recorders));
    trials.push(on_postgres(
        "recorders_of_two_processes_write_it_once",
        two_processes,
    ));
    trials
}

pub(crate) const DECLINE: Decline = Decline::AccountClosed;

pub(crate) fn funded() -> Happening {
    Happening::Funded {
        bank_reference: Some("b-1".to_owned()),
    }
}

pub(crate) fn completed() -> Happening {
    Happening::Completed {
        bank_reference: Some("b-2".to_owned()),
    }
}

pub(crate) fn refunded() -> Happening {
    Happening::Refunded {
        bank_reference: Some("b-3".to_owned()),
    }
}

fn ends(house: &House) -> Vec<(EndpointRef, EndpointRef)> {
    vec![
        (house.wallet(0), house.wallet(1)),
        (house.wallet(0), house.bank(1)),
        (house.bank(0), house.wallet(1)),
        (house.bank(0), house.bank(1)),
    ]
}

/// What the wallet of a person gained, if it took part.
async fn gains(house: &House, before: [i64; 2]) -> Result<[i64; 2]> {
    Ok([
        house.balance(house.wallet(0)).await? - before[0],
        house.balance(house.wallet(1)).await? - before[1],
    ])
}

async fn balances(house: &House) -> Result<[i64; 2]> {
    gains(house, [0, 0]).await
}

pub(crate) async fn templates(house: &House, id: TransferId) -> Result<Vec<&'static str>> {
    let entries = ledger::entries_of_transfer(&house.db, house.tenant, id).await?;
    Ok(entries.iter().map(|entry| entry.template.name()).collect())
}

async fn ways(house: House) -> Result<()> {
    let expected = [
        ([-2500, 2500], vec!["collect_from_wallet", "pay_wallet"]),
        (
            [-2500, 0],
            vec!["collect_from_wallet", "set_aside", "settle_payout"],
        ),
        ([0, 2500], vec!["collect_from_bank", "pay_wallet"]),
        (
            [0, 0],
            vec!["collect_from_bank", "set_aside", "settle_payout"],
        ),
    ];
    for (number, ((from, to), (gained, entries))) in
        ends(&house).into_iter().zip(expected).enumerate()
    {
        let before = balances(&house).await?;
        let made = house
            .accept(&format!("k{number}"), house.order(from, to))
            .await?;
        let steps = [
            Happening::Collecting,
            funded(),
            Happening::PayingOut,
            completed(),
        ];
        // In one commit and one by one must lead to the same place.
        if number % 2 == 0 {
            house.record(made.id, &steps).await?;
        } else {
            for step in &steps {
                house.record(made.id, std::slice::from_ref(step)).await?;
            }
        }
        let now = house.get(made.id).await?;
        ensure!(now.status == Status::Completed && now.version == 5 && !now.start_pending);
        let facts = now.facts;
        ensure!((facts.debited, facts.credited) == (eur(2500), eur(2500)));
        ensure!(facts.held.is_zero() && facts.refunded.is_zero());
        ensure!(now.collect_reference.as_deref() == Some("b-1"));
        ensure!(now.payout_reference.as_deref() == Some("b-2"));
        ensure!(gains(&house, before).await? == gained);
        ensure!(templates(&house, made.id).await? == entries);

        let history = house.transfers.history(&house.tenant, made.id).await?;
        let causes: Vec<_> = history.iter().map(|row| row.cause.as_str()).collect();
        ensure!(
            causes
                == [
                    "accepted",
                    "collection_started",
                    "collected",
                    "payout_started",
                    "paid_out"
                ]
        );
        ensure!(history[2].entry.is_some() && history[1].entry.is_none());
    }
    house.books_are_true().await
}

async fn ways_back(house: House) -> Result<()> {
    let expected = [
        vec!["collect_from_wallet", "give_back_to_wallet"],
        vec![
            "collect_from_wallet",
            "set_aside",
            "release_set_aside",
            "give_back_to_wallet",
        ],
        vec!["collect_from_bank", "give_back_to_bank"],
        vec![
            "collect_from_bank",
            "set_aside",
            "release_set_aside",
            "give_back_to_bank",
        ],
    ];
    let before = balances(&house).await?;
    let refused = Happening::PayoutRefused { decline: DECLINE };
    for (number, ((from, to), entries)) in ends(&house).into_iter().zip(expected).enumerate() {
        let made = house
            .accept(&format!("k{number}"), house.order(from, to))
            .await?;
        let there = [Happening::Collecting, funded(), Happening::PayingOut];
        house.record(made.id, &there).await?;
        let held = house.get(made.id).await?;
        ensure!(held.facts.held == eur(2500) && held.facts.debited == eur(2500));
        house
            .record(made.id, std::slice::from_ref(&refused))
            .await?;
        house.record(made.id, &[refunded()]).await?;
        let now = house.get(made.id).await?;
        ensure!(now.status == Status::Refunded && now.facts.refunded == eur(2500));
        ensure!(now.facts.held.is_zero() && now.facts.credited.is_zero());
        ensure!(
            now.status_reason
                .is_some_and(|why| why.decline == DECLINE && why.step == Step::PayOut)
        );
        ensure!(templates(&house, made.id).await? == entries, "{number}");
    }
    // Refused before anything was set aside: nothing is released.
    let made = house
        .accept("early", house.order(house.bank(0), house.bank(1)))
        .await?;
    house
        .record(
            made.id,
            &[Happening::Collecting, funded(), refused, refunded()],
        )
        .await?;
    ensure!(templates(&house, made.id).await? == ["collect_from_bank", "give_back_to_bank"]);
    ensure!(balances(&house).await? == before);
    house.books_are_true().await
}

async fn flags(house: House) -> Result<()> {
    let made = house
        .accept("k", house.order(house.bank(0), house.bank(1)))
        .await?;
    house.record(made.id, &[Happening::Collecting]).await?;
    let raise = |note: &str| Happening::Raised {
        flag: FlagKind::InDoubt,
        step: Step::Collect,
        note: note.to_owned(),
    };
    let lower = |step| Happening::Lowered {
        flag: FlagKind::InDoubt,
        step,
        note: "found".to_owned(),
    };
    let first = house
        .record(made.id, &[raise(&"x".repeat(600))])
        .await?
        .transfer;
    house.clock.advance(std::time::Duration::from_secs(5));
    ensure!(house.record(made.id, &[raise("again")]).await?.already);
    ensure!(house.record(made.id, &[lower(Step::PayOut)]).await?.already);
    let now = house.get(made.id).await?;
    ensure!(now.flags == first.flags && now.status == Status::Collecting);
    ensure!(
        now.flags
            .in_doubt
            .is_some_and(|flag| flag.since == first.updated_at)
    );

    ensure!(
        !house
            .record(made.id, &[lower(Step::Collect)])
            .await?
            .already
    );
    ensure!(
        house
            .record(made.id, &[lower(Step::Collect)])
            .await?
            .already
    );
    // A doubt can come back: it is another one.
    ensure!(!house.record(made.id, &[raise("once\0more")]).await?.already);
    let history = house.transfers.history(&house.tenant, made.id).await?;
    let drawn: Vec<_> = history
        .iter()
        .map(|row| (row.cause.as_str(), row.note.as_ref().map_or(0, String::len)))
        .collect();
    ensure!(
        drawn
            == [
                ("accepted", 0),
                ("collection_started", 0),
                ("doubt_began", 500),
                ("doubt_resolved", 5),
                ("doubt_began", 9),
            ],
        "{drawn:?}"
    );
    Ok(())
}

async fn raw_word(house: House) -> Result<()> {
    let made = house
        .accept("k", house.order(house.bank(0), house.wallet(1)))
        .await?;
    house.record(made.id, &[Happening::Collecting]).await?;
    let key = StepKey::of(made.id, Step::Collect);
    let rail = made.source.rail().unwrap();
    let attempt = house
        .transfers
        .open_attempt(&house.tenant, key, rail)
        .await?;
    let rejection = Rejection {
        decline: Decline::InsufficientFunds,
        network_code: "AM04".to_owned(),
    };
    let result = AttemptResult::Rejected(rejection);
    house
        .transfers
        .close_attempt(&house.tenant, key, attempt.number, result)
        .await?;
    let decline = Decline::InsufficientFunds;
    house
        .record(made.id, &[Happening::Declined { decline }])
        .await?;
    let now = house.get(made.id).await?;
    let network = now.network_status.unwrap();
    ensure!((network.scheme, network.code.as_str()) == (rail, "AM04"));
    let why = now.status_reason.unwrap();
    ensure!((why.decline, why.step) == (decline, Step::Collect) && now.status == Status::Failed);
    Ok(())
}

async fn recorders(house: House) -> Result<()> {
    let handles = vec![house.transfers.clone(); 24];
    all_at_once(&house, handles).await
}

async fn two_processes(house: House) -> Result<()> {
    let (_other_db, other) = house.another_process().await?;
    let mut handles = vec![house.transfers.clone(); 12];
    handles.extend(vec![other; 12]);
    all_at_once(&house, handles).await
}

async fn all_at_once(house: &House, handles: Vec<transfers::Transfers>) -> Result<()> {
    let made = house
        .accept("k", house.order(house.wallet(0), house.wallet(1)))
        .await?;
    let (tenant, id) = (house.tenant, made.id);
    let before = balances(house).await?;
    let batch = [
        Happening::Collecting,
        funded(),
        Happening::PayingOut,
        completed(),
    ];
    let calls: Vec<_> = handles
        .into_iter()
        .map(|transfers| {
            let batch = batch.clone();
            tokio::spawn(async move { transfers.record_all(&tenant, id, &batch).await })
        })
        .collect();
    let mut news = 0;
    for call in calls {
        news += usize::from(!call.await??.already);
    }
    ensure!(news == 1, "written {news} times");
    ensure!(gains(house, before).await? == [-2500, 2500]);
    ensure!(house.transfers.history(&tenant, id).await?.len() == 5);
    house.books_are_true().await
}
