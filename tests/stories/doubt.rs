//! The bank times out, answers garbage, answers late: every transfer still ends right, once.

use anyhow::{Result, ensure};
use testkit::{Trial, trial};

use crate::books;
use crate::program::{Remit, Setup};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "doubt::every_silence_of_the_bank_ends_right",
        silences,
    )]
}

/// The last two digits choose the bank's misbehaviour; `docs/sandbox.md` lists them.
const SETTLES_BY_ITSELF: [(i64, &str); 7] = [
    (1_011, "time out, executed"),
    (1_012, "time out, not executed"),
    (1_013, "500, executed"),
    (1_014, "garbage, executed"),
    (1_015, "late success"),
    (1_016, "429 twice"),
    (1_017, "not found for a while, executed"),
];

/// A refusal with a code that nobody listed proves nothing: somebody has to look.
const STAYS_IN_DOUBT: i64 = 1_018;

async fn silences() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (
        api.bank_account("Alice").await?,
        api.bank_account("Bob").await?,
    );
    let (alices, bobs) = (api.wallet("Alice").await?, api.wallet("Bob").await?);
    // Once where the money comes from, once where it goes to.
    let legs = [("debit", &alice, &bobs), ("payout", &alices, &bob)];
    let mut waiting = Vec::new();
    let mut stuck = Vec::new();
    for (leg, from, to) in legs {
        for (amount, name) in SETTLES_BY_ITSELF {
            let key = format!("{leg}-{amount}");
            waiting.push((api.transfer(&key, amount, from, to).await?, name));
        }
        stuck.push(
            api.transfer(&format!("{leg}-stuck"), STAYS_IN_DOUBT, from, to)
                .await?,
        );
    }
    for (id, name) in waiting {
        let transfer = api.settled(&id).await?;
        ensure!(transfer["status"] == "completed", "{name}: {transfer}");
        ensure!(
            transfer["flags"]["in_doubt"].is_null(),
            "{name}: {transfer}"
        );
    }
    for id in stuck {
        let transfer = api.get(&format!("/v1/transfers/{id}")).await?;
        ensure!(transfer["flags"]["in_doubt"].is_object(), "{transfer}");
        ensure!(transfer["money"]["refunded"]["amount"] == 0, "{transfer}");
    }
    books::true_and_agreeing(remit, &setup).await
}
