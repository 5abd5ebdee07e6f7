//! The `remit` program: reads its settings, puts the rooms together, and ends in order.

mod banner;
mod cli;
mod data_dir;
mod demo;
mod doors;
mod failure;
mod parts;
mod roles;
mod settings;
mod stores;
mod supervisor;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use domain::Code;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::settings::Settings;

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
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("REMIT_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn")),
        )
        .with_writer(std::io::stderr)
        .init();
    let temporal_address = std::env::var("TEMPORAL_ADDRESS")
        .ok()
        .filter(|it| !it.is_empty());
    let settings = Settings::resolve(cli.flags, cli.role, temporal_address)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::caused(Code::Internal, "cannot start threads", &error))?;
    runtime.block_on(roles::run(cli.role, settings))
}

fn end(failure: &Failure) -> ExitCode {
    eprintln!("remit: {failure}");
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
