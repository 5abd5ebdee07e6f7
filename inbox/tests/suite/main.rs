//! What becomes of what banks say, on both databases.
#![allow(clippy::unwrap_used)]

mod house;
mod notices;
mod statements;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut trials = notices::trials();
    trials.extend(statements::trials());
    testkit::main(trials)
}
