//! What keeps the program from starting: one line that says what to do, an exit code, and nothing
//! written.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command};

use anyhow::{Context, Result, ensure};
use testkit::{Process, Stream, Trial, eventually, trial};

use crate::program::{Api, PATIENCE, Remit, Setup, bare, command};

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
        trial("refusals_at_start::the_environment", async || environment()),
        trial("refusals_at_start::a_damaged_data_directory", damaged),
        trial(
            "refusals_at_start::nobody_reads_what_it_says",
            nobody_listens,
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
    for (words, says) in [
        (&["--color"][..], "--color"),
        (&["transfer-everything"], "transfer-everything"),
        (&["--listen"], "a value is required for '--listen"),
        (&["--listen", ""], "--listen \"\" is not an address"),
        (&["--listen", "everywhere"], "--listen \"everywhere\" is"),
        (&["--listen", "127.0.0.1:65536"], "is not an address"),
        (&["--engine-listen", "0.0.0.0:0"], "--engine-listen 0.0.0.0"),
        (&["--namespace", "a b"], "--namespace"),
        (&["--database-url", "mysql://x"], "--database-url"),
        (&["--temporal", ""], "--temporal \"\" is not an address"),
        (&["--temporal", "a b:1"], "--temporal \"a b:1\" is not"),
        (&["--temporal", "nowhere"], "--temporal \"nowhere\" is not"),
        (&["--sandbox-url", "http://"], "--sandbox-url"),
        (&["--plain-histories=maybe"], "--plain-histories"),
        (&["api"], "--temporal"),
    ] {
        // A mistake that is missed would take a port of everybody's: these are nobody's.
        let mut command = bare(&data);
        for flag in ["--listen", "--engine-listen", "--sandbox-listen"] {
            if !words.contains(&flag) {
                command.args([flag, "127.0.0.1:0"]);
            }
        }
        refused(command.args(words), 2, says).with_context(|| format!("{words:?}"))?;
    }
    let secret = "http://user:secret-word@127.0.0.1:1";
    let said = refused(
        command(&data).args(["--sandbox-url", secret]),
        2,
        "--sandbox",
    )?;
    ensure!(!said.contains("secret-word"), "{said}");
    nothing_in(dir.path())
}

/// What stands in the environment is a setting like any other: it is refused, never passed over.
fn environment() -> Result<()> {
    let dir = testkit::temp_dir()?;
    let data = dir.path().join("data");
    for (variable, value) in [
        ("REMIT_DATA_DIR", &b""[..]),
        ("REMIT_LISTEN", b""),
        ("REMIT_CONFIG", b""),
        ("REMIT_MASTER_KEY", b""),
        ("REMIT_MASTER_KEY", b"not a key"),
        ("REMIT_MASTER_KEY", b"\xff\xfe"),
        ("REMIT_LOG", b"a=b=c"),
        ("REMIT_LOG", b"\xff="),
        ("TEMPORAL_ADDRESS", b"\xff"),
    ] {
        // A flag would win over its variable.
        let mut command = if variable == "REMIT_LISTEN" {
            bare(&data)
        } else {
            command(&data)
        };
        if variable == "REMIT_DATA_DIR" {
            command = command_without_data_dir(dir.path());
        }
        command.env(variable, OsStr::from_bytes(value));
        let says = match variable {
            "REMIT_DATA_DIR" => "--data-dir",
            "REMIT_LISTEN" => "--listen",
            "REMIT_CONFIG" => "--config",
            named => named,
        };
        refused(&mut command, 2, says).with_context(|| format!("{variable}={value:?}"))?;
    }
    // Roles that share a database share its key, and a worker needs a bank.
    let mut worker = bare(&data);
    worker.args(["worker", "--temporal", "127.0.0.1:1"]);
    worker.args(["--database-url", "postgres://nobody@127.0.0.1:1/none"]);
    refused(&mut worker, 2, "REMIT_MASTER_KEY")?;
    worker.env("REMIT_MASTER_KEY", format!("{}=", "A".repeat(43)));
    refused(&mut worker, 2, "--sandbox-url")?;
    nothing_in(dir.path())
}

fn command_without_data_dir(current: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_remit"));
    command.current_dir(current);
    for flag in ["--listen", "--engine-listen", "--sandbox-listen"] {
        command.args([flag, "127.0.0.1:0"]);
    }
    command
}

/// Each thing in the directory may be lost or spoilt. None is replaced by a fresh one unasked.
async fn damaged() -> Result<()> {
    let dir = Remit::start(Setup::default()).await?.stop()?;
    let data = dir.path().join("data");
    let noise = [0x5a; 8192];
    let other_key = format!("{}=\n", "A".repeat(43));
    for (name, content, exit_code, says) in [
        ("remit.db", Some(&noise[..]), 7, "remit.db"),
        ("remit.db", Some(&b""[..]), 7, "missing or empty"),
        ("remit.db", None, 7, "missing or empty"),
        ("sandbox.db", Some(&noise[..]), 7, "sandbox bank's books"),
        ("master.key", Some(&noise[..]), 4, "master key"),
        ("master.key", Some(&b""[..]), 4, "master key"),
        ("master.key", None, 7, "master.key is missing"),
        ("master.key", Some(other_key.as_bytes()), 2, "master key"),
        ("FORMAT", Some(&b"?"[..]), 7, "FORMAT"),
        ("FORMAT", None, 4, "not a data directory"),
    ] {
        let path = data.join(name);
        let good = std::fs::read(&path)?;
        match content {
            Some(content) => std::fs::write(&path, content)?,
            None => std::fs::remove_file(&path)?,
        }
        refused(&mut command(&data), exit_code, says).with_context(|| format!("{name} {says}"))?;
        ensure!(
            std::fs::read(&path).ok().as_deref() == content,
            "{name} was touched"
        );
        // Writing to a new file would open it for others, which is refused for a reason of its own.
        write_privately(&path, &good)?;
    }
    let mut again = Process::start(&mut command(&data))?;
    again.wait_for_line(PATIENCE, Stream::Stdout, |line| line.contains("curl "))?;
    again.kill()?;
    Ok(())
}

fn write_privately(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    Ok(file.write_all(content)?)
}

/// `remit | head -1` and a log that nobody reads any more must not stop the program.
async fn nobody_listens() -> Result<()> {
    let dir = testkit::temp_dir()?;
    let data = dir.path().join("data");
    let (reader, writer) = std::io::pipe()?;
    drop(reader);
    let mut remit = command(&data);
    remit.stdout(writer.try_clone()?).stderr(writer);
    let mut remit = KillOnDrop(remit.spawn()?);
    // The first sample transfers are done by then, long after the banner.
    let api = eventually(PATIENCE, async || {
        let api = Api::from_env_file(&data.join("sandbox.env")).ok()?;
        let done = api.get("/v1/transfers?status=completed").await.ok()?;
        done["data"].get(0).is_some().then_some(api)
    })
    .await?;
    ensure!(remit.0.try_wait()?.is_none(), "it ended");
    api.get("/v1/transfers").await?;
    Ok(())
}

struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _ended_already = self.0.wait();
    }
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
    // It never ends, and is not read to its end.
    refused(&mut with(Path::new("/dev/zero")), 2, "line 1")?;
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
