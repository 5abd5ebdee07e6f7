//! A year of a monthly schedule on the machine's own time: one transfer for the end of each month,
//! each on a banking day of its rail.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use domain::banking_day::next_banking_day;
use domain::rail::RailId;
use domain::{Cadence, Currency, Date, Money, RequestId};
use proof::world::{Call, Luck, Script, World};
use temporal::{Plans, Wakes};
use transfers::schedule::{NewSchedule, Occurrence, ScheduleState};
use transfers::{EndpointRef, IdempotencyKey};

#[derive(Debug)]
struct Fair;

impl Script for Fair {
    fn luck(&self, _: Call) -> Luck {
        Luck::Fair
    }
}

const MONTHS: i64 = 13;

#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_rents_is_paid_at_the_end_of_each_month() -> Result<()> {
    let mut world = World::open(Arc::new(Fair)).await?;
    let town = world.populate(2, 1_000_000).await?;
    let workers = world.client(world.engine.door().service()).await?;
    world.work(workers.clone());
    let receiver = town.people[1].good[&RailId::Iso20022];
    let (key, tenant) = (IdempotencyKey::new("rent")?, town.tenant);
    let new = NewSchedule {
        money: Money::from_minor(1_000, Currency::EUR)?,
        source: EndpointRef::Wallet(town.people[0].wallet),
        destination: EndpointRef::BankAccount(receiver),
        client_reference: None,
        metadata: Default::default(),
        cadence: Cadence::Month { day: 31 },
        starts_on: None,
        ends_on: None,
        most: Some(MONTHS),
        on_banking_days: true,
        request_id: RequestId::from_bits(1),
    };
    let schedule = world.transfers.accept_schedule(&tenant, &key, new).await?;
    let schedule = schedule.schedule;
    let wakes = Wakes {
        tenant,
        schedule: schedule.id,
        cadence: schedule.cadence,
        starts_at: schedule.starts_at,
        ends_at: schedule.ends_at,
        paused: false,
        missed: None,
    };
    let plans = Plans::new(workers);
    plans.tell(&wakes).await?;
    let all = until_all_are_paid(&world, &schedule).await?;

    let (mut at, mut last) = (schedule.created_at, schedule.created_at);
    for one in &all {
        at = schedule.cadence.next_after(at);
        ensure!(one.falls_at == at, "{one:?}, not {at}");
        let transfer = one.transfer.ok_or(anyhow::anyhow!("{one:?}"))?;
        let found = world.transfers.get(&tenant, transfer).await?;
        let found = found.ok_or(anyhow::anyhow!("{one:?}"))?;
        let banking = next_banking_day(Date::at(at), &[RailId::Iso20022]).start();
        ensure!(found.execute_at == Some(banking), "{found:?}");
        ensure!(
            found.updated_at >= banking && found.updated_at > last,
            "{found:?}"
        );
        last = found.updated_at;
    }
    let over = world.transfers.schedule(&tenant, schedule.id).await?;
    ensure!(over.is_some_and(|over| over.state == ScheduleState::Ended));
    // Told again, late and for all of the year, nothing comes of it.
    let missed = Some((schedule.starts_at, last));
    plans.tell(&Wakes { missed, ..wakes }).await?;
    world.engine.sleep(Duration::from_secs(70 * 86_400)).await;
    let again = world.transfers.occurrences(&tenant, schedule.id, None, 100);
    ensure!(again.await?.len() == all.len());
    world.close().await
}

async fn until_all_are_paid(
    world: &World,
    schedule: &transfers::schedule::Schedule,
) -> Result<Vec<Occurrence>> {
    let mut seen = Vec::new();
    for _ in 0..6_000 {
        let occurrences = world
            .transfers
            .occurrences(&schedule.tenant, schedule.id, None, 100);
        seen = occurrences.await?;
        let paid = |one: &Occurrence| one.status.is_some_and(|status| status.is_final());
        if i64::try_from(seen.len())? == MONTHS && seen.iter().all(paid) {
            return Ok(seen);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anyhow::bail!("not all were paid: {seen:?}")
}
