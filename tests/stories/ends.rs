//! Cards and merchants as ends: paid, refused, given back, and what cannot be an end at all.

use ambient::SystemClock;
use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use sandbox::CardNetwork;
use serde_json::{Value, json};
use testkit::{Trial, trial};

use crate::program::{Remit, Setup};
use crate::{books, undo};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("ends::a_card_pays_a_shop_and_the_fee_is_kept", async || {
            shop().await
        }),
        trial("ends::every_refusal_of_a_card_leaves_nothing", async || {
            refusals().await
        }),
        trial(
            "ends::what_cannot_be_an_end_is_refused_by_name",
            async || impossible().await,
        ),
        trial(
            "ends::an_answer_about_another_payment_is_not_believed",
            async || contradicted().await,
        ),
    ]
}

/// An end by what `sandbox.env` calls it.
pub(crate) fn named(remit: &Remit, kind: &str, name: &str) -> Result<Value> {
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
    ensure!(
        failed["network_status"]["scheme"] == "sandbox_cards",
        "{failed}"
    );

    let closed = api.closed_bank_account().await?;
    let id = api.transfer("refused", 3_000, &good, &closed).await?;
    let back = api.settled(&id).await?;
    ensure!(back["status"] == "refunded", "{back}");
    ensure!(back["money"]["refunded"]["amount"] == 3_000, "{back}");
    ensure!(
        back["source"]["refund_bank_reference"].is_string(),
        "{back}"
    );

    // What was promised and cannot be captured is released again.
    card_rule(&remit, "captures", "error_not_executed").await?;
    let id = api.transfer("captured-late", 4_000, &good, &shop).await?;
    let seen = undo::until(&api, &id, |seen| seen["flags"]["in_doubt"].is_object()).await?;
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

/// The bank answers with another payment's reference, another amount, garbage, megabytes: none of
/// it counts as done, and the bank's own books decide in the end.
async fn contradicted() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (
        api.bank_account("Alice").await?,
        api.bank_account("Bob").await?,
    );
    // The reused reference is that of the bank's last movement, which has to be one we know of.
    api.samples_are_over().await?;
    for fault in [
        "bank_id_reused",
        "other_amount",
        "other_currency",
        "garbage_executed",
    ] {
        remit.payouts_go_wrong(Some(fault)).await?;
        let id = api.transfer(fault, 1_500, &alice, &bob).await?;
        let seen = undo::until(&api, &id, |seen| seen["flags"]["in_doubt"].is_object());
        let seen = seen.await?;
        ensure!(seen["status"] == "paying_out", "{fault}: {seen}");
        ensure!(seen["money"]["credited"]["amount"] == 0, "{fault}: {seen}");
        remit.payouts_go_wrong(None).await?;
        let done = api.settled(&id).await?;
        ensure!(done["status"] == "completed", "{fault}: {done}");
    }
    books::true_and_agreeing(remit, &setup).await
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
        (
            &alice,
            &checkout("sandbox_cards"),
            "/destination not_a_destination",
        ),
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

pub(crate) async fn refused(remit: &Remit, key: &str, body: &Value, expected: &str) -> Result<()> {
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

/// What the card network's own books say that it took and kept, in minor units.
pub(crate) async fn taken_by_cards(books: &std::path::Path) -> Result<i64> {
    let network = CardNetwork::open(books, SystemClock::shared())?;
    let mut taken = 0;
    for payment in network.payments().await? {
        taken += payment.captured - payment.refunded;
        // What was promised is captured or released, whatever became of the transfer.
        ensure!(
            payment.status != sandbox::PaymentStatus::RequiresCapture,
            "{payment:?}"
        );
    }
    Ok(taken)
}
