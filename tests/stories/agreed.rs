//! What is agreed before a transfer begins: how much may be moved, who looks first, at which quote.

use std::time::Duration;

use ambient::SystemClock;
use anyhow::{Context, Result, ensure};
use db::{Db, Options, WriteError};
use domain::{Currency, Mode, Money, PartnerId, QuoteId, Tenant, UserId};
use ledger::{Quote, Rate};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{Trial, trial};

use crate::program::{Remit, Setup};
use crate::{books, ends, operators, undo};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "agreed::the_screening_says_no_before_anything_moves",
            async || screening().await,
        ),
        trial(
            "agreed::an_exchange_is_made_at_its_quote_or_undone",
            async || exchange().await,
        ),
    ]
}

/// The stores of the running program, for what has no route yet.
struct Within {
    db: Db,
    tenant: Tenant,
    mint: ambient::Mint,
}

async fn within(remit: &Remit) -> Result<Within> {
    let clock = SystemClock::shared();
    let url = db::DatabaseUrl::Sqlite(remit.data_dir().join("remit.db"));
    let db = Db::open(&url, Options::new(clock.clone())).await?;
    let row = db
        .fetch_optional("SELECT partner_id FROM partners", vec![])
        .await?;
    let partner: PartnerId = row.context("no partner")?.parse("partner_id")?;
    let mode = Mode::Sandbox;
    Ok(Within {
        tenant: Tenant { partner, mode },
        mint: ambient::Mint::new(clock),
        db,
    })
}

fn eur(minor: i64) -> Result<Money> {
    Ok(Money::from_minor(minor, Currency::EUR)?)
}

async fn user(remit: &Remit, person: &str) -> Result<UserId> {
    let users = remit.api.get("/v1/users?limit=100").await?;
    let rows = users["data"].as_array().into_iter().flatten();
    let found = rows.into_iter().find(|user| user["name"] == person);
    let id = found.and_then(|user| user["id"].as_str());
    Ok(id.with_context(|| format!("no {person}"))?.parse()?)
}

async fn screening() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (api.wallet("Alice").await?, api.wallet("Bob").await?);
    let carol = api.wallet("Carol").await?;
    let inside = within(&remit).await?;
    let vault = vault::MasterKey::find(&remit.data_dir(), None)?;
    let identity = identity::Identity::new(
        inside.db.clone(),
        inside.mint.clone(),
        SystemClock::shared(),
        vault::Vault::new(vault),
    );
    let rule = |words: &[&str]| said(&remit, &[&["rule", "set"][..], words].concat());
    rule(&["day", "EUR", "--amount", "3000", "--reason", "agreed"])?;
    let rules = rule(&[
        "review_from",
        "EUR",
        "--amount",
        "2900",
        "--reason",
        "large",
    ])?;
    ensure!(
        rules["rules"].as_array().map(Vec::len) == Some(2),
        "{rules}"
    );
    // Of nobody's partner, and of nobody: nothing is changed.
    let nobody = ["--partner", "pa_00000000000000000000000009"];
    let words = ["day", "EUR", "--amount", "1", "--reason", "r"];
    ensure!(rule(&[&words[..], &nobody[..]].concat()).is_err());
    ensure!(
        rule(
            &[
                &words[..],
                &["--person", "us_00000000000000000000000009"][..]
            ]
            .concat()
        )
        .is_err()
    );

    let first = api.transfer("within", 2_000, &alice, &bob).await?;
    ensure!(api.settled(&first).await?["status"] == "completed");
    let second = api.transfer("beyond", 1_001, &alice, &bob).await?;
    let beyond = api.settled(&second).await?;
    ensure!(beyond["status"] == "failed", "{beyond}");
    ensure!(
        beyond["status_reason"] == json!({"code": "limit_reached", "step": "screen"}),
        "{beyond}"
    );
    // What came to nothing is free again: exactly what is left can still be sent.
    let failed = api
        .transfer("too-much", 1_000, &alice, &api.closed_bank_account().await?)
        .await?;
    ensure!(api.settled(&failed).await?["status"] == "refunded");
    let rest = api.transfer("rest", 1_000, &alice, &bob).await?;
    ensure!(api.settled(&rest).await?["status"] == "completed");

    // Somebody looks at it first, and nothing moves until then.
    let held = api.transfer("large", 2_950, &carol, &bob).await?;
    let seen = undo::until(&api, &held, |seen| seen["status"] == "in_review").await?;
    ensure!(seen["money"]["debited"]["amount"] == 0, "{seen}");
    operators::refused(&remit, &["refund", &held, "--reason", "r"], "possible now")?;
    for (word, ends, code) in [
        ("deny", "failed", json!("review_denied")),
        ("cancel", "canceled", Value::Null),
        ("approve", "completed", Value::Null),
    ] {
        // Each may send it: of what came to nothing before, the whole limit is free again.
        let looked_at = match word {
            "deny" => held.clone(),
            _ => api.transfer(word, 2_950, &carol, &bob).await?,
        };
        undo::until(&api, &looked_at, |seen| seen["status"] == "in_review").await?;
        operators::done(&remit, &[word, &looked_at, "--reason", "looked at it"])?;
        let ended = api.settled(&looked_at).await?;
        ensure!(ended["status"] == ends, "{word}: {ended}");
        ensure!(ended["status_reason"]["code"] == code, "{word}: {ended}");
    }

    identity
        .set_blocked(&inside.tenant, user(&remit, "Bob").await?, true)
        .await?;
    let blocked = api.transfer("blocked", 10, &bob, &alice).await?;
    let blocked = api.settled(&blocked).await?;
    ensure!(
        blocked["status_reason"]["code"] == "user_blocked",
        "{blocked}"
    );
    // Lifted, nothing stands in the way; and all of it is remembered.
    said(&remit, &["rule", "lift", "day", "EUR", "--reason", "over"])?;
    let free = api.transfer("free", 2_899, &alice, &carol).await?;
    ensure!(api.settled(&free).await?["status"] == "completed");
    let log = said(&remit, &["rule", "log"])?;
    let log: Vec<_> = log["changes"].as_array().into_iter().flatten().collect();
    ensure!(log.len() == 3 && log[0]["reason"] == "over", "{log:?}");
    inside.db.close().await;
    books::true_and_agreeing(remit, &setup).await
}

