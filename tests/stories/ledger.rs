//! Looking into the books from outside, beside the program that writes them.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::{Process, Stream, Trial, trial};

use crate::program::{PATIENCE, Remit, Setup, bare};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("ledger::asked_beside_the_running_program", asked),
        trial(
            "ledger::what_cannot_be_answered_says_what_to_do",
            async || refused(),
        ),
    ]
}

/// Its exit code, and what it said on both streams.
fn ledger(data: &Path, words: &[&str]) -> Result<(i32, String, String)> {
    let mut process = Process::start(bare(data).arg("ledger").args(words))?;
    let status = process.wait_exit(PATIENCE)?;
    let said = (process.said(Stream::Stdout), process.said(Stream::Stderr));
    let code = status.code().context("it was killed")?;
    Ok((code, said.0, said.1))
}

fn answer(data: &Path, words: &[&str]) -> Result<String> {
    let (code, out, err) = ledger(data, words)?;
    ensure!(
        code == 0 && err.is_empty(),
        "{words:?} ended with {code}: {err}"
    );
    Ok(out)
}

fn json(data: &Path, words: &[&str]) -> Result<Value> {
    Ok(serde_json::from_str(&answer(
        data,
        &[words, &["--json"]].concat(),
    )?)?)
}

async fn asked() -> Result<()> {
    let remit = Remit::start(Setup::default()).await?;
    let (alice, bob) = (
        remit.api.wallet("Alice").await?,
        remit.api.wallet("Bob").await?,
    );
    let transfer = remit.api.transfer("ledger-1", 12_34, &alice, &bob).await?;
    remit.api.settled(&transfer).await?;
    let data = remit.data_dir();

    let trial = json(&data, &["trial"])?;
    ensure!(trial["sums"][0]["amount"] == 0, "{trial}");
    let account = alice["id"].as_str().context("no id")?;
    let now = remit.api.balance(&alice).await?;
    let shown = json(&data, &["balance", account])?;
    ensure!(shown["available"]["amount"] == now, "{shown}");
    let statement = json(&data, &["statement", account])?;
    ensure!(statement["closing"]["amount"] == now, "{statement}");
    let lines = statement["lines"].as_array().context("no lines")?;
    let last = lines.last().context("no lines")?;
    ensure!(
        last["transfer"] == *transfer && last["amount"]["amount"] == -12_34,
        "{last}"
    );
    // The table says the same to people.
    let table = answer(&data, &["statement", account, "--limit", "1"])?;
    ensure!(
        table.contains("opening balance") && table.contains("--cursor 1-"),
        "{table}"
    );
    let pool = json(&data, &["explain", "pool/internal/EUR"])?;
    ensure!(pool["adds_up"] == true && pool["all_shares"] == 0, "{pool}");

    let verified = json(&data, &["verify"])?;
    ensure!(
        verified["true"] == true && verified["entries"] != 0,
        "{verified}"
    );
    let head = data.with_file_name("head.json");
    std::fs::write(&head, answer(&data, &["head", "--json"])?)?;
    let (head, key) = (head.to_str().context("a path")?, json(&data, &["head"])?);
    let key = key["public_key"].as_str().context("no key")?;
    answer(&data, &["verify", "--head", head])?;

    // Checked without any of our data; with another key it proves nothing.
    let nowhere = testkit::temp_dir()?;
    answer(
        nowhere.path(),
        &["head", "--check", head, "--public-key", key],
    )?;
    let other = "00".repeat(32);
    let (code, _, err) = ledger(
        nowhere.path(),
        &["head", "--check", head, "--public-key", &other],
    )?;
    ensure!(
        code == 15 && err.contains("proves nothing"),
        "{code}: {err}"
    );
    drop(remit.stop()?);
    Ok(())
}

fn refused() -> Result<()> {
    let dir = testkit::temp_dir()?;
    for (words, code, says) in [
        (&["trial"][..], 4, "there are no books"),
        (&["head"], 2, "no master key"),
        (&["statement", "ac_1", "--from", "soon"], 2, "2026-11-01"),
        (&["verify", "--public-key", "00"], 2, "hexadecimal"),
    ] {
        let (found, out, err) = ledger(dir.path(), words)?;
        ensure!(
            found == code && err.contains(says),
            "{words:?}: {found}: {err}"
        );
        ensure!(
            out.is_empty() && err.lines().count() == 1,
            "{words:?}: {out}{err}"
        );
    }
    // The chart needs no books.
    let chart = json(dir.path(), &["chart"])?;
    ensure!(chart["purposes"][0]["purpose"] == "wallet", "{chart}");
    let left: Vec<_> = std::fs::read_dir(dir.path())?.collect();
    ensure!(left.is_empty(), "something was written: {left:?}");
    Ok(())
}
