//! Cards and merchants as ends, the screening before a transfer begins, exchanges at a quote, and
//! what a transfer costs the engine.

use std::process::Command;
use std::time::Duration;

use ambient::{Clock, SystemClock};
use anyhow::{Context, Result, ensure};
use db::{Db, Options, WriteError};
use domain::{Currency, Mode, Money, PartnerId, QuoteId, Tenant, UserId};
use ledger::{Entry, Quote, Rate};
use reqwest::StatusCode;
use sandbox::CardNetwork;
use serde_json::{Value, json};
use testkit::{Temporal, Trial, trial, trial_needing};
use transfers::{Rule, Subject};

use crate::books;
use crate::program::{Remit, Setup};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("ends::a_card_pays_a_shop_and_the_fee_is_kept", async || {
            shop().await
        }),
        trial("ends::every_refusal_of_a_card_leaves_nothing", async || {
            refusals().await
        }),
        trial("ends::what_cannot_be_an_end_is_refused_by_name", async || {
            impossible().await
        }),
        trial("ends::the_screening_says_no_before_anything_moves", async || {
            screening().await
        }),
        trial("ends::an_exchange_is_made_at_its_quote_or_undone", async || {
            exchange().await
        }),
        trial_needing(
            "ends::what_a_transfer_costs_the_engine",
            async |server: &'static Temporal| costs(server).await,
        ),
    ]
}

/// An end by what `sandbox.env` calls it.
fn named(remit: &Remit, kind: &str, name: &str) -> Result<Value> {
    let text = std::fs::read_to_string(remit.data_dir().join("sandbox.env"))?;
    let id = text
        .lines()
        .filter_map(|line| line.trim_start_matches("export ").split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.trim_matches('\'').to_owned())
        .with_context(|| format!("no {name}"))?;
    Ok(json!({"type": kind, "id": id}))
}

async fn shop() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (card, shop) = (
        named(&remit, "card", "ALICE_CARD")?,
        named(&remit, "merchant", "BOB_SHOP")?,
    );
    let (alice, bob) = (api.wallet("Alice").await?, api.wallet("Bob").await?);
    let before = api.balance(&bob).await?;

    // 1.4 % of 50.00 and 0.25 are 0.95.
    let id = api.transfer("by-card", 5_000, &card, &shop).await?;
    let paid = api.settled(&id).await?;
    ensure!(paid["status"] == "completed", "{paid}");
    ensure!(paid["fee"]["amount"] == 95, "{paid}");
    ensure!(paid["receives"]["amount"] == 4_905, "{paid}");
    ensure!(paid["source"]["type"] == "card", "{paid}");
    ensure!(paid["source"]["bank_reference"].is_string(), "{paid}");
    ensure!(api.balance(&bob).await? == before + 4_905);

    // From a wallet too, from a bank, and from a card into a wallet and to a bank.
    let bank = api.bank_account("Alice").await?;
    let carol = api.wallet("Carol").await?;
    let pairs = [
        (&alice, &shop),
        (&bank, &shop),
        (&card, &carol),
        (&card, &bank),
    ];
    for (place, (from, to)) in pairs.into_iter().enumerate() {
        let id = api
            .transfer(&format!("pair-{place}"), 1_000, from, to)
            .await?;
        let paid = api.settled(&id).await?;
        ensure!(paid["status"] == "completed", "{from} to {to}: {paid}");
    }
    books::true_and_agreeing(remit, &setup).await
}

/// The card has no money: nothing is kept. The receiver's bank refuses: the card has it back.
async fn refusals() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (good, empty) = (
        named(&remit, "card", "ALICE_CARD")?,
        named(&remit, "card", "EMPTY_CARD")?,
    );
    let shop = named(&remit, "merchant", "BOB_SHOP")?;
    let id = api.transfer("no-money", 2_000, &empty, &shop).await?;
    let failed = api.settled(&id).await?;
    ensure!(failed["status"] == "failed", "{failed}");
    ensure!(
        failed["status_reason"] == json!({"code": "insufficient_funds", "step": "collect"}),
        "{failed}"
    );
    ensure!(failed["network_status"]["scheme"] == "sandbox_cards", "{failed}");

    let closed = api.closed_bank_account().await?;
    let id = api.transfer("refused", 3_000, &good, &closed).await?;
    let back = api.settled(&id).await?;
    ensure!(back["status"] == "refunded", "{back}");
    ensure!(back["money"]["refunded"]["amount"] == 3_000, "{back}");
    ensure!(back["source"]["refund_bank_reference"].is_string(), "{back}");

    // What was promised and cannot be captured is released again.
    card_rule(&remit, "captures", "unknown_not_executed").await?;
    let id = api.transfer("captured-late", 4_000, &good, &shop).await?;
    let seen = crate::undo::until(&api, &id, |seen| seen["flags"]["in_doubt"].is_object()).await?;
    ensure!(seen["flags"]["in_doubt"]["step"] == "fund", "{seen}");
    card_rule(&remit, "captures", "").await?;
    let done = api.settled(&id).await?;
    ensure!(done["status"] == "completed", "{done}");
    books::true_and_agreeing(remit, &setup).await
}

