//! A fresh sandbox: a demo partner with users, accounts and a few transfers, so that no page is
//! empty; and `sandbox.env`, with which the first `curl` works.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;

use domain::{BankAccountId, CardId, Code, Currency, MerchantId, Money, RequestId, Tenant};
use identity::seed::{self, Person};
use temporal::Starter;
use transfers::{EndpointRef, IdempotencyKey, NewTransfer};

use crate::data_dir::{DataDir, write_whole};
use crate::failure::Failure;
use crate::stores::Stores;

/// What the banner needs for its first `curl`.
#[derive(Debug)]
pub(crate) struct Demo {
    pub(crate) source: BankAccountId,
    pub(crate) destination: BankAccountId,
}

/// Idempotent: a second start finds everything, and only replaces a lost `sandbox.env`.
pub(crate) async fn prepare(
    stores: &Stores,
    starter: &Starter,
    dir: &DataDir,
    api: SocketAddr,
) -> Result<Demo, Failure> {
    let demo = seed::demo(&stores.identity).await.map_err(failed)?;
    let [alice, bob, carol] = demo.people.as_slice() else {
        return Err(Failure::new(
            Code::Internal,
            "the sandbox's sample people are not all there",
        ));
    };
    let env = dir.file("sandbox.env");
    let stored = std::fs::read_to_string(&env)
        .ok()
        .and_then(|text| key_in(&text));
    let usable = match &stored {
        Some(key) => stores.identity.authenticate(key).await.is_ok(),
        None => false,
    };
    let key = match (stored, demo.key) {
        (Some(key), _) if usable => key,
        (_, Some(fresh)) => fresh.text.to_string(),
        (_, None) => seed::another_key(&stores.identity)
            .await
            .map_err(failed)?
            .text
            .to_string(),
    };
    let text = env_file(api, &key, alice, bob, carol)?;
    write_whole(&env, &text).map_err(|error| {
        let line = format!("cannot write {}; check its permissions", env.display());
        Failure::caused(Code::DataDirUnusable, line, &error)
    })?;
    examples(stores, starter, &demo.tenant, alice, bob, carol).await?;
    Ok(Demo {
        source: good_bank(alice)?,
        destination: good_bank(bob)?,
    })
}

fn good_bank(person: &Person) -> Result<BankAccountId, Failure> {
    nth_bank(person, 0)
}

fn refusing_bank(person: &Person) -> Result<BankAccountId, Failure> {
    nth_bank(person, 1)
}

fn nth_bank(person: &Person, nth: usize) -> Result<BankAccountId, Failure> {
    person.bank_accounts.get(nth).copied().ok_or_else(|| {
        let line = format!(
            "the sandbox's sample person {} lacks a bank account",
            person.name
        );
        Failure::new(Code::Internal, line)
    })
}

/// What a shell needs for the tour: where, who, and the accounts to try things with.
fn env_file(
    api: SocketAddr,
    key: &str,
    alice: &Person,
    bob: &Person,
    carol: &Person,
) -> Result<String, Failure> {
    let mut text = String::from(
        "# The demo partner of this sandbox: for this machine and for trying things out only.\n",
    );
    let values = [
        ("REMIT_URL", format!("http://{api}")),
        ("REMIT_API_KEY", key.to_owned()),
        ("ALICE_BANK", good_bank(alice)?.to_string()),
        ("ALICE_WALLET", alice.wallet.to_string()),
        ("BOB_BANK", good_bank(bob)?.to_string()),
        ("BOB_WALLET", bob.wallet.to_string()),
        ("CLOSED_BANK", refusing_bank(bob)?.to_string()),
        ("EMPTY_BANK", refusing_bank(carol)?.to_string()),
    ];
    // A sandbox from before there were any has none.
    let later = [
        ("ALICE_CARD", alice.cards.first().map(CardId::to_string)),
        ("EMPTY_CARD", carol.cards.first().map(CardId::to_string)),
        ("BOB_SHOP", bob.merchants.first().map(MerchantId::to_string)),
    ];
    let later = later
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let values = values.into_iter().chain(later);
    for (name, value) in values {
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "export {name}='{value}'");
    }
    Ok(text)
}

fn key_in(text: &str) -> Option<String> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("export REMIT_API_KEY="))?;
    Some(line.trim_matches('\'').to_owned())
}

/// One of each kind, and one of each ending. The keys make a second start find them.
async fn examples(
    stores: &Stores,
    starter: &Starter,
    tenant: &Tenant,
    alice: &Person,
    bob: &Person,
    carol: &Person,
) -> Result<(), Failure> {
    let bank = EndpointRef::BankAccount;
    let wallet = EndpointRef::Wallet;
    let all = [
        (
            "rent",
            84_500,
            bank(good_bank(alice)?),
            bank(good_bank(bob)?),
        ),
        ("top-up", 20_000, bank(good_bank(bob)?), wallet(bob.wallet)),
        ("dinner", 1_850, wallet(alice.wallet), wallet(carol.wallet)),
        (
            "withdrawal",
            5_000,
            wallet(carol.wallet),
            bank(good_bank(carol)?),
        ),
        (
            "to-a-closed-account",
            3_000,
            bank(good_bank(alice)?),
            bank(refusing_bank(bob)?),
        ),
        (
            "from-an-empty-account",
            9_900,
            bank(refusing_bank(carol)?),
            bank(good_bank(bob)?),
        ),
    ];
    for (name, amount, source, destination) in all {
        let key = IdempotencyKey::new(&format!("demo-{name}")).map_err(failed)?;
        let new = NewTransfer {
            money: Money::from_minor(amount, Currency::EUR).map_err(failed)?,
            source,
            destination,
            execute_at: None,
            quote: None,
            client_reference: Some(name.to_owned()),
            description: None,
            metadata: BTreeMap::new(),
            request_id: RequestId::from_bits(stores.mint.next().map_err(failed)?),
            traceparent: None,
        };
        let accepted = stores
            .transfers
            .accept(tenant, &key, new)
            .await
            .map_err(failed)?;
        if !accepted.replayed {
            let order = accepted.transfer.order();
            starter.start(&order).await.map_err(failed)?;
            stores
                .transfers
                .started(tenant, order.transfer)
                .await
                .map_err(failed)?;
        }
    }
    Ok(())
}

fn failed(error: impl std::error::Error) -> Failure {
    Failure::caused(
        Code::Internal,
        "the sandbox's sample data cannot be created",
        &error,
    )
}
