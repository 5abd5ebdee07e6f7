//! From accepted to started, whoever goes away in between.

use std::time::Duration;

use anyhow::{Result, ensure};
use db::DbError;
use domain::transfer::Happening;
use testkit::Trial;
use transfers::Admission;

use crate::house::{House, each, idempotency};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(each("a_caller_that_goes_away_takes_nothing_back", dropped));
    trials.extend(each("nobody_fills_a_rail_or_a_line_alone", shares));
    trials.extend(each("what_is_not_started_is_found_until_it_is", starter));
    trials
}

async fn dropped(house: House) -> Result<()> {
    let (transfers, tenant) = (house.transfers.clone(), house.tenant);
    let new = house.order(house.wallet(0), house.wallet(1));
    // Dropped at every await: afterwards it is wholly there or wholly absent, and a retry makes
    // exactly one of it.
    for polls in 0..40 {
        let key = idempotency(&format!("k{polls}"));
        let mut call = Box::pin(transfers.accept(&tenant, &key, new.clone()));
        for _ in 0..polls {
            if futures_poll(call.as_mut()).await {
                break;
            }
        }
        drop(call);
        let retried = transfers.accept(&tenant, &key, new.clone()).await?;
        let history = transfers.history(&tenant, retried.transfer.id).await?;
        ensure!(history.len() == 1);
    }
    let counts = transfers.count_by_status(&tenant).await?;
    ensure!(counts.get("created") == Some(&40), "{counts:?}");
    Ok(())
}

/// One poll; true when the future has ended.
async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    let ended = std::future::poll_fn(|context| {
        std::task::Poll::Ready(future.as_mut().poll(context).is_ready())
    })
    .await;
    tokio::task::yield_now().await;
    ended
}

async fn starter(house: House) -> Result<()> {
    let wait = Duration::from_secs(2);
    let first = house
        .accept("k1", house.order(house.wallet(0), house.wallet(1)))
        .await?;
    let found = |orders: Vec<domain::transfer::Order>| -> Vec<_> {
        orders.into_iter().map(|order| order.transfer).collect()
    };
    ensure!(house.transfers.to_start(wait, 0, 10).await?.is_empty());
    house.clock.advance(wait);
    let second = house
        .accept("k2", house.order(house.wallet(1), house.wallet(0)))
        .await?;
    let orders = house.transfers.to_start(wait, 0, 10).await?;
    ensure!(orders == [first.order()]);
    house.clock.advance(wait);
    ensure!(found(house.transfers.to_start(wait, 0, 10).await?) == [first.id, second.id]);
    ensure!(found(house.transfers.to_start(wait, 0, 1).await?) == [first.id]);

    house.transfers.started(&house.tenant, first.id).await?;
    house.transfers.started(&house.tenant, first.id).await?;
    ensure!(found(house.transfers.to_start(wait, 0, 10).await?) == [second.id]);
    // Whoever records something runs.
    house.record(second.id, &[Happening::Canceled]).await?;
    ensure!(house.transfers.to_start(wait, 0, 10).await?.is_empty());

    // A row that this version cannot read does not keep the others from starting.
    let third = house
        .accept("k3", house.order(house.wallet(1), house.wallet(0)))
        .await?;
    let fourth = house
        .accept("k4", house.order(house.wallet(1), house.wallet(0)))
        .await?;
    let damaged = third.id.to_string();
    house
        .db
        .write(move |tx| {
            Box::pin(async move {
                let sql = "UPDATE transfers SET source_rail = 'unheard of' WHERE transfer_id = $1";
                tx.execute(sql, db::params![damaged]).await?;
                Ok::<_, DbError>(())
            })
        })
        .await?;
    house.clock.advance(wait);
    ensure!(found(house.transfers.to_start(wait, 0, 10).await?) == [fourth.id]);
    Ok(())
}

/// One partner has over a hundred transfers waiting, another one: both are found at once, and of the
/// first only its share is let on.
async fn shares(house: House) -> Result<()> {
    let (bank, wallet) = (house.bank(0), house.wallet(1));
    for number in 0..120 {
        house
            .accept(&format!("flood-{number}"), house.order(bank, wallet))
            .await?;
    }
    let other = house.another_tenant().await?;
    let later = house.accept_as(&other, "late").await?;
    house.clock.advance(Duration::from_secs(5));
    let found = house.transfers.to_start(Duration::ZERO, 0, 100).await?;
    ensure!(found.len() == 100);
    let place = found.iter().position(|order| order.transfer == later);
    ensure!(place.is_some_and(|place| place < 2), "{place:?}");

    let admission = Admission::with_shares(house.transfers.clone(), |_| 3);
    let flood = |order: &&domain::transfer::Order| order.tenant == house.tenant;
    let mut admitted = Vec::new();
    for order in found.iter().filter(flood) {
        if admission.admits(order).await? {
            admitted.push(*order);
        }
    }
    ensure!(admitted.len() == 3, "{}", admitted.len());
    for order in &admitted {
        house
            .transfers
            .started(&house.tenant, order.transfer)
            .await?;
    }
    // Counted anew it is the same, until one of them is over.
    house.clock.advance(Duration::from_secs(5));
    let next = found.iter().filter(flood).nth(3).unwrap();
    ensure!(!admission.admits(next).await?);
    let decline = domain::transfer::Decline::AccountClosed;
    let over = [Happening::Collecting, Happening::Declined { decline }];
    house.record(admitted[0].transfer, &over).await?;
    house.clock.advance(Duration::from_secs(5));
    ensure!(admission.admits(next).await?);
    ensure!(!admission.admits(next).await?);
    // What stays in our own books is nobody's queue, and does not stand behind what waits for one.
    let inside = house
        .accept("inside", house.order(house.wallet(0), wallet))
        .await?;
    ensure!(admission.admits(&inside.order()).await?);
    let first = house.transfers.to_start(Duration::ZERO, 0, 3).await?;
    let is_inside = |order: &domain::transfer::Order| order.transfer == inside.id;
    ensure!(first.iter().any(is_inside), "behind the flood");
    // Whoever goes on behind what waits sees everything once.
    let all = house.transfers.to_start(Duration::ZERO, 0, 100).await?;
    let mut parts = house.transfers.to_start(Duration::ZERO, 0, 40).await?;
    parts.extend(house.transfers.to_start(Duration::ZERO, 40, 60).await?);
    ensure!(parts == all, "in parts it is something else");
    Ok(())
}
