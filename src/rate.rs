//! `remit rate …`: the rates at which quotes are made. Beside the programs that use the database;
//! what is set holds for quotes that are made from then on, and for a while only.

use std::time::Duration;

use ambient::{Clock, SystemClock};
use clap::{Args, Subcommand};
use db::{Db, Options};
use domain::{Code, Currency, Mode, PartnerId, Tenant};
use serde_json::json;
use transfers::{RateOrder, Rates, RuleError};

use crate::books::table::{Table, say, say_json};
use crate::books::{database, database_url};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::stores;

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Rating {
    #[command(subcommand)]
    order: Order,

    /// Whose rates: pa_…; without it the sandbox's demo partner
    #[arg(long, global = true, value_name = "ID", value_parser = partner)]
    partner: Option<PartnerId>,

    /// Of its live transfers; without it those of its sandbox
    #[arg(long, global = true)]
    live: bool,

    /// One JSON document instead of a table
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
enum Order {
    /// What was set, by whom and why; the newest first
    List,
    /// Set a rate for a pair of currencies
    Set(Set),
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
struct Set {
    /// What is sold, such as EUR
    #[arg(value_parser = currency)]
    sold: Currency,

    /// What is bought, such as USD
    #[arg(value_parser = currency)]
    bought: Currency,

    /// How much of the bought one for one of the sold, such as 1.0723
    rate: String,

    /// Which part of it is kept: 0.005 is half a per cent
    #[arg(long, default_value = "0", value_name = "PART")]
    spread: String,

    /// Seconds after which no quote is made at it any more
    #[arg(long, default_value_t = 86_400, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=2_592_000))]
    good_for: u64,

    /// Why; it is kept for good
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// Who says it
    #[arg(long, value_name = "NAME", env = "USER", hide_env = true)]
    by: String,
}

pub(crate) async fn run(rating: Rating, settings: &Settings) -> Result<(), Failure> {
    let tenant = Tenant {
        partner: rating.partner.unwrap_or(identity::seed::TENANT.partner),
        mode: Mode::from_livemode(rating.live),
    };
    // A schema that is not ours is left as it is.
    let db = database(settings).await?;
    if let Order::Set(set) = rating.order {
        db.close().await;
        let url = database_url(settings);
        let opened = Db::open(&url, Options::new(SystemClock::shared())).await;
        let db = opened.map_err(|error| stores::no_database(&url, &error))?;
        let done = Rates::new(db.clone()).set(&tenant, order(set)?).await;
        let shown = match done {
            Ok(()) => show(&db, &tenant, rating.json).await,
            Err(error) => Err(failed(&error)),
        };
        db.close().await;
        return shown;
    }
    let shown = show(&db, &tenant, rating.json).await;
    db.close().await;
    shown
}

fn order(set: Set) -> Result<RateOrder, Failure> {
    let unfit = |what: &str| {
        let line = format!("{what} is no decimal number that can be a rate; write it like 1.0723");
        Failure::new(Code::ConfigInvalid, line)
    };
    let mid = set.rate.parse().map_err(|_| unfit("the rate"))?;
    let spread = set.spread.parse().map_err(|_| unfit("--spread"))?;
    let rate = ledger::Rate::try_new(mid, spread)
        .map_err(|error| Failure::new(Code::ConfigInvalid, format!("{error}")))?;
    Ok(RateOrder {
        sold: set.sold,
        bought: set.bought,
        rate,
        good_for: Duration::from_secs(set.good_for),
        by: set.by,
        reason: set.reason,
    })
}

async fn show(db: &Db, tenant: &Tenant, json: bool) -> Result<(), Failure> {
    let all = Rates::new(db.clone()).all(tenant, 100).await;
    let all = all.map_err(|error| failed(&RuleError::Store(error)))?;
    let now = SystemClock.now();
    if json {
        let rates = all.iter().map(|set| {
            json!({
                "sold": set.sold, "bought": set.bought, "rate": set.rate.mid().to_string(),
                "spread": set.rate.spread().to_string(), "set_at": set.set_at.to_string(),
                "good_until": set.good_until.to_string(), "good": now < set.good_until,
                "by": set.by, "reason": set.reason,
            })
        });
        say_json(&json!({ "rates": rates.collect::<Vec<_>>() }));
        return Ok(());
    }
    let mut table = Table::new(&["pair", " rate", " spread", "good until", "by", "reason"]);
    for set in all {
        table.row([
            format!("{}/{}", set.sold, set.bought),
            set.rate.mid().to_string(),
            set.rate.spread().to_string(),
            set.good_until.to_string(),
            set.by,
            set.reason,
        ]);
    }
    say(&table.text());
    Ok(())
}

fn currency(code: &str) -> Result<Currency, String> {
    let known = code.parse();
    known.map_err(|_| "a code of ISO 4217 in capital letters, such as EUR".to_owned())
}

fn partner(id: &str) -> Result<PartnerId, String> {
    id.parse().map_err(|error| format!("this is {error}"))
}

fn failed(error: &RuleError) -> Failure {
    match error {
        RuleError::Store(_) | RuleError::Unknown(_) => {
            let line = "the rates cannot be read or written";
            Failure::caused(Code::DatabaseUnavailable, line, error)
        }
        refused => Failure::new(Code::ConfigInvalid, refused.to_string()),
    }
}
