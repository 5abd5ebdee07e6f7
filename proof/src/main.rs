//! The proofs that are too large for the tests, by one command each.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use proof::simulation::{self, Settings};
use proof::walk::{self, Walked};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Many transfers with everything that banks can do wrong
    Simulate {
        #[arg(long, default_value_t = 100_000)]
        transfers: u32,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many are under way at once
        #[arg(long)]
        at_once: Option<usize>,
    },
    /// Every step of every scenario with every fault
    Walk,
    /// The worker killed before, during and after everything it does
    Kill,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Command::parse().what {
        What::Simulate {
            transfers,
            seed,
            at_once,
        } => {
            let mut settings = Settings::of(seed, transfers);
            settings.at_once = at_once.unwrap_or(settings.at_once);
            let ran = simulation::run(settings).await;
            ran.map(|report| (report.is_right(), report.to_string()))
        }
        What::Walk => shown(walk::faults().await),
        What::Kill => shown(walk::killed().await),
    };
    match done {
        Ok((is_right, report)) => {
            println!("{report}");
            match is_right {
                true => ExitCode::SUCCESS,
                false => ExitCode::FAILURE,
            }
        }
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

fn shown(walked: Result<Walked>) -> Result<(bool, String)> {
    walked.map(|walked| (walked.is_right(), walked.to_string()))
}
