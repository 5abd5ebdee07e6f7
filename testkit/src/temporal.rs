//! A throw-away Temporal server: the development server of the `temporal` command-line tool.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::guardian::{Guardian, Ward};
use crate::need::{Missing, Need, Needed};
use crate::{find, free_port, temp_dir, wait_until};

/// A running server, shared by the tests of one process. It keeps everything in memory.
#[derive(Debug)]
pub struct Temporal {
    cli: PathBuf,
    address: String,
    namespaces: AtomicU32,
}

/// The server of this process, started by the first who asks.
///
/// # Errors
/// When the machine has no `temporal`, or its server does not start.
pub fn temporal() -> Result<&'static Temporal, Missing> {
    static SERVER: OnceLock<Result<Temporal, Missing>> = OnceLock::new();
    SERVER.get_or_init(start).as_ref().map_err(Clone::clone)
}

impl Needed for &'static Temporal {
    fn ready() -> Result<Self, Missing> {
        temporal()
    }
}

impl Temporal {
    /// `HOST:PORT` of its gRPC API.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The `temporal` tool, to look at a server (ours too) as its users would.
    pub fn cli(&self) -> &Path {
        &self.cli
    }

    /// A new namespace that no other test uses.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn fresh_namespace(&self) -> Result<String> {
        let number = self.namespaces.fetch_add(1, Ordering::Relaxed);
        let name = format!("test-{number}");
        let args = ["operator", "namespace", "create", "--namespace", &name];
        let output = ask(&self.cli, &self.address, &args)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("no namespace {name}: {}", said.trim());
        }
        Ok(name)
    }
}

const START_BOUND: Duration = Duration::from_secs(60);
/// A free port can be taken before the server binds it.
const ATTEMPTS: u32 = 5;

fn start() -> Result<Temporal, Missing> {
    let cli = find_cli().ok_or_else(|| Missing::Absent {
        need: Need::Temporal,
        looked: "no `temporal` in REMIT_TEST_TEMPORAL_BIN, PATH or Go's bin directories".into(),
    })?;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match start_once(&cli) {
            Ok(server) => return Ok(server),
            Err(error) => last = Some(error),
        }
    }
    let why = last.map(|error| format!("{error:#}")).unwrap_or_default();
    Err(Missing::broken(Need::Temporal, why))
}

fn start_once(cli: &Path) -> Result<Temporal> {
    let dir = temp_dir()?.keep();
    let port = free_port()?;
    // A name that only this start can have made, so no stranger on that port can fool us.
    let sign = format!("test-{}-{port}", std::process::id());
    let args = ["server", "start-dev", "--headless", "--ip", "127.0.0.1"];
    let args = args.map(str::to_owned).into_iter().chain([
        "--port".to_owned(),
        port.to_string(),
        "--namespace".to_owned(),
        sign.clone(),
        "--log-level".to_owned(),
        "error".to_owned(),
    ]);
    let mut guardian = Guardian::start(&Ward {
        program: cli,
        args: &args.collect::<Vec<_>>(),
        dir: &dir,
        // In order would take seconds and saves nothing: the state is in memory.
        signal: "KILL",
        user: None,
    })?;
    let address = format!("127.0.0.1:{port}");
    let describe = ["operator", "namespace", "describe", "--namespace", &sign];
    let ready = || ask(cli, &address, &describe).is_ok_and(|output| output.status.success());
    wait_until(START_BOUND, || guardian.ended().is_some() || ready())
        .with_context(|| format!("the server did not become ready: {}", guardian.last_words()))?;
    if let Some(status) = guardian.ended() {
        bail!("the server on port {port} ended with {status}");
    }
    guardian.keep();
    let (cli, namespaces) = (cli.to_owned(), AtomicU32::new(1));
    Ok(Temporal {
        cli,
        address,
        namespaces,
    })
}

/// One question to the server, unmoved by the configuration of whoever runs the tests.
fn ask(cli: &Path, address: &str, args: &[&str]) -> Result<Output> {
    let mut command = Command::new(cli);
    command
        .args(args)
        .args(["--address", address, "--command-timeout", "10s"]);
    command.args(["--disable-config-file", "--disable-config-env"]);
    command.output().with_context(|| format!("{command:?}"))
}

fn find_cli() -> Option<PathBuf> {
    if let Some(file) = find::named_by("REMIT_TEST_TEMPORAL_BIN") {
        return Some(file).filter(|file| find::is_program(file));
    }
    // Where `go install` puts it. A PATH without these is the usual state of a machine with Go.
    let go_path = env::var_os("GOPATH").map(PathBuf::from);
    let go_home = env::var_os("HOME").map(|home| PathBuf::from(home).join("go"));
    let dirs: Vec<_> = go_path
        .into_iter()
        .chain(go_home)
        .map(|dir| dir.join("bin"))
        .collect();
    find::program(&["temporal"], &dirs)
}
