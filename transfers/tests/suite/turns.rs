//! Out of turn, once more, refused: nothing is written, and what is final stays.

use anyhow::{Result, bail, ensure};
use db::{DbError, WriteError, params};
use domain::transfer::{Decline, FlagKind, Happening, Status};
use domain::{Step, TransferId};
use ledger::State;
use testkit::Trial;
use transfers::{EndpointRef, RecordError};

use crate::house::{House, each, eur};
use crate::recording::{DECLINE, completed, funded, refunded, templates};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(each("whatever_is_not_allowed_writes_nothing", not_allowed));
    trials.extend(each("a_repetition_is_no_news", repetition));
    trials.extend(each("a_final_transfer_stays_as_it_is", final_stays));
    trials.extend(each(
        "the_books_refusal_leaves_nothing_of_the_batch",
        refused,
    ));
    trials.extend(each("what_was_refused_is_refused_again", refused_again));
    trials.extend(each("without_its_event_nothing_is_written", no_event));
    trials
}

/// Every status against every happening: allowed is written, everything else leaves no trace.
async fn not_allowed(house: House) -> Result<()> {
    let refused = || Happening::PayoutRefused { decline: DECLINE };
    let declined = || Happening::Declined { decline: DECLINE };
    let ways: [(Status, Vec<Happening>); 9] = [
        (Status::Created, vec![]),
        (Status::Collecting, vec![Happening::Collecting]),
        (Status::Funded, vec![Happening::Collecting, funded()]),
        (
            Status::PayingOut,
            vec![Happening::Collecting, funded(), Happening::PayingOut],
        ),
        (
            Status::Compensating,
            vec![Happening::Collecting, funded(), refused()],
        ),
        (
            Status::Completed,
            vec![
                Happening::Collecting,
                funded(),
                Happening::PayingOut,
                completed(),
            ],
        ),
        (
            Status::Refunded,
            vec![Happening::Collecting, funded(), refused(), refunded()],
        ),
        (Status::Failed, vec![declined()]),
        (Status::Canceled, vec![Happening::Canceled]),
    ];
    let mut refusals = 0;
    for (number, (status, way)) in ways.iter().enumerate() {
        let order = house.order(house.bank(0), house.bank(1));
        let made = house.accept(&format!("k{number}"), order).await?;
        house.record(made.id, way).await?;
        ensure!(house.get(made.id).await?.status == *status);
        let picture = house.picture().await?;
        for happening in [
            Happening::Collecting,
            funded(),
            Happening::PayingOut,
            completed(),
            refused(),
            refunded(),
            declined(),
            Happening::Canceled,
        ] {
            let to = happening.leads_to().unwrap();
            if status.may_become(to) {
                continue;
            }
            match house
                .transfers
                .record(&house.tenant, made.id, &happening)
                .await
            {
                Err(RecordError::NotNow(not_now)) => {
                    ensure!(!way.contains(&happening));
                    ensure!((not_now.from, not_now.to) == (*status, to));
                    refusals += 1;
                }
                // Called off while it waited: its run hears so at the first thing it says.
                Err(RecordError::Refused(Decline::TakenBack)) => {
                    ensure!(*status == Status::Canceled && happening == Happening::Collecting);
                }
                Ok(recorded) => ensure!(recorded.already && way.contains(&happening)),
                other => bail!("{status} {happening:?}: {other:?}"),
            }
            ensure!(
                house.picture().await? == picture,
                "{status} {happening:?} wrote something"
            );
        }
    }
    ensure!(refusals > 30, "{refusals}");
    let nobody = TransferId::from_bits(1);
    let missing = house
        .transfers
        .record(&house.tenant, nobody, &Happening::Collecting)
        .await;
    ensure!(matches!(missing, Err(RecordError::NoSuchTransfer)));
    Ok(())
}

