//! The console, read in a real browser; and readable without JavaScript.

use anyhow::{Result, ensure};
use testkit::{Chromium, Trial, trial, trial_needing};

use crate::program::{Remit, Setup};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial_needing(
            "console::in_a_real_browser",
            async |browser: &'static Chromium| in_a_browser(browser).await,
        ),
        trial(
            "console::says_the_same_without_javascript",
            without_javascript,
        ),
    ]
}

async fn settled_program() -> Result<(Remit, Vec<String>)> {
    let remit = Remit::start(Setup::default()).await?;
    let api = &remit.api;
    let (alice, bob) = (
        api.bank_account("Alice").await?,
        api.bank_account("Bob").await?,
    );
    let closed = api.closed_bank_account().await?;
    let mut ids = Vec::new();
    for (key, to) in [("completed", &bob), ("refunded", &closed)] {
        let id = api.transfer(key, 12_345, &alice, to).await?;
        api.settled(&id).await?;
        ids.push(id);
    }
    Ok((remit, ids))
}

async fn in_a_browser(browser: &Chromium) -> Result<()> {
    let (remit, ids) = settled_program().await?;
    let home = browser.dump_dom(&format!("{}/", remit.api.url))?;
    for id in &ids {
        ensure!(
            home.contains(id.as_str()),
            "{id} is not on the page:\n{home}"
        );
    }
    ensure!(home.contains("123.45"), "the amount is not on the page");
    ensure!(home.contains("completed") && home.contains("refunded"));
    for id in &ids {
        let page = browser.dump_dom(&format!("{}/transfers/{id}", remit.api.url))?;
        ensure!(
            page.contains("123.45") && page.contains(id.as_str()),
            "{page}"
        );
    }
    remit.stop()?;
    Ok(())
}

async fn without_javascript() -> Result<()> {
    let (remit, ids) = settled_program().await?;
    let page = reqwest::get(format!("{}/", remit.api.url)).await?;
    let policy = page
        .headers()
        .get("content-security-policy")
        .map(|it| it.to_str().map(str::to_owned));
    let policy = policy.transpose()?.unwrap_or_default();
    ensure!(
        policy.contains("default-src 'none'") || policy.contains("default-src 'self'"),
        "{policy}"
    );
    ensure!(!policy.contains("unsafe"), "{policy}");
    let text = page.text().await?;
    ensure!(text.len() < 100_000, "{} bytes", text.len());
    for id in &ids {
        ensure!(text.contains(id.as_str()));
    }
    remit.stop()?;
    Ok(())
}
