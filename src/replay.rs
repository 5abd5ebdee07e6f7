//! `remit replay`: whether this program decides the transfers that are under way as they were
//! decided so far. Run the new program's before it takes the old one's place.

use clap::Args;
use domain::Code;
use serde_json::json;
use temporal::{Address, Histories};
use worker::Replayed;

use crate::books::table::{Table, say, say_json};
use crate::books::vault;
use crate::failure::Failure;
use crate::settings::{DEFAULT_NAMESPACE, Engine, Settings};

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Replay {
    /// The most open transfers to look at
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,

    /// One JSON document instead of a table
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(asked: &Replay, settings: &Settings) -> Result<(), Failure> {
    let vault = vault(settings)?;
    let histories = if settings.plain_histories {
        Histories::Plain
    } else {
        Histories::Sealed
    };
    let client = temporal::connect(running(settings), "remit-replay", vault, histories)
        .await
        .map_err(|error| {
            let line = "the engine of the running system cannot be reached; name it with \
                        --temporal or --engine-listen";
            Failure::caused(Code::EngineUnavailable, line, &error)
        })?;
    let most = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let seen = worker::replay_open(&client, most).await.map_err(|error| {
        Failure::caused(Code::EngineUnavailable, "not all was replayed", &error)
    })?;
    show(&seen, asked.json);
    if seen.broken.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Code::ReplayBreaks,
        format!(
            "{} of the transfers under way would be decided otherwise by this program; do not roll \
             it out before they are final, or before it has a patch for them",
            seen.broken.len()
        ),
    ))
}

/// The engine of a program that runs: a Temporal server, or the one that listens as ours would.
fn running(settings: &Settings) -> Address {
    match &settings.engine {
        Engine::Server(address) => Address::Server {
            address: address.clone(),
            namespace: settings.namespace.clone(),
        },
        Engine::Embedded => {
            let namespace = settings.namespace.clone();
            Address::Server {
                address: Some(settings.engine_listen.to_string()),
                namespace: Some(namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())),
            }
        }
    }
}

fn show(seen: &Replayed, json: bool) {
    if json {
        let broken = seen.broken.iter();
        let broken = broken.map(|run| json!({ "workflow": run.workflow, "why": run.why }));
        say_json(&json!({
            "replayed": seen.replayed,
            "undecided": seen.undecided,
            "broken": broken.collect::<Vec<_>>(),
            "more": seen.more,
        }));
        return;
    }
    if !seen.broken.is_empty() {
        let mut table = Table::new(&["workflow", "why it would break"]);
        for run in &seen.broken {
            table.row([run.workflow.clone(), run.why.clone()]);
        }
        say(&table.text());
    }
    let more = if seen.more {
        "; there are more, see --limit"
    } else {
        ""
    };
    say(&format!(
        "{} decided the same, {} not decided anything yet, {} would break{more}\n",
        seen.replayed,
        seen.undecided,
        seen.broken.len()
    ));
}
