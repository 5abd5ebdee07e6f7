//! The record of a transfer on both databases, each test on an empty one with the sandbox's sample
//! people in it.
#![allow(clippy::unwrap_used)]

mod accepting;
mod banks;
mod house;
mod linked;
mod occurring;
mod reading;
mod recording;
mod rounds;
mod screening;
mod starting;
mod turns;

use std::process::ExitCode;

fn main() -> ExitCode {
    let suites = [
        accepting::trials(),
        starting::trials(),
        recording::trials(),
        turns::trials(),
        banks::trials(),
        rounds::trials(),
        linked::trials(),
        occurring::trials(),
        screening::trials(),
        reading::trials(),
    ];
    testkit::main(suites.into_iter().flatten().collect())
}
