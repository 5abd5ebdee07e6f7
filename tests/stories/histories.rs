//! The history of every scenario, as a real program makes it now: short enough, findable, and on
//! demand recorded for the replays.
//!
//! `REMIT_RECORD_HISTORIES=$PWD/workflows/tests/histories/transfer cargo test -p remit --test stories
//! histories` writes each case under its next number. A file that is there is never changed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, Url, WorkflowFetchHistoryOptions,
};
use testkit::{Temporal, Trial, trial_needing};
use workflows::Transfer;

use crate::program::{Api, Remit, Setup};
use crate::{books, checkout};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        // The server itself is not used: the tool that comes with it reads histories.
        trial_needing(
            "histories::are_short_and_found_by_what_they_carry",
            async |server: &'static Temporal| story(server).await,
        ),
    ]
}

const RECORD: &str = "REMIT_RECORD_HISTORIES";

async fn story(server: &Temporal) -> Result<()> {
    let setup = Setup {
        flags: vec!["--plain-histories".to_owned()],
    };
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let mut all = scenarios(&api).await?;
    let (bobs, closed) = (api.wallet("Bob").await?, api.closed_bank_account().await?);
    for (case, to, end) in [
        ("checkout_paid", bobs, "completed"),
        ("checkout_given_back", closed, "refunded"),
    ] {
        let (id, transfer) = checkout::paid(&remit, case, &to).await?;
        ensure!(transfer["status"] == end, "{case}: {transfer}");
        all.push((case, id));
    }
    for (case, id) in all {
        let path = ["--workflow-id", &format!("transfer/{id}")].map(str::to_owned);
        let json = temporal(server, &remit, &["workflow", "show"], &path)?;
        let history: Value = serde_json::from_str(&json)?;
        let events = history["events"].as_array().context("no events")?;
        let (most_events, most_tasks) = match case {
            "wallet_to_wallet" => (7, 1),
            "bank_to_bank" => (25, 4),
            _ => (100, 30),
        };
        let tasks = events
            .iter()
            .filter(|event| event["eventType"] == "EVENT_TYPE_WORKFLOW_TASK_COMPLETED");
        let (events, tasks) = (events.len(), tasks.count());
        println!(
            "{case}: {events} events, {tasks} workflow tasks, {} bytes as JSON",
            json.len()
        );
        ensure!(
            events <= most_events && tasks <= most_tasks,
            "{case}: {events}, {tasks}"
        );
        is_found(server, &remit, case, &id)?;
        if let Some(dir) = std::env::var_os(RECORD) {
            std::fs::write(next(Path::new(&dir), case), recorded(&remit, &id).await?)?;
        }
    }
    books::true_and_agreeing(remit, &setup).await
}

async fn scenarios(api: &Api) -> Result<Vec<(&'static str, String)>> {
    let (alice, bob) = (
        api.bank_account("Alice").await?,
        api.bank_account("Bob").await?,
    );
    let (alices, bobs) = (api.wallet("Alice").await?, api.wallet("Bob").await?);
    let (closed, empty) = (
        api.closed_bank_account().await?,
        api.empty_bank_account().await?,
    );
    let too_much = api.balance(&alices).await? + 1;
    // The last two digits of an amount choose what the sandbox bank does.
    let cases = [
        ("wallet_to_wallet", 2_500, &alices, &bobs, "completed"),
        ("bank_to_bank", 2_500, &alice, &bob, "completed"),
        ("bank_to_wallet", 2_500, &alice, &bobs, "completed"),
        ("wallet_to_bank", 2_500, &alices, &bob, "completed"),
        ("collection_refused", 2_500, &empty, &bob, "failed"),
        ("payout_refused", 2_500, &alice, &closed, "refunded"),
        (
            "not_enough_in_the_wallet",
            too_much,
            &alices,
            &bobs,
            "failed",
        ),
        ("collection_in_doubt", 1_011, &alice, &bobs, "completed"),
        (
            "collection_never_arrived",
            1_012,
            &alice,
            &bobs,
            "completed",
        ),
        ("payout_in_doubt", 1_011, &alices, &bob, "completed"),
        ("payout_never_arrived", 1_012, &alices, &bob, "completed"),
        ("payout_throttled", 1_016, &alices, &bob, "completed"),
    ];
    let mut started = Vec::new();
    for (case, amount, from, to, end) in cases {
        started.push((case, api.transfer(case, amount, from, to).await?, end));
    }
    let mut ended = Vec::new();
    for (case, id, end) in started {
        let transfer = api.settled(&id).await?;
        ensure!(transfer["status"] == end, "{case}: {transfer}");
        ended.push((case, id));
    }
    Ok(ended)
}

/// What a support person types into Temporal's own tools.
fn is_found(server: &Temporal, remit: &Remit, case: &str, id: &str) -> Result<()> {
    let status = match case {
        "collection_refused" | "not_enough_in_the_wallet" => "= 'failed'",
        "payout_refused" | "checkout_given_back" => "= 'refunded'",
        doubtful if doubtful.ends_with("in_doubt") || doubtful.ends_with("never_arrived") => {
            "= 'completed'"
        }
        _ => "IS NULL",
    };
    for (query, wanted) in [
        (
            format!("RemitTransfer = '{id}' AND RemitStatus {status}"),
            1,
        ),
        (
            format!("RemitTransfer = '{id}' AND RemitCurrency = 'EUR'"),
            1,
        ),
        (
            format!("RemitTransfer = '{id}' AND RemitRoute = 'wallet to stripe'"),
            0,
        ),
    ] {
        let asked = ["--query".to_owned(), query.clone()];
        let json = temporal(server, remit, &["workflow", "list"], &asked)?;
        let rows: Value = serde_json::from_str(&json)?;
        let many = rows.as_array().map_or(0, Vec::len);
        ensure!(many == wanted, "{case}: {query}: {many}, not {wanted}");
    }
    Ok(())
}

fn temporal(server: &Temporal, remit: &Remit, what: &[&str], which: &[String]) -> Result<String> {
    let output = Command::new(server.cli())
        .args(what)
        .args(["--address", &remit.engine, "--output", "json"])
        .args(which)
        .output()?;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{what:?} {which:?}: {error}");
    Ok(String::from_utf8(output.stdout)?)
}

/// In the form that the SDK's replayer reads.
async fn recorded(remit: &Remit, id: &str) -> Result<Vec<u8>> {
    let url = Url::parse(&format!("http://{}", remit.engine))?;
    let options = ConnectionOptions::new(url).identity("record").build();
    let connection = Connection::connect(options).await?;
    let client = Client::new(connection, ClientOptions::new("default").build())?;
    let history = client
        .get_workflow_handle::<Transfer>(format!("transfer/{id}"))
        .fetch_history(WorkflowFetchHistoryOptions::default());
    Ok(history.to_json().await?)
}

/// The first number that is not taken.
fn next(dir: &Path, case: &str) -> PathBuf {
    let numbered = (1..).map(|number| dir.join(format!("{case}.v{number}.json")));
    let mut free = numbered.filter(|path| !path.exists());
    free.next().unwrap_or_else(|| dir.join(case))
}
