//! The whole router, with a real database below it, asked without a socket. Each case runs on
//! SQLite, and on PostgreSQL where there is one.
#![allow(clippy::unwrap_used)]

mod cases;
mod support;

use std::process::ExitCode;

use api::Limits;
use futures_util::future::LocalBoxFuture;
use support::House;
use testkit::{Postgres, Trial, trial, trial_needing};

/// A case: a name, and what it does in a fresh house.
pub(crate) type Case = (
    &'static str,
    for<'a> fn(&'a House) -> LocalBoxFuture<'a, ()>,
);

fn main() -> ExitCode {
    let cases = [
        cases::access::CASES,
        cases::accept::CASES,
        cases::bad_input::CASES,
        cases::fuzz::CASES,
        cases::guards::CASES,
        cases::health::CASES,
        cases::links::CASES,
        cases::logs::CASES,
        cases::reads::CASES,
        cases::replay::CASES,
    ];
    cases::logs::listen();
    let mut trials = cases::guards::trials();
    for &(name, case) in cases.into_iter().flatten() {
        trials.push(on_sqlite(name, case));
        trials.push(on_postgres(name, case));
    }
    testkit::main(trials)
}

fn on_sqlite(name: &str, case: for<'a> fn(&'a House) -> LocalBoxFuture<'a, ()>) -> Trial {
    trial(format!("sqlite: {name}"), async move || {
        let house = House::on_sqlite(Limits::default()).await?;
        case(&house).await;
        anyhow::Ok(())
    })
}

fn on_postgres(name: &str, case: for<'a> fn(&'a House) -> LocalBoxFuture<'a, ()>) -> Trial {
    trial_needing(
        format!("postgres: {name}"),
        async move |postgres: &'static Postgres| {
            let url = postgres.fresh_database()?.parse()?;
            let house = House::on(&url, Limits::default(), None).await?;
            case(&house).await;
            anyhow::Ok(())
        },
    )
}