/// What `remit …` says, as JSON, beside the program that runs.
fn said(remit: &Remit, words: &[&str]) -> Result<Value> {
    let mut command = crate::program::bare(&remit.data_dir());
    let output = command
        .args(words)
        .arg("--json")
        .env("USER", "mina")
        .output()?;
    ensure!(
        output.status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

async fn quoted(inside: &Within, sold: Money, life: Duration) -> Result<QuoteId> {
    let id = QuoteId::from_bits(inside.mint.next()?);
    let rate = Rate::try_new("1.1".parse()?, "0.01".parse()?)?;
    let now = SystemClock::shared().now();
    let quote = Quote::selling(id, sold, Currency::USD, rate, now, life)?;
    let tenant = inside.tenant;
    let opened: Result<(), WriteError<ledger::OpenQuoteError>> = inside
        .db
        .write(move |tx: &mut db::Tx| {
            Box::pin(async move { ledger::open_quote(tx, tenant, &quote).await })
        })
        .await;
    opened?;
    Ok(id)
}

async fn exchange() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let inside = within(&remit).await?;
    let (tenant, carol) = (inside.tenant, user(&remit, "Carol").await?);
    let mint = inside.mint.clone();
    let opened: Result<_, WriteError<ledger::PostError>> = inside
        .db
        .write(move |tx: &mut db::Tx| {
            Box::pin(async move {
                Ok(ledger::open_wallet(tx, &mint, tenant, carol, Currency::USD).await?)
            })
        })
        .await;
    let dollars = json!({"type": "wallet", "id": opened?.id.to_string()});
    let alice = api.wallet("Alice").await?;
    let hour = Duration::from_secs(3_600);
    let order = |quote: QuoteId| {
        json!({
            "amount": {"amount": 10_000, "currency": "EUR"},
            "source": alice, "destination": dollars, "quote": quote.to_string(),
        })
    };
    let quote = quoted(&inside, eur(10_000)?, hour).await?;
    let (status, answer) = api.post("exchange", &order(quote)).await?;
    ensure!(status == StatusCode::ACCEPTED, "{answer}");
    let id = answer["id"].as_str().context("no id")?.to_owned();
    let done = api.settled(&id).await?;
    ensure!(done["status"] == "completed", "{done}");
    // 110.00 less 1 %.
    ensure!(
        done["receives"] == json!({"amount": 10_890, "currency": "USD"}),
        "{done}"
    );
    ensure!(api.balance(&dollars).await? == 10_890);

    // Once only, in its time, and for its own sum.
    ends::refused(&remit, "again", &order(quote), "/quote taken").await?;
    let stale = quoted(&inside, eur(10_000)?, Duration::from_micros(1)).await?;
    ends::refused(&remit, "stale", &order(stale), "/quote expired").await?;
    let other = quoted(&inside, eur(9_999)?, hour).await?;
    ends::refused(&remit, "other", &order(other), "/quote amount_differs").await?;

    // The receiver's wallet closes: what was exchanged is taken back, and Alice has her euros.
    let before = api.balance(&alice).await?;
    let quote = quoted(&inside, eur(10_000)?, hour).await?;
    close_at_the_last_moment(&inside, &remit, &dollars, &order(quote), before).await?;
    inside.db.close().await;
    books::true_and_agreeing(remit, &setup).await
}

/// A ceiling refuses what would arrive, after it was accepted and collected.
async fn close_at_the_last_moment(
    inside: &Within,
    remit: &Remit,
    dollars: &Value,
    order: &Value,
    before: i64,
) -> Result<()> {
    let account = dollars["id"].as_str().context("no id")?.parse()?;
    let (tenant, ceiling) = (inside.tenant, Money::from_minor(10_900, Currency::USD)?);
    let zero = Money::zero(Currency::USD);
    let terms = ledger::Terms {
        floor: Some(zero),
        ceiling: Some(ceiling),
    };
    let changed: Result<_, WriteError<ledger::ChangeError>> = inside
        .db
        .write(move |tx| Box::pin(ledger::change_terms(tx, tenant, account, terms, "full")))
        .await;
    changed?;
    let (status, answer) = remit.api.post("full", order).await?;
    ensure!(status == StatusCode::ACCEPTED, "{answer}");
    let id = answer["id"].as_str().context("no id")?.to_owned();
    let back = remit.api.settled(&id).await?;
    ensure!(back["status"] == "refunded", "{back}");
    let alice = json!({"id": back["source"]["id"]});
    ensure!(remit.api.balance(&alice).await? == before, "{back}");
    Ok(())
}
