//! Accepting: once per key, everything in one commit, refusals by field, and the start.

use std::time::Duration;

use crate::house::{House, each, eur, idempotency, on_postgres};
use anyhow::{Result, bail, ensure};
use db::WriteError;
use domain::transfer::{Endpoint, Happening, MoneyFacts, Status};
use domain::{AccountId, BankAccountId, Currency, Mode, Money};
use ledger::State;
use testkit::Trial;
use transfers::{AcceptError, EndpointRef, NewTransfer};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(each("accepting_stores_all_and_moves_nothing", stores_all));
    trials.extend(each("the_same_key_replays_what_was_accepted", replays));
    trials.extend(each("another_command_is_told_by_its_field", other_command));
    trials.extend(each("a_key_belongs_to_its_tenant", keys_of_tenants));
    trials.extend(each("a_storm_with_one_key_makes_one_transfer", storm));
    trials.push(on_postgres(
        "a_storm_over_two_processes_makes_one_transfer",
        two_processes,
    ));
    trials.extend(each("what_cannot_be_used_is_refused_by_field", refused));
    trials.extend(each(
        "an_erased_sender_sends_nothing_and_still_replays",
        erased,
    ));
    trials
}

async fn stores_all(house: House) -> Result<()> {
    let mut new = house.order(house.bank(0), house.wallet(1));
    new.client_reference = Some("order-1".to_owned());
    new.description = Some("two coffees".to_owned());
    new.metadata = [("shop".to_owned(), "7".to_owned())].into();
    let before = house.balance(house.wallet(1)).await?;
    let accepted = house.accept("k", new.clone()).await?;

    ensure!(matches!(accepted.source, Endpoint::BankAccount { .. }));
    ensure!(accepted.status == Status::Created && accepted.version == 1);
    ensure!(accepted.facts == MoneyFacts::none(Currency::EUR));
    let read = house.get(accepted.id).await?;
    ensure!(read == accepted, "{read:#?}\n{accepted:#?}");
    ensure!(read.description == new.description && read.metadata == new.metadata);

    let history = house.transfers.history(&house.tenant, accepted.id).await?;
    let drawn: Vec<_> = history
        .iter()
        .map(|row| {
            format!(
                "{} {} {} {}",
                row.sequence, row.status, row.cause, row.actor
            )
        })
        .collect();
    ensure!(drawn == ["1 created accepted client"], "{drawn:?}");
    let events = house.events(1).await?;
    ensure!(events.len() == 1 && events[0].kind == "transfer.created");
    ensure!(house.balance(house.wallet(1)).await? == before);
    ensure!(
        ledger::entries_of_transfer(&house.db, house.tenant, accepted.id)
            .await?
            .is_empty()
    );
    Ok(())
}

async fn replays(house: House) -> Result<()> {
    let new = house.order(house.wallet(0), house.wallet(1));
    let first = house.accept("k", new.clone()).await?;
    let bank_reference = None;
    house
        .record(
            first.id,
            &[Happening::Collecting, Happening::Funded { bank_reference }],
        )
        .await?;
    house.clock.advance(Duration::from_secs(86_400));
    // How a request was sent is no part of what it asks for.
    let mut again = new;
    again.request_id = domain::RequestId::from_bits(2);
    let picture = house.picture().await?;
    let second = house
        .transfers
        .accept(&house.tenant, &idempotency("k"), again)
        .await?;
    ensure!(second.replayed && second.transfer == first, "{second:#?}");
    ensure!(house.picture().await? == picture);
    Ok(())
}

async fn other_command(house: House) -> Result<()> {
    let mut new = house.order(house.wallet(0), house.wallet(1));
    new.description = Some("coffee".to_owned());
    house.accept("k", new.clone()).await?;
    let picture = house.picture().await?;
    let change = |change: &dyn Fn(&mut NewTransfer)| {
        let mut other = new.clone();
        change(&mut other);
        other
    };
    let usd = Money::from_minor(25_00, Currency::USD)?;
    let (bank, carol) = (house.bank(0), house.wallet(2));
    for (pointer, other) in [
        ("/amount/amount", change(&|new| new.money = eur(25_01))),
        ("/amount/currency", change(&|new| new.money = usd)),
        ("/source", change(&|new| new.source = bank)),
        ("/destination", change(&|new| new.destination = carol)),
        (
            "/client_reference",
            change(&|new| new.client_reference = Some("x".to_owned())),
        ),
        ("/description", change(&|new| new.description = None)),
        (
            "/metadata",
            change(&|new| drop(new.metadata.insert("a".to_owned(), "b".to_owned()))),
        ),
    ] {
        match house
            .transfers
            .accept(&house.tenant, &idempotency("k"), other)
            .await
        {
            Err(AcceptError::KeyReused { pointer: found }) => ensure!(found == pointer),
            other => bail!("{pointer}: {other:?}"),
        }
    }
    ensure!(house.picture().await? == picture);
    Ok(())
}

async fn keys_of_tenants(house: House) -> Result<()> {
    let first = house
        .accept("k", house.order(house.wallet(0), house.wallet(1)))
        .await?;
    let other = house
        .identity
        .create_partner(Mode::Sandbox, "Other")
        .await?;
    let foreign = house.order(house.wallet(0), house.wallet(1));
    // Their key is free, and our accounts are not there.
    match house
        .transfers
        .accept(&other, &idempotency("k"), foreign)
        .await
    {
        Err(AcceptError::Invalid(wrong)) => {
            let drawn: Vec<_> = wrong
                .iter()
                .map(|w| format!("{} {}", w.pointer, w.code))
                .collect();
            ensure!(
                drawn == ["/source unknown", "/destination unknown"],
                "{drawn:?}"
            );
        }
        other => bail!("{other:?}"),
    }
    ensure!(house.transfers.get(&other, first.id).await?.is_none());
    ensure!(house.transfers.history(&other, first.id).await?.is_empty());
    ensure!(house.transfers.attempts(&other, first.id).await?.is_empty());
    ensure!(house.transfers.events(&other, 0, 10).await?.is_empty());
    let page = house
        .transfers
        .list(&other, &transfers::Filter::default(), None, 10)
        .await?;
    ensure!(page.transfers.is_empty());
    let refused = house
        .transfers
        .record(&other, first.id, &Happening::Collecting)
        .await;
    ensure!(matches!(
        refused,
        Err(transfers::RecordError::NoSuchTransfer)
    ));
    house.transfers.started(&other, first.id).await?;
    ensure!(house.get(first.id).await?.start_pending);
    Ok(())
}

