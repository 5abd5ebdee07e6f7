//! Whole-system stories: the program is started as a user starts it, and looked at from outside.
//!
//! Every story runs on the default set-up; those that move money also run on PostgreSQL and on a
//! real Temporal server, wherever these are present.
#![allow(clippy::unwrap_used)]

mod agreed;
mod batches;
mod books;
mod checkout;
mod console;
mod costs;
mod crash;
mod doubt;
mod ends;
mod false_answer;
mod first_transfer;
mod forged;
mod histories;
mod inbound;
mod later;
mod ledger;
mod live;
mod operators;
mod outside;
mod program;
mod rails;
mod readme;
mod refunds;
mod refusals_at_start;
mod schedules;
mod undo;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut trials = Vec::new();
    trials.extend(first_transfer::trials());
    trials.extend(doubt::trials());
    trials.extend(inbound::trials());
    trials.extend(ends::trials());
    trials.extend(checkout::trials());
    trials.extend(live::trials());
    trials.extend(agreed::trials());
    trials.extend(costs::trials());
    trials.extend(undo::trials());
    trials.extend(false_answer::trials());
    trials.extend(forged::trials());
    trials.extend(crash::trials());
    trials.extend(ledger::trials());
    trials.extend(histories::trials());
    trials.extend(later::trials());
    trials.extend(schedules::trials());
    trials.extend(batches::trials());
    trials.extend(rails::trials());
    trials.extend(operators::trials());
    trials.extend(outside::trials());
    trials.extend(refunds::trials());
    trials.extend(refusals_at_start::trials());
    trials.extend(console::trials());
    trials.extend(readme::trials());
    testkit::main(trials)
}
