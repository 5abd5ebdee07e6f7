//! Saying, repeating, reading; and that another process sees it.

use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, Timestamp};
use anyhow::{Result, ensure};
use db::{DatabaseUrl, Db, Options};
use domain::rail::RailId;
use rails::{Actor, Gates, Health, Limits, Rails, State, Watched};
use testkit::{Postgres, Trial, eventually, trial, trial_needing};
use tokio_util::sync::CancellationToken;

const BANK: RailId = RailId::SandboxBank;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("facts::sqlite", async || {
            let dir = testkit::temp_dir()?;
            story(&DatabaseUrl::Sqlite(dir.path().join("facts.db"))).await
        }),
        trial_needing("facts::postgres", async |server: &'static Postgres| {
            story(&server.fresh_database()?.parse()?).await
        }),
    ]
}

async fn story(url: &DatabaseUrl) -> Result<()> {
    let clock = ManualClock::at(Timestamp::from_seconds(1_000));
    let open = async || Db::open(url, Options::new(Arc::new(clock.clone()))).await;
    let (ours, theirs) = (open().await?, open().await?);
    let (here, there) = (Rails::new(ours.clone()), Rails::new(theirs.clone()));
    let (mina, omar) = (Actor::new("mina")?, Actor::new("omar")?);

    let paused = here.pause(BANK, &mina, "maintenance").await?;
    clock.advance(Duration::from_secs(10));
    let again = there.pause(BANK, &omar, "also").await?;
    ensure!(paused == again, "who came second changed it: {again:?}");
    let pause = paused.paused.unwrap();
    ensure!(
        pause.by == "mina" && pause.reason == "maintenance",
        "{pause:?}"
    );
    ensure!(pause.since == Timestamp::from_seconds(1_000), "{pause:?}");

    let limits = Limits {
        per_second: Some(160),
        concurrent: None,
    };
    there
        .limit(BANK, limits, &omar, "the bank asked\nfor it")
        .await?;
    there.resume(BANK, &omar, "over").await?;
    let facts = here.facts(clock_now(&clock)).await?;
    let bank = facts.iter().find(|facts| facts.rail == BANK).unwrap();
    ensure!(bank.paused.is_none() && bank.limits == limits, "{bank:?}");
    ensure!(bank.rate_at(clock_now(&clock)) == 10, "{bank:?}");
    let whole = clock_now(&clock).after(Duration::from_secs(60));
    ensure!(bank.rate_at(whole) == 160, "{bank:?}");
    ensure!(facts.len() == RailId::ALL.len(), "{facts:?}");

    let changes = here.changes(BANK, 10).await?;
    let told: Vec<_> = changes
        .iter()
        .map(|c| (c.by.as_str(), c.reason.as_str()))
        .collect();
    ensure!(
        told == [
            ("omar", "over"),
            ("omar", "the bank asked for it"),
            ("mina", "maintenance")
        ],
        "{told:?}"
    );
    breakers_are_seen(&here, &there, &clock).await?;
    ours.close().await;
    theirs.close().await;
    Ok(())
}

/// What one process's breaker says is read by another, until the process is gone.
async fn breakers_are_seen(here: &Rails, there: &Rails, clock: &ManualClock) -> Result<()> {
    let (watched, stop) = (Watched::default(), CancellationToken::new());
    let shared: ambient::SharedClock = Arc::new(clock.clone());
    let gates = Gates::new(watched.clone(), shared.clone(), "w1");
    let gate = gates.rail(BANK);
    for _ in 0..BANK.capacity().breaker.window {
        gate.question().await?.saw(Health::Silent);
        clock.advance(Duration::from_millis(10));
    }
    ensure!(gate.breaker().0 == State::Open, "{:?}", gate.breaker());
    let following = tokio::spawn({
        let (watched, rails, stop) = (watched.clone(), here.clone(), stop.clone());
        async move { watched.follow(rails, gates, shared, stop).await }
    });
    let seen = async |wanted: usize| {
        eventually(Duration::from_secs(30), async || {
            let facts = there.facts(clock_now(clock)).await.ok()?;
            let bank = facts.into_iter().find(|facts| facts.rail == BANK)?;
            (bank.breakers.len() == wanted).then_some(bank.breakers)
        })
        .await
    };
    let said = seen(1).await?.remove(0);
    ensure!(
        said.process == "w1" && said.state == State::Open,
        "{said:?}"
    );
    stop.cancel();
    following.await?;
    clock.advance(Duration::from_secs(60));
    seen(0).await?;
    Ok(())
}

fn clock_now(clock: &ManualClock) -> Timestamp {
    ambient::Clock::now(clock)
}