async fn storm(house: House) -> Result<()> {
    let handles = vec![house.transfers.clone(); 200];
    one_of(&house, handles).await
}

async fn two_processes(house: House) -> Result<()> {
    let (_other_db, other) = house.another_process().await?;
    let mut handles = vec![house.transfers.clone(); 50];
    handles.extend(vec![other; 50]);
    one_of(&house, handles).await
}

async fn one_of(house: &House, handles: Vec<transfers::Transfers>) -> Result<()> {
    let tenant = house.tenant;
    let new = house.order(house.wallet(0), house.wallet(1));
    let calls: Vec<_> = handles
        .into_iter()
        .map(|transfers| {
            let new = new.clone();
            tokio::spawn(async move { transfers.accept(&tenant, &idempotency("k"), new).await })
        })
        .collect();
    let mut fresh = 0;
    let mut answers = Vec::new();
    for call in calls {
        let accepted = call.await??;
        fresh += usize::from(!accepted.replayed);
        answers.push(accepted.transfer);
    }
    ensure!(fresh == 1, "{fresh} transfers were made");
    ensure!(answers.iter().all(|answer| *answer == answers[0]));
    let picture = house.picture().await?;
    let events = picture.iter().filter(|line| line.starts_with("outbox "));
    ensure!(events.count() == 1);
    Ok(())
}

async fn refused(house: House) -> Result<()> {
    let EndpointRef::Wallet(closed) = house.wallet(2) else {
        bail!("not a wallet");
    };
    let tenant = house.tenant;
    let frozen: Result<_, WriteError<ledger::ChangeError>> = house
        .db
        .write(move |tx| Box::pin(ledger::change_state(tx, tenant, closed, State::Frozen)))
        .await;
    frozen?;
    let pool = house_account(&house).await?;
    let picture = house.picture().await?;

    let good = house.order(house.wallet(0), house.wallet(1));
    let with = |change: &dyn Fn(&mut NewTransfer)| {
        let mut new = good.clone();
        change(&mut new);
        new
    };
    let nobody = EndpointRef::Wallet(AccountId::from_bits(1));
    let no_bank = EndpointRef::BankAccount(BankAccountId::from_bits(1));
    let usd = Money::from_minor(1, Currency::USD)?;
    let (alice, carol) = (house.wallet(0), house.wallet(2));
    for (new, expected) in [
        (
            with(&|new| new.money = eur(0)),
            vec!["/amount/amount not_positive"],
        ),
        (
            with(&|new| new.destination = alice),
            vec!["/destination same_account"],
        ),
        (with(&|new| new.source = nobody), vec!["/source unknown"]),
        (
            with(&|new| new.destination = no_bank),
            vec!["/destination unknown"],
        ),
        (
            with(&|new| new.source = EndpointRef::Wallet(pool)),
            vec!["/source unknown"],
        ),
        (
            with(&|new| new.destination = carol),
            vec!["/destination frozen"],
        ),
        (
            with(&|new| new.money = usd),
            vec!["/source currency_differs", "/destination currency_differs"],
        ),
        (
            with(&|new| new.description = Some("\0".to_owned())),
            vec!["/description control_character"],
        ),
    ] {
        match house
            .transfers
            .accept(&tenant, &idempotency("k"), new)
            .await
        {
            Err(AcceptError::Invalid(wrong)) => {
                let drawn: Vec<_> = wrong
                    .iter()
                    .map(|w| format!("{} {}", w.pointer, w.code))
                    .collect();
                ensure!(drawn == expected, "{drawn:?} instead of {expected:?}");
            }
            other => bail!("{expected:?}: {other:?}"),
        }
    }
    ensure!(
        house.picture().await? == picture,
        "a refusal wrote something"
    );
    // The key is still free.
    house.accept("k", good).await?;
    Ok(())
}

/// The nostro account that the sample data's openings came from.
async fn house_account(house: &House) -> Result<AccountId> {
    let sql = "SELECT id FROM accounts WHERE purpose = 'nostro'";
    let row = house.db.fetch_optional(sql, db::params![]).await?;
    Ok(row.unwrap().parse("id")?)
}

async fn erased(house: House) -> Result<()> {
    let mut new = house.order(house.wallet(0), house.wallet(1));
    new.description = Some("coffee".to_owned());
    let first = house.accept("k", new.clone()).await?;
    house
        .identity
        .erase(&house.tenant, house.demo.people[0].user)
        .await?;

    ensure!(house.get(first.id).await?.description.is_none());
    let again = house
        .transfers
        .accept(&house.tenant, &idempotency("k"), new.clone())
        .await?;
    ensure!(again.replayed && again.transfer.id == first.id);
    let fresh = house
        .transfers
        .accept(&house.tenant, &idempotency("other"), new)
        .await;
    match fresh {
        Err(AcceptError::Invalid(wrong)) => ensure!(wrong[0].pointer == "/source"),
        other => bail!("{other:?}"),
    }
    Ok(())
}
