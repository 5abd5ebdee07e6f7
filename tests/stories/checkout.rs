//! A payer on the provider's own page: pays, pays twice, is declined, leaves, lets the time pass, is
//! called back, and gets the money back when the receiver cannot be paid.

use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{Trial, trial};

use crate::program::{Remit, Setup};
use crate::{books, ends, operators, undo};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("checkout::what_a_payer_does_decides", async || {
            payers().await
        }),
        trial(
            "checkout::a_page_is_opened_once_however_it_goes",
            async || opened().await,
        ),
        trial("checkout::what_was_paid_is_given_back", async || {
            given_back().await
        }),
        trial("checkout::a_page_outlives_a_crash", async || crash().await),
    ]
}

fn source() -> Value {
    json!({"type": "checkout", "rail": "sandbox_cards"})
}

/// The transfer once it waits for its payer, and where the payer is sent.
async fn waiting(remit: &Remit, id: &str) -> Result<(Value, String)> {
    let asks = |seen: &Value| seen["status"] == "requires_action";
    let seen = undo::until(&remit.api, id, asks).await?;
    let action = &seen["requires_action"];
    ensure!(action["what"] == "pay_at_checkout", "{seen}");
    ensure!(action["until"].is_string(), "{seen}");
    let link = action["link"].as_str().context("no link")?.to_owned();
    ensure!(link.starts_with(&remit.bank_url), "{link}");
    Ok((seen, link))
}

/// As the form on the page does it.
async fn press(link: &str, deed: &str, card: &str) -> Result<String> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let page = client.get(link).send().await?;
    ensure!(page.status() == StatusCode::OK, "{link}");
    let policy = page.headers().get("content-security-policy");
    ensure!(policy.is_some(), "a page that may load anything");
    drop(page.text().await?);
    let pressed = client
        .post(format!("{link}/{deed}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("card={card}"))
        .send()
        .await?;
    ensure!(pressed.status() == StatusCode::OK, "{deed}");
    Ok(pressed.text().await?)
}

const GOOD: &str = "4242424242424242";
const EMPTY: &str = "4000000000009995";

/// Its id, once a payer has paid on the page and the transfer is final.
pub(crate) async fn paid(remit: &Remit, key: &str, to: &Value) -> Result<(String, Value)> {
    let id = remit.api.transfer(key, 2_500, &source(), to).await?;
    let (_, link) = waiting(remit, &id).await?;
    press(&link, "pay", GOOD).await?;
    let settled = remit.api.settled(&id).await?;
    Ok((id, settled))
}

async fn payers() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let shop = ends::named(&remit, "merchant", "BOB_SHOP")?;
    let order = async |key: &str, amount: i64| -> Result<(String, String)> {
        let id = api.transfer(key, amount, &source(), &shop).await?;
        let (seen, link) = waiting(&remit, &id).await?;
        ensure!(seen["money"]["debited"]["amount"] == 0, "{seen}");
        Ok((id, link))
    };

    // Declined at first, then paid with another card, and pressed once more.
    let (id, link) = order("pays", 5_000).await?;
    ensure!(press(&link, "pay", EMPTY).await?.contains("declined"));
    let pressed = tokio::join!(press(&link, "pay", GOOD), press(&link, "pay", GOOD));
    let pressed = [pressed.0?, pressed.1?].concat();
    ensure!(
        pressed.contains("Thank you") && pressed.contains("twice"),
        "{pressed}"
    );
    let paid = api.settled(&id).await?;
    ensure!(paid["status"] == "completed", "{paid}");
    ensure!(paid["requires_action"].is_null(), "{paid}");
    let reference = paid["source"]["bank_reference"].as_str();
    ensure!(reference.is_some_and(|it| it.starts_with("pi_")), "{paid}");

    // Left, and let pass: nothing is kept, and the network's own word for it is there.
    for (deed, word) in [("leave", "abandoned"), ("expire", "expired")] {
        let (id, link) = order(deed, 2_000).await?;
        press(&link, deed, "").await?;
        let failed = api.settled(&id).await?;
        ensure!(failed["status"] == "failed", "{failed}");
        let reason = json!({"code": "not_paid_in_time", "step": "collect"});
        ensure!(failed["status_reason"] == reason, "{failed}");
        ensure!(failed["network_status"]["code"] == word, "{failed}");
        ensure!(press(&link, "pay", GOOD).await?.contains("closed"));
    }

    // Called off while the payer thinks: nobody can pay any more.
    let (id, link) = order("called-off", 3_000).await?;
    operators::done(&remit, &["cancel", &id, "--reason", "not wanted"])?;
    let called_off = api.settled(&id).await?;
    ensure!(called_off["status"] == "canceled", "{called_off}");
    ensure!(press(&link, "pay", GOOD).await?.contains("closed"));
    books::true_and_agreeing(remit, &setup).await
}

/// The provider's answer is lost, garbage, an error, about another amount: there is one page, and
/// one payment on it.
async fn opened() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let bob = api.wallet("Bob").await?;
    let before = api.balance(&bob).await?;
    for fault in [
        "cut_executed",
        "cut_not_executed",
        "garbage_executed",
        "error_executed",
        "other_amount",
        "throttled",
    ] {
        let rule = json!({"on": "checkouts", "fault": fault, "next": 2});
        card_rules(&remit, &json!([rule])).await?;
        let id = api.transfer(fault, 1_000, &source(), &bob).await?;
        let (_, link) = waiting(&remit, &id).await?;
        // The questions go wrong as well; they are asked again.
        let rule = json!({"on": "inquiries", "fault": "garbage_executed", "next": 2});
        card_rules(&remit, &json!([rule])).await?;
        press(&link, "pay", GOOD).await?;
        let paid = api.settled(&id).await?;
        ensure!(paid["status"] == "completed", "{fault}: {paid}");
    }
    ensure!(api.balance(&bob).await? == before + 6_000);
    books::true_and_agreeing(remit, &setup).await
}

async fn card_rules(remit: &Remit, rules: &Value) -> Result<()> {
    let url = format!("{}/cards/control/faults", remit.bank_url);
    let client = reqwest::Client::builder().no_proxy().build()?;
    let answer = client.post(url).json(&json!({ "rules": rules }));
    answer.send().await?.error_for_status()?;
    Ok(())
}

async fn given_back() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let closed = api.closed_bank_account().await?;
    let id = api.transfer("back", 4_000, &source(), &closed).await?;
    let (_, link) = waiting(&remit, &id).await?;
    press(&link, "pay", GOOD).await?;
    let back = api.settled(&id).await?;
    ensure!(back["status"] == "refunded", "{back}");
    ensure!(back["money"]["refunded"]["amount"] == 4_000, "{back}");
    let refund = back["source"]["refund_bank_reference"].as_str();
    ensure!(refund.is_some_and(|it| it.starts_with("re_")), "{back}");
    books::true_and_agreeing(remit, &setup).await
}

/// Killed while the payer thinks, and the payer pays while nobody is there to hear of it.
async fn crash() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let wallet = remit.api.wallet("Bob").await?;
    let id = remit
        .api
        .transfer("crash", 2_500, &source(), &wallet)
        .await?;
    let (_, link) = waiting(&remit, &id).await?;
    let page = link.rsplit('/').next().context("no page")?.to_owned();
    let remit = remit.kill_and_restart().await?;
    // The sandbox came back at another address.
    let link = format!("{}/cards/pay/{page}", remit.bank_url);
    press(&link, "pay", GOOD).await?;
    let paid = remit.api.settled(&id).await?;
    ensure!(paid["status"] == "completed", "{paid}");
    books::true_and_agreeing(remit, &setup).await
}
