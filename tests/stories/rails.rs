//! A rail is paused, dies away or comes back: transfers wait for it in plain sight, and go on.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{Postgres, Temporal, Trial, eventually, trial, trial_needing};

use crate::books;
use crate::program::{Api, PATIENCE, Remit, Setup, bare};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "rails::a_pause_is_waited_for_and_survives_a_kill",
            async || paused(Setup::default()).await,
        ),
        trial_needing(
            "rails::paused_on_postgres",
            async |server: &'static Postgres| {
                let flags = vec!["--database-url".into(), server.fresh_database()?];
                paused(Setup { flags }).await
            },
        ),
        trial_needing(
            "rails::paused_on_temporal",
            async |server: &'static Temporal| {
                let namespace = server.fresh_namespace()?;
                let flags = vec![
                    "--temporal".into(),
                    server.address().into(),
                    "--namespace".into(),
                    namespace,
                ];
                paused(Setup { flags }).await
            },
        ),
        trial(
            "rails::an_outage_opens_the_breaker_and_its_end_closes_it",
            outage,
        ),
    ]
}

/// Transfers wait before their debit, and the program is killed meanwhile. Nothing is sent until
/// the rail is resumed, and then all of it, once.
async fn paused(setup: Setup) -> Result<()> {
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (
        api.bank_account("Alice").await?,
        api.bank_account("Bob").await?,
    );
    let bobs = api.wallet("Bob").await?;
    // So that only ours wait.
    api.samples_are_over().await?;
    rail(
        &remit,
        &setup,
        &[
            "pause",
            "sandbox_bank",
            "--reason",
            "maintenance",
            "--by",
            "mina",
        ],
    )?;
    until(&api, "/v1/rails", |rails| bank(rails)["health"] == "paused").await?;
    let mut waiting = Vec::new();
    for number in 0..5 {
        let to = if number % 2 == 0 { &bob } else { &bobs };
        waiting.push(
            api.transfer(&format!("w{number}"), 1_000 + number, &alice, to)
                .await?,
        );
    }
    for id in &waiting {
        let path = format!("/v1/transfers/{id}");
        let seen = until(&api, &path, |seen| seen["flags"]["rail_paused"].is_object()).await?;
        let flag = &seen["flags"]["rail_paused"];
        ensure!(
            flag["rail"] == "sandbox_bank" && flag["step"] == "collect",
            "{seen}"
        );
        ensure!(
            flag["reason"] == "paused" && seen["status"] == "collecting",
            "{seen}"
        );
    }
    let before = remit.bank_movements().await?.len();
    // They are open, and have decided something: this program must decide the same.
    if !setup.flags.contains(&"--temporal".to_owned()) {
        let words = ["replay", "--json", "--engine-listen", &remit.engine];
        let replayed: Value = serde_json::from_str(&run(&remit, &setup, &words)?)?;
        ensure!(
            replayed["replayed"] == 5 && replayed["broken"] == json!([]),
            "{replayed}"
        );
    }
    let remit = remit.kill_and_restart().await?;
    let api = remit.api.clone();
    until(&api, "/v1/rails", |rails| bank(rails)["health"] == "paused").await?;
    ensure!(
        remit.bank_movements().await?.len() == before,
        "something was sent"
    );

    let said = rail(
        &remit,
        &setup,
        &["resume", "sandbox_bank", "--reason", "over", "--by", "omar"],
    )?;
    ensure!(said.contains("sandbox_bank  up"), "{said}");
    for id in &waiting {
        let transfer = api.settled(id).await?;
        ensure!(transfer["status"] == "completed", "{transfer}");
        ensure!(transfer["flags"]["rail_paused"].is_null(), "{transfer}");
    }
    let log = rail(&remit, &setup, &["log", "sandbox_bank"])?;
    ensure!(
        log.contains("mina  maintenance") && log.contains("omar  over"),
        "{log}"
    );
    books::true_and_agreeing(remit, &setup).await
}

/// The bank answers nothing any more: after some silence nothing is sent, and once it answers
/// again everything ends right.
async fn outage() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, bobs) = (api.bank_account("Alice").await?, api.wallet("Bob").await?);
    remit.bank_is_out_of_order(true).await?;
    let mut waiting = Vec::new();
    for number in 0..30 {
        waiting.push(
            api.transfer(&format!("o{number}"), 1_000, &alice, &bobs)
                .await?,
        );
    }
    until(&api, "/v1/rails", |rails| {
        bank(rails)["health"] == "not_answering"
    })
    .await?;
    let listed = rail(&remit, &setup, &["list"])?;
    ensure!(listed.contains("not answering"), "{listed}");
    remit.bank_is_out_of_order(false).await?;
    for id in waiting {
        let transfer = api.settled(&id).await?;
        ensure!(transfer["status"] == "completed", "{transfer}");
    }
    until(&api, "/v1/rails", |rails| bank(rails)["health"] == "up").await?;
    books::true_and_agreeing(remit, &setup).await
}

fn bank(rails: &Value) -> &Value {
    let mut all = rails["data"].as_array().into_iter().flatten();
    all.find(|rail| rail["id"] == "sandbox_bank")
        .unwrap_or(&Value::Null)
}

async fn until(api: &Api, path: &str, shows: impl Fn(&Value) -> bool) -> Result<Value> {
    let seen = eventually(PATIENCE, async || {
        let seen = api.get(path).await.ok()?;
        shows(&seen).then_some(seen)
    });
    match seen.await {
        Ok(seen) => Ok(seen),
        Err(error) => Err(anyhow::anyhow!("{error}: {:?}", api.get(path).await)),
    }
}

/// An operator's command line, beside the program.
pub(crate) fn rail(remit: &Remit, setup: &Setup, words: &[&str]) -> Result<String> {
    run(remit, setup, &[&["rail"], words].concat())
}

fn run(remit: &Remit, setup: &Setup, words: &[&str]) -> Result<String> {
    let mut command: Command = bare(&remit.data_dir());
    let database = setup
        .flags
        .iter()
        .skip_while(|flag| *flag != "--database-url");
    let output = command.args(words).args(database.take(2)).output()?;
    let said = String::from_utf8(output.stdout).context("not text")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{words:?}: {said}{error}");
    Ok(said)
}
