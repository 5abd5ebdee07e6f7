//! The servers that tests are promised, asked whether they really serve.

use std::process::{Command, ExitCode};

use anyhow::{Result, ensure};
use testkit::{Postgres, trial, trial_needing};

fn main() -> ExitCode {
    testkit::main(vec![
        trial("a test without needs runs on a runtime", async || {
            tokio::spawn(async { 1 + 1 })
                .await
                .map(|two| assert_eq!(two, 2))
        }),
        trial_needing("each test gets its own database", own_database),
        trial_needing("postgres syncs like a real one", syncs),
    ])
}

async fn own_database(postgres: &'static Postgres) -> Result<()> {
    let (one, other) = (postgres.fresh_database()?, postgres.fresh_database()?);
    ensure!(one != other);
    psql(&one, "create table t (n integer)")?;
    ensure!(psql(&other, "select to_regclass('t')")?.trim().is_empty());
    Ok(())
}

async fn syncs(postgres: &'static Postgres) -> Result<()> {
    let url = postgres.fresh_database()?;
    ensure!(psql(&url, "show fsync")?.trim() == "on");
    ensure!(psql(&url, "show synchronous_commit")?.trim() == "on");
    Ok(())
}

fn psql(url: &str, sql: &str) -> Result<String> {
    let output = Command::new("psql").args([url, "-Atc", sql]).output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}
