//! What keeps the program from starting: one line that says what to do, an exit code, and nothing
//! written.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use testkit::{Process, Stream, Trial, trial};

use crate::program::{PATIENCE, Remit, Setup, command};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("refusals_at_start::words_nobody_knows", async || {
            unknown_words()
        }),
        trial("refusals_at_start::a_broken_configuration", async || {
            broken_configuration()
        }),
        trial(
            "refusals_at_start::a_taken_port_names_its_flag",
            async || taken_ports(),
        ),
        trial(
            "refusals_at_start::a_data_directory_that_cannot_be_used",
            async || unusable(),
        ),
        trial("refusals_at_start::a_newer_data_directory", newer),
        trial("refusals_at_start::a_second_process", second_process),
        trial(
            "refusals_at_start::a_database_or_engine_that_is_not_there",
            async || absent(),
        ),
    ]
}

/// Runs to its end; checks the form of the error and gives the line.
fn refused(command: &mut Command, exit_code: i32, says: &str) -> Result<String> {
    let mut process = Process::start(command)?;
    let status = process.wait_exit(PATIENCE)?;
    let said = process.said(Stream::Stderr);
    ensure!(
        status.code() == Some(exit_code),
        "{command:?} ended with {status}: {said}"
    );
    ensure!(
        said.lines().count() == 1,
        "{command:?} says more than one line: {said}"
    );
    ensure!(
        said.starts_with("remit: ") && said.contains(says),
        "{command:?} says: {said}"
    );
    ensure!(
        process.said(Stream::Stdout).is_empty(),
        "{command:?} speaks before it fails"
    );
    Ok(said)
}

fn nothing_in(dir: &Path) -> Result<()> {
    let left: Vec<_> = std::fs::read_dir(dir)?.filter_map(Result::ok).collect();
    ensure!(left.is_empty(), "something was written: {left:?}");
    Ok(())
}

fn unknown_words() -> Result<()> {
    let dir = testkit::temp_dir()?;
    let data = dir.path().join("data");
    refused(command(&data).arg("--color"), 2, "--color")?;
    refused(
        command(&data).arg("transfer-everything"),
        2,
        "transfer-everything",
    )?;
    refused(
        command(&data).args(["--listen", "everywhere"]),
        2,
        "--listen",
    )?;
    refused(command(&data).args(["--listen"]), 2, "--listen")?;
    refused(
        command(&data).args(["--namespace", "a b"]),
        2,
        "--namespace",
    )?;
    refused(
        command(&data).args(["--listen", "0.0.0.0:0"]),
        2,
        "--listen",
    )?;
    refused(
        command(&data).args(["--database-url", "mysql://x"]),
        2,
        "--database-url",
    )?;
    refused(command(&data).arg("api"), 2, "--temporal")?;
    nothing_in(dir.path())
}

fn broken_configuration() -> Result<()> {
    let dir = testkit::temp_dir()?;
    let files = testkit::temp_dir()?;
    let file = files.path().join("remit.toml");
    let with = |file: &Path| {
        let mut command = command(&dir.path().join("data"));
        command.arg("--config").arg(file);
        command
    };
    refused(&mut with(&file), 2, "--config")?;
    for (text, says) in [
        ("listen = ", "line 1"),
        ("\nport = 1", "line 2"),
        ("\u{0}", "line 1"),
    ] {
        std::fs::write(&file, text)?;
        refused(&mut with(&file), 2, says)?;
    }
    std::fs::write(&file, [0xff, 0xfe])?;
    refused(&mut with(&file), 2, "--config")?;
    nothing_in(dir.path())
}

fn taken_ports() -> Result<()> {
    let dir = testkit::temp_dir()?;
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    for flag in ["--listen", "--engine-listen", "--sandbox-listen"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_remit"));
        command.arg("--data-dir").arg(dir.path().join("data"));
        for other in ["--listen", "--engine-listen", "--sandbox-listen"] {
            command.args([
                other,
                if other == flag {
                    &address
                } else {
                    "127.0.0.1:0"
                },
            ]);
        }
        let said = refused(&mut command, 3, &address)?;
        ensure!(said.contains(&format!("{flag} ")), "{said}");
        nothing_in(dir.path())?;
    }
    Ok(())
}

fn unusable() -> Result<()> {
    let dir = testkit::temp_dir()?;
    let file = dir.path().join("file");
    std::fs::write(&file, "not a directory")?;
    refused(&mut command(&file), 4, "--data-dir")?;
    refused(&mut command(&file.join("below")), 4, "--data-dir")?;
    let foreign = dir.path().join("foreign");
    std::fs::create_dir(&foreign)?;
    std::fs::write(foreign.join("thesis.tex"), "")?;
    refused(&mut command(&foreign), 4, "thesis.tex")?;
    ensure!(std::fs::read_dir(&foreign)?.count() == 1);
    // A directory that even root cannot write to.
    refused(&mut command(Path::new("/proc/self/remit")), 4, "--data-dir")?;
    Ok(())
}

/// Each store has a version of its own; any of them may be from the future.
async fn newer() -> Result<()> {
    let dir = testkit::temp_dir()?;
    let data = dir.path().join("data");
    std::fs::create_dir(&data)?;
    std::fs::write(data.join("FORMAT"), "99\n")?;
    refused(&mut command(&data), 6, "99")?;
    ensure!(std::fs::read_dir(&data)?.count() == 1);

    let dir = Remit::start(Setup::default()).await?.stop()?;
    let data = dir.path().join("data");
    let url = db::DatabaseUrl::Sqlite(data.join("remit.db"));
    let db = db::Db::open(&url, db::Options::new(ambient::SystemClock::shared())).await?;
    db.write(|tx: &mut db::Tx| {
        let insert = "INSERT INTO schema_migrations (version, name, checksum, applied_at) \
                      VALUES (9999, 'from_the_future', $1, 0)";
        Box::pin(async move { tx.execute(insert, db::params!["x"]).await })
    })
    .await
    .map_err(|error| anyhow::anyhow!("{error:?}"))?;
    db.close().await;
    let before = std::fs::read(data.join("remit.db"))?;
    refused(&mut command(&data), 6, "9999")?;
    ensure!(
        std::fs::read(data.join("remit.db"))? == before,
        "the newer database was written to"
    );
    Ok(())
}

async fn second_process() -> Result<()> {
    let remit = Remit::start(Setup::default()).await?;
    let said = refused(&mut command(&remit.data_dir()), 5, "another process uses")?;
    ensure!(said.contains("--data-dir"), "{said}");
    // The first one did not notice.
    remit.api.get("/v1/transfers").await?;
    remit.stop()?;
    Ok(())
}

fn absent() -> Result<()> {
    let dir = testkit::temp_dir()?;
    let nobody = format!("127.0.0.1:{}", testkit::free_port()?);
    let url = format!("postgres://nobody:secret-word@{nobody}/none");
    let said = refused(
        command(&dir.path().join("a")).args(["--database-url", &url]),
        8,
        &nobody,
    )?;
    ensure!(
        !said.contains("secret-word"),
        "the password is in the message: {said}"
    );
    refused(
        command(&dir.path().join("b")).args(["--temporal", &nobody]),
        9,
        &nobody,
    )
    .context("no engine")?;
    Ok(())
}
