//! What a person can have done about a transfer: taken, refused with its words, forged, and with a
//! second pair of eyes.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{Trial, eventually, trial};

use crate::books;
use crate::program::{PATIENCE, Remit, Setup};
use crate::rails::rail;

/// The bank refuses it with a code that nobody listed: it stays in doubt.
const STAYS_IN_DOUBT: i64 = 1_018;
const REFUSED: i32 = 17;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("operators::a_doubt_is_resolved_as_executed", executed),
        trial(
            "operators::a_doubt_is_resolved_as_not_executed",
            not_executed,
        ),
        trial("operators::a_hold_keeps_what_is_collected", hold),
        trial("operators::what_is_collected_is_given_back", refund),
        trial("operators::what_is_not_collected_is_called_off", cancel),
        trial("operators::a_refused_undo_goes_elsewhere", elsewhere),
    ]
}

/// What `remit transfer …` said, as JSON, and its exit code.
pub(crate) struct Told {
    code: i32,
    pub(crate) out: Value,
    err: String,
}

impl Told {
    pub(crate) fn action(&self) -> Result<String> {
        let id = self.out["action"].as_str();
        Ok(id
            .with_context(|| format!("{} {}", self.out, self.err))?
            .to_owned())
    }
}

fn told(remit: &Remit, words: &[&str]) -> Result<Told> {
    let mut command = crate::program::bare(&remit.data_dir());
    command.args(["--engine-listen", &remit.engine]);
    command.arg("transfer").args(words).arg("--json");
    command.env("USER", "alice");
    let output = command.output()?;
    let out = String::from_utf8_lossy(&output.stdout);
    Ok(Told {
        code: output.status.code().unwrap_or(-1),
        out: serde_json::from_str(&out).unwrap_or(Value::Null),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

pub(crate) fn done(remit: &Remit, words: &[&str]) -> Result<Told> {
    let told = told(remit, words)?;
    ensure!(told.code == 0, "{words:?}: {} {}", told.out, told.err);
    Ok(told)
}

/// Refused, and the words say why.
pub(crate) fn refused(remit: &Remit, words: &[&str], why: &str) -> Result<()> {
    let told = told(remit, words)?;
    ensure!(
        told.code == REFUSED && told.err.contains(why),
        "{words:?} should say {why:?}: {} {}",
        told.code,
        told.err
    );
    Ok(())
}

/// Made by alice, agreed to by bob.
pub(crate) fn by_two(remit: &Remit, words: &[&str]) -> Result<Told> {
    let made = done(remit, words)?;
    ensure!(made.out["state"] == "waiting", "{}", made.out);
    let action = made.action()?;
    let confirm = |name| ["confirm", &action, "--as", name, "--reason", "seen"].map(str::to_owned);
    let alone = confirm("alice");
    let alone: Vec<_> = alone.iter().map(String::as_str).collect();
    refused(remit, &alone, "somebody else must")?;
    let two = confirm("bob");
    done(remit, &two.iter().map(String::as_str).collect::<Vec<_>>())
}

pub(crate) async fn shows(remit: &Remit, id: &str, seen: impl Fn(&Value) -> bool) -> Result<Value> {
    let found = eventually(PATIENCE, async || {
        let transfer = remit.api.get(&format!("/v1/transfers/{id}")).await.ok()?;
        seen(&transfer).then_some(transfer)
    });
    match found.await {
        Ok(transfer) => Ok(transfer),
        Err(error) => {
            let last = remit.api.get(&format!("/v1/transfers/{id}")).await;
            Err(anyhow::anyhow!("{error}: {last:?}"))
        }
    }
}

async fn in_doubt(remit: &Remit, id: &str) -> Result<Value> {
    shows(remit, id, |transfer| {
        transfer["flags"]["in_doubt"].is_object()
    })
    .await
}

/// A transfer that sticks in doubt, with the money leaving or coming.
pub(crate) async fn doubtful(remit: &Remit, payout: bool) -> Result<String> {
    let api = &remit.api;
    let (from, to) = if payout {
        (api.wallet("Alice").await?, api.bank_account("Bob").await?)
    } else {
        (api.bank_account("Alice").await?, api.wallet("Bob").await?)
    };
    let id = api.transfer("stuck", STAYS_IN_DOUBT, &from, &to).await?;
    in_doubt(remit, &id).await?;
    Ok(id)
}

/// The bank executed the debit and answers nothing any more, not even questions.
async fn executed() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    remit
        .faults(&json!([
            { "on": "debits", "fault": "cut_executed", "per_thousand": 1_000 },
            { "on": "inquiries", "fault": "cut_not_executed", "per_thousand": 1_000 },
            { "on": "webhooks", "fault": "webhook_lost", "per_thousand": 1_000 },
        ]))
        .await?;
    let (alice, bob) = (api.bank_account("Alice").await?, api.wallet("Bob").await?);
    let id = api.transfer("k", 4_200, &alice, &bob).await?;
    in_doubt(&remit, &id).await?;
    // Nor does its statement end the doubt: a paused rail's is not read.
    let words = ["pause", "sandbox_bank", "--reason", "r", "--by", "mina"];
    rail(&remit, &setup, &words)?;
    // What may have been taken is neither given back nor called off.
    for words in ["refund", "cancel"] {
        refused(&remit, &[words, &id, "--reason", "r"], "")?;
    }
    refused(&remit, &["release", &id, "--reason", "r"], "not on hold")?;
    let seen = done(&remit, &["show", &id])?;
    let possible = seen.out["possible"].as_array().cloned().unwrap_or_default();
    ensure!(possible.contains(&json!("resolve_doubt")), "{}", seen.out);
    done(&remit, &["retry", &id, "--reason", "ask now"])?;
    let collected = format!("{id}:collect");
    let moved = remit.bank_movements().await?;
    let line = moved.iter().find(|line| line["reference"] == collected);
    let line = line.context("the bank has no such line")?;
    let reference = line["bank_reference"].as_str().context("no reference")?;
    let words = ["resolve", &id, "--executed", reference];
    let evidence = ["--evidence", "its statement", "--reason", "r"];
    by_two(&remit, &[&words[..], &evidence[..]].concat())?;
    let transfer = api.settled(&id).await?;
    ensure!(transfer["status"] == "completed", "{transfer}");
    ensure!(
        transfer["source"]["bank_reference"] == reference,
        "{transfer}"
    );
    refused(&remit, &["note", &id, "--reason", "late"], "")?;
    done(&remit, &["audit"])?;
    books::true_and_agreeing(remit, &setup).await
}

async fn not_executed() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let id = doubtful(&remit, true).await?;
    let words = [
        "resolve",
        &id,
        "--not-executed",
        "--evidence",
        "call",
        "--reason",
        "r",
    ];
    by_two(&remit, &words)?;
    let transfer = remit.api.settled(&id).await?;
    ensure!(transfer["status"] == "refunded", "{transfer}");
    let causes: Vec<_> = causes(&transfer);
    ensure!(
        causes.contains(&"doubt_settled_by_hand".to_owned()),
        "{causes:?}"
    );
    books::true_and_agreeing(remit, &setup).await
}

fn causes(transfer: &Value) -> Vec<String> {
    let rows = transfer["history"].as_array().into_iter().flatten();
    rows.filter_map(|row| row["cause"].as_str().map(str::to_owned))
        .collect()
}

/// Collecting is asked for while the bank is out of order, so that there is time to speak.
pub(crate) async fn collecting(remit: &Remit) -> Result<String> {
    let api = &remit.api;
    let (alice, bob) = (
        api.bank_account("Alice").await?,
        api.bank_account("Bob").await?,
    );
    remit.debits_are_throttled().await?;
    let key = format!("k{}", remit.bank_movements().await?.len());
    let id = api.transfer(&key, 4_200, &alice, &bob).await?;
    shows(remit, &id, |transfer| transfer["status"] == "collecting").await?;
    Ok(id)
}

async fn hold() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let id = collecting(&remit).await?;
    done(&remit, &["hold", &id, "--reason", "asked by the police"])?;
    refused(
        &remit,
        &["hold", &id, "--reason", "again"],
        "on hold already",
    )?;
    remit.faults(&json!([])).await?;
    let seen = shows(&remit, &id, |transfer| transfer["status"] == "funded").await?;
    ensure!(seen["flags"]["on_hold"].is_object(), "{seen}");
    ensure!(seen["money"]["held"]["amount"] == 4_200, "{seen}");
    done(&remit, &["release", &id, "--reason", "cleared"])?;
    let transfer = remit.api.settled(&id).await?;
    ensure!(transfer["status"] == "completed", "{transfer}");
    ensure!(transfer["flags"]["on_hold"].is_null(), "{transfer}");
    let causes = causes(&transfer);
    ensure!(causes.contains(&"held".to_owned()) && causes.contains(&"released".to_owned()));
    books::true_and_agreeing(remit, &setup).await
}