async fn repetition(house: House) -> Result<()> {
    let made = house
        .accept("k", house.order(house.bank(0), house.wallet(1)))
        .await?;
    let batch = [Happening::Collecting, funded(), Happening::PayingOut];
    ensure!(!house.record(made.id, &batch).await?.already);
    let picture = house.picture().await?;
    let again = house.record(made.id, &batch).await?;
    ensure!(again.already && again.transfer.status == Status::PayingOut);
    ensure!(house.record(made.id, &batch[1..2]).await?.already);
    ensure!(house.picture().await? == picture);

    let other = Happening::Funded {
        bank_reference: Some("another".to_owned()),
    };
    match house.transfers.record(&house.tenant, made.id, &other).await {
        Err(RecordError::Conflict { cause, field }) => {
            ensure!((cause, field.as_str()) == ("collected", "bank_reference"));
        }
        other => bail!("{other:?}"),
    }
    ensure!(house.picture().await? == picture);
    // The rest of a batch whose beginning was recorded before goes on from there.
    let rest = [Happening::PayingOut, completed()];
    ensure!(!house.record(made.id, &rest).await?.already);
    ensure!(house.get(made.id).await?.status == Status::Completed);
    house.books_are_true().await
}

async fn final_stays(house: House) -> Result<()> {
    let made = house
        .accept("k", house.order(house.bank(0), house.bank(1)))
        .await?;
    let refused = Happening::PayoutRefused { decline: DECLINE };
    let way = [
        Happening::Collecting,
        funded(),
        Happening::PayingOut,
        refused,
        refunded(),
    ];
    house.record(made.id, &way).await?;
    let picture = house.picture().await?;
    let late = Happening::Raised {
        flag: FlagKind::InDoubt,
        step: Step::PayOut,
        note: "late".to_owned(),
    };
    for happening in [completed(), late] {
        let answer = house
            .transfers
            .record(&house.tenant, made.id, &happening)
            .await;
        ensure!(matches!(answer, Err(RecordError::NotNow(_))), "{answer:?}");
    }
    ensure!(house.picture().await? == picture);
    Ok(())
}

async fn refused(house: House) -> Result<()> {
    let mut new = house.order(house.wallet(2), house.wallet(1));
    new.money = eur(25_001);
    let poor = house.accept("k1", new).await?;
    let picture = house.picture().await?;
    let batch = [
        Happening::Collecting,
        funded(),
        Happening::PayingOut,
        completed(),
    ];
    match house
        .transfers
        .record_all(&house.tenant, poor.id, &batch)
        .await
    {
        Err(RecordError::Refused(Decline::InsufficientFunds)) => {}
        other => bail!("{other:?}"),
    }
    ensure!(
        house.picture().await? == picture,
        "the refused batch left something"
    );

    // A receiver whose wallet is closed is refused at the end, and everything before it too.
    let other = house.identity.create_user(&house.tenant, "Dave").await?;
    let (tenant, mint) = (
        house.tenant,
        ambient::Mint::new(ambient::SystemClock::shared()),
    );
    let wallet: Result<_, WriteError<ledger::ChangeError>> = house
        .db
        .write(move |tx| {
            Box::pin(async move {
                let wallet =
                    ledger::open_wallet(tx, &mint, tenant, other, eur(0).currency()).await?;
                Ok(wallet.id)
            })
        })
        .await;
    let wallet = wallet?;
    let order = house.order(house.bank(0), EndpointRef::Wallet(wallet));
    let made = house.accept("k2", order).await?;
    let closed: Result<_, WriteError<ledger::ChangeError>> = house
        .db
        .write(move |tx| Box::pin(ledger::change_state(tx, tenant, wallet, State::Closed)))
        .await;
    closed?;
    house.record(made.id, &batch[..3]).await?;
    let picture = house.picture().await?;
    let last = house
        .transfers
        .record(&house.tenant, made.id, &batch[3])
        .await;
    ensure!(
        matches!(last, Err(RecordError::Refused(Decline::AccountClosed))),
        "{last:?}"
    );
    ensure!(house.picture().await? == picture);
    house
        .record(
            made.id,
            &[Happening::PayoutRefused { decline: DECLINE }, refunded()],
        )
        .await?;
    house.books_are_true().await
}