/// From now on, or no longer.
async fn card_rule(remit: &Remit, on: &str, fault: &str) -> Result<()> {
    let rules = match fault {
        "" => json!([]),
        fault => json!([{ "on": on, "fault": fault, "per_thousand": 1_000 }]),
    };
    let url = format!("{}/cards/control/faults", remit.bank_url);
    let answer = reqwest::Client::new()
        .post(url)
        .json(&json!({ "rules": rules }))
        .send()
        .await?;
    let status = answer.status();
    ensure!(status.is_success(), "{status}: {}", answer.text().await?);
    Ok(())
}

async fn impossible() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (card, shop) = (
        named(&remit, "card", "ALICE_CARD")?,
        named(&remit, "merchant", "BOB_SHOP")?,
    );
    let (alice, bob) = (api.wallet("Alice").await?, api.wallet("Bob").await?);
    let checkout = |rail: &str| json!({"type": "checkout", "rail": rail});
    let nobody = json!({"type": "card", "id": "ca_00000000000000000000000001"});
    let typed = |kind: &str, of: &Value| json!({"type": kind, "id": of["id"]});
    let cases = [
        (&alice, &card, "/destination card_cannot_be_paid"),
        (&shop, &alice, "/source not_a_source"),
        (&alice, &checkout("sandbox_cards"), "/destination not_a_destination"),
        (&checkout("sandbox_bank"), &alice, "/source no_checkout"),
        (&checkout("pigeon"), &alice, "/source/rail unknown_rail"),
        (&bob, &shop, "/destination same_account"),
        (&card, &card, "/destination same_account"),
        (&nobody, &alice, "/source unknown"),
        (&typed("merchant", &alice), &bob, "/source/id invalid_id"),
        (&typed("pigeon", &alice), &bob, "/source/type unknown_type"),
    ];
    for (place, (from, to, expected)) in cases.into_iter().enumerate() {
        let money = json!({"amount": 1_000, "currency": "EUR"});
        let body = json!({"amount": money, "source": from, "destination": to});
        refused(&remit, &format!("impossible-{place}"), &body, expected).await?;
    }
    // Less than the shop pays for being paid, another currency than the wallet's, no such quote.
    let order = |money: Value| json!({"amount": money, "source": alice, "destination": shop});
    let small = order(json!({"amount": 25, "currency": "EUR"}));
    refused(&remit, "small", &small, "/amount/amount below_fee").await?;
    let foreign = order(json!({"amount": 2_500, "currency": "USD"}));
    refused(&remit, "foreign", &foreign, "/source currency_differs").await?;
    for amount in [json!(25.5), json!("25"), json!(1e30)] {
        let body = order(json!({"amount": amount, "currency": "EUR"}));
        let (status, answer) = api.post("form", &body).await?;
        ensure!(status == StatusCode::BAD_REQUEST, "{body}: {answer}");
    }
    let mut quoted = order(json!({"amount": 2_500, "currency": "EUR"}));
    quoted["quote"] = json!("qu_00000000000000000000000001");
    refused(&remit, "quoted", &quoted, "/quote unknown").await?;
    books::true_and_agreeing(remit, &setup).await
}

async fn refused(remit: &Remit, key: &str, body: &Value, expected: &str) -> Result<()> {
    let (status, answer) = remit.api.post(key, body).await?;
    let faults: Vec<_> = answer["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|fault| {
            let text = |name: &str| fault[name].as_str().unwrap_or_default().to_owned();
            format!("{} {}", text("pointer"), text("code"))
        })
        .collect();
    ensure!(
        status == StatusCode::UNPROCESSABLE_ENTITY && faults.iter().any(|it| it == expected),
        "{body} gave {status} {answer}, not {expected}"
    );
    Ok(())
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
    let row = db.fetch_optional("SELECT partner_id FROM partners", vec![]).await?;
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
    let books = transfers::Transfers::new(
        inside.db.clone(),
        inside.mint.clone(),
        SystemClock::shared(),
        identity.clone(),
    );
    let day = Rule::Most(ledger::limits::Every::Day);
    books.set_rule(&inside.tenant, Subject::Everyone, day, eur(3_000)?).await?;
    let review = Rule::ReviewFrom;
    books.set_rule(&inside.tenant, Subject::Everyone, review, eur(2_900)?).await?;

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
    let failed = api.transfer("too-much", 1_000, &alice, &api.closed_bank_account().await?).await?;
    ensure!(api.settled(&failed).await?["status"] == "refunded");
    let rest = api.transfer("rest", 1_000, &alice, &bob).await?;
    ensure!(api.settled(&rest).await?["status"] == "completed");

    // Somebody looks at it first, and nothing moves until then.
    let held = api.transfer("large", 2_950, &carol, &bob).await?;
    let seen = crate::undo::until(&api, &held, |seen| seen["status"] == "in_review").await?;
    ensure!(seen["money"]["debited"]["amount"] == 0, "{seen}");

    identity.set_blocked(&inside.tenant, user(&remit, "Bob").await?, true).await?;
    let blocked = api.transfer("blocked", 10, &bob, &alice).await?;
    let blocked = api.settled(&blocked).await?;
    ensure!(blocked["status_reason"]["code"] == "user_blocked", "{blocked}");
    inside.db.close().await;
    books::true_and_agreeing(remit, &setup).await
}