async fn refund() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let id = collecting(&remit).await?;
    refused(&remit, &["refund", &id, "--reason", "r"], "possible now")?;
    done(&remit, &["hold", &id, "--reason", "r"])?;
    remit.faults(&json!([])).await?;
    shows(&remit, &id, |transfer| transfer["status"] == "funded").await?;
    refused(
        &remit,
        &["cancel", &id, "--reason", "r"],
        "ask for a refund",
    )?;
    by_two(&remit, &["refund", &id, "--reason", "wrong person"])?;
    // The hold still keeps everything here, the way back too.
    shows(&remit, &id, |transfer| transfer["status"] == "compensating").await?;
    done(&remit, &["release", &id, "--reason", "r"])?;
    let transfer = remit.api.settled(&id).await?;
    ensure!(transfer["status"] == "refunded", "{transfer}");
    ensure!(
        transfer["money"]["refunded"]["amount"] == 4_200,
        "{transfer}"
    );
    books::true_and_agreeing(remit, &setup).await
}

/// Asked while the bank puts it off. Whether the bank takes the money after all decides the rest.
async fn cancel() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let never = json!([{ "on": "debits", "fault": "cut_not_executed", "per_thousand": 1_000 }]);
    for (rules, ends) in [(json!([]), "refunded"), (never, "canceled")] {
        let id = collecting(&remit).await?;
        done(&remit, &["cancel", &id, "--reason", "asked by phone"])?;
        refused(&remit, &["cancel", &id, "--reason", "r"], "already")?;
        remit.faults(&rules).await?;
        let transfer = remit.api.settled(&id).await?;
        ensure!(transfer["status"] == ends, "{transfer}");
        ensure!(transfer["money"]["credited"]["amount"] == 0, "{transfer}");
    }
    books::true_and_agreeing(remit, &setup).await
}

