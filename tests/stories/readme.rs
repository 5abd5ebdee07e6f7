//! The README's tour, pasted: every `sh` block of it, in order, in one shell.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use testkit::{Trial, trial};

use crate::program::{Remit, Setup};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("readme::the_tour_works_as_written", tour)]
}

/// What stands between ```` ```sh ```` and ```` ``` ````.
fn blocks(readme: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in readme.lines() {
        open = match (open.take(), line) {
            (None, "```sh") => Some(String::new()),
            (None, _) => None,
            (Some(block), "```") => {
                blocks.push(block);
                None
            }
            (Some(block), line) => Some(block + line + "\n"),
        };
    }
    blocks
}

async fn tour() -> Result<()> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))?;
    let blocks = blocks(&readme);
    ensure!(
        blocks.len() >= 6,
        "the tour has only {} steps",
        blocks.len()
    );

    let remit = Remit::start(Setup::default()).await?;
    let folder = testkit::temp_dir()?;
    std::os::unix::fs::symlink(remit.data_dir(), folder.path().join(".remit"))?;
    let mut shell = Command::new("sh")
        .arg("-eu")
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = shell.stdin.take().context("no stdin")?;
    stdin.write_all(blocks.join("\n").as_bytes()).await?;
    drop(stdin);
    let ended = shell.wait_with_output().await?;
    let said = String::from_utf8_lossy(&ended.stdout);
    ensure!(
        ended.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    ensure!(
        said.contains("idempotency-key-reused") && said.contains("/amount/amount"),
        "{said}"
    );

    let api = &remit.api;
    let list = api.get("/v1/transfers?limit=3").await?;
    let mut ends = Vec::new();
    for transfer in list["data"].as_array().into_iter().flatten() {
        let settled = api
            .settled(transfer["id"].as_str().context("no id")?)
            .await?;
        ends.push((
            settled["amount"]["amount"].clone(),
            settled["status"].clone(),
        ));
    }
    let expected: Vec<(serde_json::Value, serde_json::Value)> = vec![
        (1_011.into(), "completed".into()),
        (700.into(), "refunded".into()),
        (2_500.into(), "completed".into()),
    ];
    ensure!(ends == expected, "{ends:?}");
    remit.stop()?;
    Ok(())
}
