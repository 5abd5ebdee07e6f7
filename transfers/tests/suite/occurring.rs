//! Occurrences that several workers are woken for at once, in any order.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use domain::{Cadence, RequestId, Timestamp};
use testkit::Trial;
use transfers::schedule::{NewSchedule, Occurred, OccurrenceState, Schedule, ScheduleState};

use crate::house::{House, each, eur, idempotency};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(each(
        "a_later_occurrence_takes_no_earlier_ones_place",
        order,
    ));
    trials
}

/// The schedule's first three occurrences, all of them past.
async fn three_missed(house: &House) -> Result<(Schedule, [Timestamp; 3])> {
    let new = NewSchedule {
        money: eur(25_00),
        source: house.wallet(0),
        destination: house.wallet(1),
        client_reference: None,
        metadata: BTreeMap::new(),
        cadence: Cadence::Day,
        starts_on: None,
        ends_on: None,
        most: Some(3),
        on_banking_days: false,
        request_id: RequestId::from_bits(1),
    };
    let key = idempotency("rent");
    let accepted = house.transfers.accept_schedule(&house.tenant, &key, new);
    let schedule = accepted.await?.schedule;
    let mut at = Timestamp::from_micros(i64::MIN);
    let mut days = [at; 3];
    for day in &mut days {
        let Some(next) = schedule.next_after(at) else {
            bail!("{schedule:?} has too few");
        };
        (at, *day) = (next, next);
    }
    house.clock.advance(Duration::from_secs(7 * 86_400));
    Ok((schedule, days))
}

async fn order(house: House) -> Result<()> {
    let (schedule, [first, second, third]) = three_missed(&house).await?;
    let (tenant, id) = (house.tenant, schedule.id);
    // The last is woken for before the others: it ends the schedule, and they stay.
    for day in [third, first, second] {
        let occurred = house.transfers.occur(&tenant, id, day).await?;
        ensure!(matches!(occurred, Occurred::Accepted(_)), "{occurred:?}");
    }
    let occurrences = house.transfers.occurrences(&tenant, id, None, 10).await?;
    let all = occurrences
        .iter()
        .all(|it| it.state == OccurrenceState::Accepted);
    ensure!(occurrences.len() == 3 && all, "{occurrences:?}");
    let read = house.transfers.schedule(&tenant, id).await?;
    ensure!(
        read.as_ref()
            .is_some_and(|it| it.state == ScheduleState::Ended && it.occurrences == 3),
        "{read:?}"
    );
    // A fourth is none, whoever is woken for it.
    let fourth = third.after(Duration::from_secs(86_400));
    let occurred = house.transfers.occur(&tenant, id, fourth).await?;
    ensure!(occurred == Occurred::None, "{occurred:?}");
    Ok(())
}