/// Payout and give-back are refused for good: it waits for a person with what can be done, and goes
/// back under a new key once the bank takes it.
async fn elsewhere() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (
        api.bank_account("Alice").await?,
        api.bank_account("Bob").await?,
    );
    remit
        .faults(&json!([{ "on": "payouts", "fault": "unlisted_rejection", "per_thousand": 1_000 }]))
        .await?;
    let id = api.transfer("k", 4_200, &bob, &alice).await?;
    for step in ["pay-out", "collect"] {
        shows(&remit, &id, |transfer| {
            let undoing = transfer["status"] == "compensating";
            transfer["flags"]["in_doubt"].is_object() && undoing == (step == "collect")
        })
        .await?;
        let words = [
            "resolve",
            &id,
            "--not-executed",
            "--evidence",
            "call",
            "--reason",
            "r",
        ];
        by_two(&remit, &words)?;
    }
    shows(&remit, &id, needs_a_person).await?;
    let page = done(&remit, &["show", &id])?;
    let note = page.out["operator_note"].as_str().unwrap_or_default();
    let ways = [
        "refused to take the money back",
        "retry_now",
        "retry_elsewhere",
    ];
    ensure!(ways.iter().all(|way| note.contains(way)), "{}", page.out);
    let account = |end: &Value| end["id"].as_str().unwrap_or_default().to_owned();
    let to = account(&alice);
    let words = ["redirect", &id, "--to", &to, "--reason", "r"];
    refused(&remit, &words, "same person")?;

    remit.faults(&json!([])).await?;
    // Bob's other account is closed at the bank: refused again, and it waits again.
    let other = account(&api.closed_bank_account().await?);
    by_two(&remit, &["redirect", &id, "--to", &other, "--reason", "r"])?;
    eventually(PATIENCE, async || {
        let transfer = api.get(&format!("/v1/transfers/{id}")).await.ok()?;
        let asked = causes(&transfer)
            .iter()
            .filter(|cause| *cause == "operator_needed")
            .count();
        (asked == 2 && needs_a_person(&transfer)).then_some(())
    })
    .await?;
    done(
        &remit,
        &["retry", &id, "--reason", "the bank says it works now"],
    )?;
    let transfer = api.settled(&id).await?;
    ensure!(transfer["status"] == "refunded", "{transfer}");
    let moved = remit.bank_movements().await?;
    for (round, state) in [("-2", "rejected"), ("-3", "executed")] {
        let reference = format!("{id}:undo-collect{round}");
        let there = |line: &Value| line["reference"] == reference && line["state"] == state;
        ensure!(moved.iter().any(there), "{round}: {moved:?}");
    }
    books::true_and_agreeing(remit, &setup).await
}

pub(crate) fn needs_a_person(transfer: &Value) -> bool {
    transfer["flags"]["needs_operator"].is_object()
}