/// A run that died after its refusal was written, and before it could remember, says all of it
/// again. It must come to the same end, and not to a contradiction that leaves the money with us.
async fn refused_again(house: House) -> Result<()> {
    let mut new = house.order(house.wallet(2), house.wallet(1));
    new.money = eur(25_001);
    let poor = house.accept("k1", new).await?;
    let batch = [
        Happening::Collecting,
        Happening::Funded {
            bank_reference: None,
        },
        Happening::PayingOut,
        Happening::Completed {
            bank_reference: None,
        },
    ];
    let declined = Happening::Declined {
        decline: Decline::InsufficientFunds,
    };
    house
        .record(poor.id, &[Happening::Collecting, declined])
        .await?;
    let again = async |id, what: &[Happening], reason: Decline| {
        let picture = house.picture().await?;
        let said = house.transfers.record_all(&house.tenant, id, what).await;
        ensure!(
            matches!(said, Err(RecordError::Refused(decline)) if decline == reason),
            "{said:?}"
        );
        ensure!(house.picture().await? == picture);
        anyhow::Ok(())
    };
    again(poor.id, &batch, Decline::InsufficientFunds).await?;

    let made = house
        .accept("k2", house.order(house.wallet(0), house.wallet(1)))
        .await?;
    let refused = Happening::PayoutRefused {
        decline: Decline::AccountClosed,
    };
    house.record(made.id, &batch[..3]).await?;
    house.record(made.id, &[refused]).await?;
    again(made.id, &batch, Decline::AccountClosed).await?;
    house
        .record(
            made.id,
            &[Happening::Refunded {
                bank_reference: None,
            }],
        )
        .await?;
    again(made.id, &batch[3..], Decline::AccountClosed).await?;

    // A bank that did what we say it refused is no repetition: a person must look.
    let made = house
        .accept("k3", house.order(house.wallet(0), house.bank(1)))
        .await?;
    house.record(made.id, &batch[..3]).await?;
    let refused = Happening::PayoutRefused {
        decline: Decline::AccountClosed,
    };
    house.record(made.id, &[refused]).await?;
    let done = Happening::Completed {
        bank_reference: Some("b1".to_owned()),
    };
    let said = house.transfers.record(&house.tenant, made.id, &done).await;
    ensure!(matches!(said, Err(RecordError::NotNow(_))), "{said:?}");
    house.books_are_true().await
}

/// The event's row cannot be written: then neither is the entry, the history, nor the status.
async fn no_event(house: House) -> Result<()> {
    let made = house
        .accept("k", house.order(house.wallet(0), house.wallet(1)))
        .await?;
    house.record(made.id, &[Happening::Collecting]).await?;
    let (tenant, id) = (house.tenant, made.id.to_string());
    house
        .db
        .write(move |tx| {
            Box::pin(async move {
                let values = params![tenant.partner.to_string(), tenant.mode.is_live(), id];
                tx.execute(
                    "INSERT INTO outbox (partner_id, livemode, transfer_id, sequence, event_id,
                         position, kind, data, at)
                     VALUES ($1, $2, $3, 3, 'ev_x', 0, 'in the way', '', 0)",
                    values,
                )
                .await?;
                Ok::<_, DbError>(())
            })
        })
        .await?;
    let picture = house.picture().await?;
    let failed = house
        .transfers
        .record(&house.tenant, made.id, &funded())
        .await;
    ensure!(matches!(failed, Err(RecordError::Store(_))), "{failed:?}");
    ensure!(house.picture().await? == picture, "half of it was written");
    ensure!(templates(&house, made.id).await?.is_empty());
    house.books_are_true().await
}
