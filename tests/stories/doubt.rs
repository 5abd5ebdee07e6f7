//! The bank times out, answers garbage, answers late: every transfer still ends right, once.

use anyhow::{Result, ensure};
use testkit::{Trial, trial};

use crate::books;
use crate::program::{Remit, Setup};

pub fn trials() -> Vec<Trial> {
    vec![trial(
        "doubt::every_silence_of_the_bank_ends_right",
        silences,
    )]
}

/// The last two digits choose the bank's misbehaviour; `docs/sandbox.md` lists them.
const MISBEHAVIOURS: [(i64, &str); 8] = [
    (1_011, "time out, executed"),
    (1_012, "time out, not executed"),
    (1_013, "500, executed"),
    (1_014, "garbage, executed"),
    (1_015, "late success"),
    (1_016, "429 twice"),
    (1_017, "not found for a while, executed"),
    (1_018, "a refusal with a code nobody listed"),
];

async fn silences() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (
        api.bank_account("Alice").await?,
        api.bank_account("Bob").await?,
    );
    let (alices, bobs) = (api.wallet("Alice").await?, api.wallet("Bob").await?);
    let mut waiting = Vec::new();
    for (amount, name) in MISBEHAVIOURS {
        // Once where the money comes from, once where it goes to.
        for (leg, from, to) in [("debit", &alice, &bobs), ("payout", &alices, &bob)] {
            let id = api
                .transfer(&format!("{leg}-{amount}"), amount, from, to)
                .await?;
            waiting.push((id, format!("{leg}: {name}")));
        }
    }
    for (id, name) in waiting {
        let transfer = api.settled(&id).await?;
        let expected: &[&str] = match name.as_str() {
            // An inquiry shows that the bank did refuse it.
            "debit: a refusal with a code nobody listed" => &["failed"],
            "payout: a refusal with a code nobody listed" => &["refunded"],
            _ => &["completed"],
        };
        let status = transfer["status"].as_str().unwrap_or_default();
        ensure!(expected.contains(&status), "{name}: {transfer}");
        ensure!(
            transfer["flags"]
                .get("in_doubt")
                .is_none_or(serde_json::Value::is_null)
        );
    }
    books::true_and_agreeing(remit, &setup).await
}
