//! The gate: pauses, breakers and turns, counted and not timed.

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, ManualClock, Timestamp};
use anyhow::{Result, ensure};
use domain::PartnerId;
use domain::rail::RailId;
use rails::{Facts, Gate, Gates, Health, Limits, NotNow, Pause, Standing, State, Watched};
use testkit::{Trial, trial};

const BANK: RailId = RailId::Iso20022;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("gate::a_pause_stops_payments_and_no_question", pause),
        trial("gate::an_outage_opens_it_and_a_probe_closes_it", outage),
        trial("gate::who_waited_does_not_pass_beside_the_probe", beside),
        trial("gate::who_leaves_the_line_takes_no_permit", leaving),
        trial("gate::a_flood_of_one_partner_is_served_in_turns", flood),
    ]
}

struct World {
    clock: ManualClock,
    facts: Watched,
    gate: Arc<Gate>,
}

fn world() -> World {
    let clock = ManualClock::at(Timestamp::from_seconds(1_000));
    let facts = Watched::default();
    let gates = Gates::new(facts.clone(), Arc::new(clock.clone()), "w1");
    let gate = gates.rail(BANK);
    World { clock, facts, gate }
}

fn partner(number: u128) -> PartnerId {
    PartnerId::from_bits(number)
}

fn paused(since: Timestamp) -> Facts {
    Facts {
        paused: Some(Pause {
            since,
            by: "mina".to_owned(),
            reason: "maintenance".to_owned(),
        }),
        ..Facts::unsaid(BANK)
    }
}

async fn pause() -> Result<()> {
    let World { clock, facts, gate } = world();
    let open = gate.standing();
    ensure!(
        matches!(open, Standing::Open { seats } if seats > 8),
        "{open:?}"
    );
    let waiting = tokio::spawn({
        let gate = Arc::clone(&gate);
        async move { gate.other_than(open).await }
    });
    facts.set([paused(clock.now())]);
    ensure!(waiting.await? == Standing::Shut);
    let refused = gate.payment(partner(1)).await.err();
    ensure!(
        matches!(refused, Some(NotNow::Paused { rail: BANK, .. })),
        "{refused:?}"
    );
    // Who asks all the same asks ever more rarely: a long pause takes few of its tries.
    let (mut tries, mut slept) = (0, Duration::ZERO);
    while slept < Duration::from_secs(12 * 3_600) {
        let refused = gate.payment(partner(1)).await.err();
        let wait = refused.map_or(Duration::ZERO, NotNow::wait);
        ensure!(!wait.is_zero() && tries < 27, "{tries} tries in {slept:?}");
        clock.advance(wait);
        (tries, slept) = (tries + 1, slept + wait);
    }
    gate.question().await?;

    // Low at first, and a worker that waits for more is told when there is.
    facts.set([Facts {
        resumed_at: Some(clock.now()),
        ..Facts::unsaid(BANK)
    }]);
    let low = gate.standing();
    ensure!(low == Standing::Open { seats: 3 }, "{low:?}");
    let more = tokio::spawn({
        let gate = Arc::clone(&gate);
        async move { gate.other_than(low).await }
    });
    tokio::task::yield_now().await;
    clock.advance(Duration::from_secs(12));
    ensure!(more.await? == Standing::Open { seats: 6 });
    Ok(())
}

async fn outage() -> Result<()> {
    let World { clock, gate, .. } = world();
    for _ in 0..20 {
        gate.payment(partner(1)).await?.saw(Health::Silent);
        clock.advance(Duration::from_secs(1));
    }
    ensure!(gate.standing() == Standing::Shut);
    let refused = gate.payment(partner(1)).await.err();
    ensure!(
        matches!(refused, Some(NotNow::BreakerOpen { .. })),
        "{refused:?}"
    );
    clock.advance(BANK.capacity().breaker.open_for);
    ensure!(gate.standing() == Standing::Open { seats: 1 });
    let mut probe = gate.payment(partner(1)).await?;
    ensure!(
        gate.payment(partner(2)).await.is_err(),
        "two probes at once"
    );
    probe.saw(Health::Answered);
    drop(probe);
    ensure!(gate.breaker().0 == State::Closed);
    // And not all at once.
    ensure!(
        gate.standing() == Standing::Open { seats: 3 },
        "{:?}",
        gate.standing()
    );
    Ok(())
}

/// The breaker opens and half-opens while a call waits in its line: it goes as the probe or not.
async fn beside() -> Result<()> {
    let rail = RailId::SandboxBank;
    let clock = ManualClock::at(Timestamp::from_seconds(1_000));
    let facts = Watched::default();
    facts.set([Facts {
        limits: Limits {
            concurrent: Some(1),
            per_second: None,
        },
        ..Facts::unsaid(rail)
    }]);
    let gate = Gates::new(facts, Arc::new(clock.clone()), "w1").rail(rail);
    for probe_is_free in [false, true] {
        let held = gate.payment(partner(1)).await?;
        let waiting = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.payment(partner(2)).await }
        });
        tokio::task::yield_now().await;
        while gate.breaker().0 == State::Closed {
            gate.question().await?.saw(Health::Silent);
            clock.advance(Duration::from_millis(1));
        }
        clock.advance(rail.capacity().breaker.open_for);
        ensure!(gate.breaker().0 == State::HalfOpen);
        let probe = match probe_is_free {
            true => None,
            false => Some(gate.payment(partner(3)).await?),
        };
        drop(held);
        let waited = waiting.await?;
        ensure!(
            waited.is_ok() == probe_is_free,
            "beside the probe: {waited:?}"
        );
        // Whichever of them went is the probe, and closes the breaker.
        let mut went = probe.map_or(waited, Ok)?;
        ensure!(gate.payment(partner(4)).await.is_err(), "two probes");
        went.saw(Health::Answered);
        drop(went);
        ensure!(gate.breaker().0 == State::Closed);
        clock.advance(Duration::from_secs(60));
    }
    Ok(())
}

async fn leaving() -> Result<()> {
    let World { clock, facts, gate } = world();
    facts.set([Facts {
        limits: Limits {
            concurrent: Some(1),
            per_second: None,
        },
        ..Facts::unsaid(BANK)
    }]);
    let held = gate.payment(partner(1)).await?;
    for _ in 0..50 {
        let waiting = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.payment(partner(2)).await.map(drop) }
        });
        tokio::task::yield_now().await;
        waiting.abort();
        let _aborted = waiting.await;
    }
    drop(held);
    clock.advance(Duration::from_secs(1));
    gate.payment(partner(3)).await?;
    Ok(())
}

/// One partner has a hundred calls waiting, another comes with two: it is served beside it.
async fn flood() -> Result<()> {
    let World { clock, gate, .. } = world();
    let (order, mut told) = tokio::sync::mpsc::unbounded_channel();
    let ask = |who: u128| {
        let (gate, order) = (Arc::clone(&gate), order.clone());
        tokio::spawn(async move {
            if let Ok(pass) = gate.payment(partner(who)).await {
                order.send((who, pass)).ok();
            }
        })
    };
    let mut calls: Vec<_> = (0..100).map(|_| ask(1)).collect();
    tokio::task::yield_now().await;
    calls.extend((0..2).map(|_| ask(2)));
    tokio::task::yield_now().await;
    // The bank answers one call after the other.
    let mut before = 0;
    let mut served = 0;
    while served < 2 {
        clock.advance(Duration::from_millis(50));
        let (who, pass) = told.recv().await.unwrap();
        drop(pass);
        before += usize::from(who == 1);
        served += usize::from(who == 2);
        ensure!(before < 20, "the flood went first");
    }
    calls.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(())
}
