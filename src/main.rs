//! The `remit` program: reads its settings, puts the rooms together, and ends in order.

mod banner;
mod books;
mod cli;
mod data_dir;
mod demo;
mod doors;
mod failure;
mod live;
mod operators;
mod parts;
mod protection;
mod rail;
mod rate;
mod replay;
mod roles;
mod rule;
mod settings;
mod stores;
mod supervisor;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use domain::Code;
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::settings::{Settings, Surroundings};

/// A third of the processor time of a workflow went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            ) =>
        {
            error.exit()
        }
        Err(error) => return end(&wrong_words(&error)),
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => end(&failure),
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    // One provider for every TLS connection of the process; a second one would panic at first use.
    // It can only be there already if this very function ran before.
    drop(rustls::crypto::ring::default_provider().install_default());
    tracing_subscriber::fmt()
        .with_env_filter(log_filter()?)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let role = match &cli.command {
        Some(Command::Role(role)) => Some(*role),
        _ => None,
    };
    let settings = Settings::resolve(cli.flags, role, Surroundings::of_this_process())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::caused(Code::Internal, "cannot start threads", &error))?;
    match cli.command {
        None | Some(Command::Role(_)) => runtime.block_on(roles::run(role, settings)),
        Some(Command::Ledger(books)) => runtime.block_on(books::run(books, &settings)),
        Some(Command::Transfer(asked)) => runtime.block_on(operators::run(asked, &settings)),
        Some(Command::Replay(asked)) => runtime.block_on(replay::run(&asked, &settings)),
        Some(Command::Rail(rail)) => runtime.block_on(rail::run(rail, &settings)),
        Some(Command::Rate(rating)) => runtime.block_on(rate::run(rating, &settings)),
        Some(Command::Rule(ruling)) => runtime.block_on(rule::run(ruling, &settings)),
    }
}

fn log_filter() -> Result<EnvFilter, Failure> {
    let Some(asked) = std::env::var_os("REMIT_LOG").filter(|asked| !asked.is_empty()) else {
        return Ok(EnvFilter::new("warn"));
    };
    EnvFilter::try_new(asked.to_string_lossy()).map_err(|error| {
        let line = "REMIT_LOG cannot be understood; write it like `info` or `warn,api=debug`";
        Failure::caused(Code::ConfigInvalid, line, &error)
    })
}

fn end(failure: &Failure) -> ExitCode {
    // Nobody may be reading any more; the exit code says it too.
    drop(writeln!(std::io::stderr(), "remit: {failure}"));
    ExitCode::from(failure.code.exit())
}

/// The first sentence of what the parser says, and where the rest stands.
fn wrong_words(error: &clap::Error) -> Failure {
    let said = error.to_string();
    let first = said.lines().next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    Failure::new(
        Code::ConfigInvalid,
        format!("{first}; `remit --help` lists what there is"),
    )
}