async fn quoted(inside: &Within, sold: Money, life: Duration) -> Result<QuoteId> {
    let id = QuoteId::from_bits(inside.mint.next()?);
    let rate = Rate::try_new("1.1".parse()?, "0.01".parse()?)?;
    let now = SystemClock::shared().now();
    let quote = Quote::selling(id, sold, Currency::USD, rate, now, life)?;
    let tenant = inside.tenant;
    let opened: Result<(), WriteError<ledger::OpenQuoteError>> = inside
        .db
        .write(move |tx| Box::pin(async move { ledger::open_quote(tx, tenant, &quote).await }))
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
        .write(move |tx| {
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
    ensure!(done["receives"] == json!({"amount": 10_890, "currency": "USD"}), "{done}");
    ensure!(api.balance(&dollars).await? == 10_890);

    // Once only, in its time, and for its own sum.
    refused(&remit, "again", &order(quote), "/quote taken").await?;
    let stale = quoted(&inside, eur(10_000)?, Duration::from_micros(1)).await?;
    refused(&remit, "stale", &order(stale), "/quote expired").await?;
    let other = quoted(&inside, eur(9_999)?, hour).await?;
    refused(&remit, "other", &order(other), "/quote amount_differs").await?;

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
        .write(move |tx| Box::pin(ledger::change_terms(tx, tenant, account, terms)))
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

/// The figures of `docs/transfers.md`, as the engine itself counts them.
async fn costs(server: &Temporal) -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (api.wallet("Alice").await?, api.wallet("Bob").await?);
    let (from, to) = (api.bank_account("Alice").await?, api.bank_account("Bob").await?);
    let card = named(&remit, "card", "ALICE_CARD")?;
    let shop = named(&remit, "merchant", "BOB_SHOP")?;
    for (name, from, to, tasks, events) in [
        ("wallet to wallet", &alice, &bob, 1, 8),
        ("bank to bank", &from, &to, 4, 25),
        ("card to merchant", &card, &shop, 4, 25),
    ] {
        let id = api.transfer(name, 700, from, to).await?;
        ensure!(api.settled(&id).await?["status"] == "completed", "{name}");
        let history = shown(server, &remit, &["show"], &id)?;
        let list = history["events"].as_array().context("no events")?;
        let done = "EVENT_TYPE_WORKFLOW_TASK_COMPLETED";
        let took = list.iter().filter(|event| event["eventType"] == done).count();
        let about = shown(server, &remit, &["describe"], &id)?;
        let info = &about["workflowExecutionInfo"];
        let bytes: u64 = info["historySizeBytes"].as_str().context("no size")?.parse()?;
        println!("{name}: {took} tasks, {} events, {bytes} bytes", list.len());
        ensure!(
            took <= tasks && list.len() <= events && bytes <= 12_000,
            "{name}: {took} tasks, {} events, {bytes} bytes", list.len()
        );
    }
    books::true_and_agreeing(remit, &setup).await
}

fn shown(server: &Temporal, remit: &Remit, what: &[&str], id: &str) -> Result<Value> {
    let output = Command::new(server.cli())
        .args(["--address", &remit.engine, "workflow"])
        .args(what)
        .args(["--workflow-id", &format!("transfer/{id}"), "--output", "json"])
        .output()?;
    ensure!(output.status.success(), "{output:?}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What the card network's own books say that it took and kept, in minor units.
pub(crate) async fn taken_by_cards(books: &std::path::Path) -> Result<i64> {
    let network = CardNetwork::open(books, SystemClock::shared())?;
    let mut taken = 0;
    for payment in network.payments().await? {
        taken += payment.captured - payment.refunded;
        // What was promised is captured or released, whatever became of the transfer.
        ensure!(payment.status != sandbox::PaymentStatus::RequiresCapture, "{payment:?}");
    }
    Ok(taken)
}
