//! The rails' facts on both databases, and the gate that honours them, on a clock of the test's own.
#![allow(clippy::unwrap_used)]

mod facts;
mod gate;

use std::process::ExitCode;

fn main() -> ExitCode {
    let suites = [facts::trials(), gate::trials()];
    testkit::main(suites.into_iter().flatten().collect())
}
