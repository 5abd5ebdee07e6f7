//! The servers that tests are promised, asked whether they really serve; and the harness itself,
//! run by itself on machines that lack something.

use std::net::TcpStream;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::{
    Chromium, FallingPostgres, Postgres, Process, Stream, Temporal, trial, trial_needing,
    wait_until,
};

fn main() -> ExitCode {
    let mut trials = vec![
        trial("a test without needs runs on a runtime", on_a_runtime),
        trial("what is absent is skipped by name", skips),
        trial("what is required and absent fails by name", requires),
        trial("an unknown requirement runs nothing", unknown_requirement),
        trial_needing("a killed test process leaves no server", leaves_nothing),
        trial_needing("each test gets its own database", own_database),
        trial_needing("postgres syncs like a real one", syncs),
        trial_needing("a postgres that falls stands up again", stands_up),
        trial_needing("temporal knows the namespaces it was given", namespaces),
        trial_needing("a pair of needs is handed over as a pair", pair),
        trial_needing("chromium runs a page's script", browses),
    ];
    if std::env::var_os(HOLD).is_some() {
        trials = vec![trial_needing("holds a server until killed", hold)];
    }
    testkit::main(trials)
}

/// Set for the copy of this program that is killed while it holds a server.
const HOLD: &str = "TESTKIT_HOLD";
const BOUND: Duration = Duration::from_secs(60);

async fn on_a_runtime() -> Result<()> {
    let two = tokio::spawn(async { 1 + 1 }).await?;
    ensure!(two == 2);
    Ok(())
}

async fn stands_up(server: FallingPostgres) -> Result<()> {
    for _ in 0..2 {
        server.fresh_database()?;
        let before = server.pid()?;
        server.fall()?;
        wait_until(BOUND, || server.pid().is_ok_and(|pid| pid != before))?;
        wait_until(BOUND, || server.fresh_database().is_ok())?;
    }
    Ok(())
}

/// This very program, told to run one test on a machine without PostgreSQL.
fn without_postgres() -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["each test gets its own database", "--exact"]);
    command
        .env("REMIT_TEST_POSTGRES_BIN", "/nowhere")
        .env_remove("REMIT_TEST_REQUIRE");
    Ok(command)
}

async fn skips() -> Result<()> {
    let output = without_postgres()?.output()?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "{said}");
    let line = "skipped: each test gets its own database: no postgres found (no initdb in";
    ensure!(said.contains(line), "{said}");
    ensure!(said.contains("0 passed; 0 failed; 1 ignored"), "{said}");
    Ok(())
}

async fn requires() -> Result<()> {
    let output = without_postgres()?
        .env("REMIT_TEST_REQUIRE", "postgres")
        .output()?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(output.status.code() == Some(101), "{said}");
    ensure!(
        said.contains("REMIT_TEST_REQUIRE requires postgres"),
        "{said}"
    );
    Ok(())
}

async fn unknown_requirement() -> Result<()> {
    let output = without_postgres()?
        .env("REMIT_TEST_REQUIRE", "docker")
        .output()?;
    ensure!(output.status.code() == Some(2));
    let said = String::from_utf8(output.stderr)?;
    ensure!(said.contains("not `docker`"), "{said}");
    Ok(())
}

async fn leaves_nothing(_: &'static Postgres) -> Result<()> {
    let mut holder = Process::start(Command::new(std::env::current_exe()?).env(HOLD, "1"))?;
    let line = holder.wait_for_line(BOUND, Stream::Stdout, |line| line.starts_with("holding "))?;
    let url = line.trim_start_matches("holding ");
    let address = url
        .split(['@', '/'])
        .nth(3)
        .context("no address in the URL")?;
    TcpStream::connect(address)?;
    holder.kill()?;
    wait_until(BOUND, || TcpStream::connect(address).is_err())?;
    Ok(())
}

async fn hold(postgres: &'static Postgres) -> Result<()> {
    println!("holding {}", postgres.fresh_database()?);
    std::future::pending().await
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

async fn namespaces(temporal: &'static Temporal) -> Result<()> {
    let (one, other) = (temporal.fresh_namespace()?, temporal.fresh_namespace()?);
    let output = Command::new(temporal.cli())
        .args([
            "operator",
            "namespace",
            "list",
            "--address",
            temporal.address(),
        ])
        .output()?;
    let list = String::from_utf8(output.stdout)?;
    for name in [&one, &other, "default"] {
        ensure!(list.contains(name), "no {name} in {list}");
    }
    Ok(())
}

async fn pair((postgres, temporal): (&'static Postgres, &'static Temporal)) -> Result<()> {
    ensure!(postgres.fresh_database()?.starts_with("postgres://"));
    ensure!(temporal.address().starts_with("127.0.0.1:"));
    Ok(())
}

async fn browses(chromium: &'static Chromium) -> Result<()> {
    let dir = testkit::temp_dir()?;
    let (page, picture) = (dir.path().join("page.html"), dir.path().join("page.png"));
    let script = "document.body.append(6 * 7)";
    std::fs::write(&page, format!("<p>answer <script>{script}</script>"))?;
    let url = format!("file://{}", page.display());
    let dom = chromium.dump_dom(&url)?;
    ensure!(dom.contains("42"), "{dom}");
    chromium.screenshot(&url, &picture)?;
    ensure!(std::fs::read(&picture)?.starts_with(b"\x89PNG"));
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
