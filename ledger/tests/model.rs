//! Both stores beside a model in memory: thousands of random questions, many in one physical
//! transaction, and every answer and every balance must be the model's. The seed is printed, and
//! `REMIT_TEST_SEED` asks the same again.
//!
//! The short form asks 3,000 questions of each store; 100,000 of each with
//! `REMIT_TEST_WHOLE=1 cargo test -p ledger --test model`.
#![allow(clippy::unwrap_used)]

#[path = "model/ask.rs"]
mod ask;
mod both;
#[path = "model/draw.rs"]
mod draw;
#[path = "model/keys.rs"]
mod keys;
#[path = "model/posting.rs"]
mod posting;
#[path = "model/shop.rs"]
mod shop;
#[path = "model/spec.rs"]
mod spec;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use ambient::Clock;
use anyhow::{Result, ensure};
use ask::{Ask, Said};
use both::chance::{seed, whole};
use both::{Book, each};
use db::params;
use domain::{Currency, EntryId, HoldId};
use draw::Draw;
use futures_util::future::join_all;
use ledger::AccountRef;
use shop::Id;
use spec::Model;

/// The most questions in flight at once: they are answered in the order in which they were asked.
const BATCH: u64 = 48;
/// Everything is compared after so many batches.
const STRIDE: usize = 10;
const WALLETS: [(u128, Currency); 9] = [
    (1, Currency::EUR),
    (2, Currency::EUR),
    (3, Currency::EUR),
    (4, Currency::EUR),
    (5, Currency::EUR),
    (6, Currency::EUR),
    (1, Currency::USD),
    (2, Currency::USD),
    (3, Currency::USD),
];

fn main() -> ExitCode {
    testkit::main(each("answers_as_the_model_does", compared).into())
}

async fn compared(book: Book) -> Result<()> {
    let seed = seed()?;
    let questions = if whole() { 100_000 } else { 3_000 };
    let mut run = Run::new(book, seed).await?;
    let mut batches = 0;
    while run.asked < questions {
        let asked = run.asked;
        let context = |error: anyhow::Error| {
            error.context(format!("REMIT_TEST_SEED={seed}, after {asked} questions"))
        };
        run.batch().await.map_err(context)?;
        batches += 1;
        if batches % STRIDE == 0 {
            run.compare().await.map_err(context)?;
        }
    }
    run.compare().await?;
    run.book.is_true().await?;
    println!(
        "{} questions in {batches} batches: {:?}",
        run.asked, run.tally
    );
    // A test that is always refused proves little, one that never is proves less.
    for wanted in [
        "Done",
        "Replayed",
        "KeyReused",
        "InsufficientAvailable",
        "HoldResolved",
    ] {
        ensure!(
            run.tally.keys().any(|said| said.starts_with(wanted)),
            "never {wanted}"
        );
    }
    Ok(())
}

struct Run {
    book: Book,
    model: Model,
    draw: Draw,
    ids: BTreeMap<String, HoldId>,
    entries: BTreeMap<String, EntryId>,
    asked: usize,
    tally: BTreeMap<String, usize>,
}

impl Run {
    async fn new(book: Book, seed: u64) -> Result<Self> {
        let mut model = Model::default();
        let mut wallets = Vec::new();
        for (user, currency) in WALLETS {
            let id = book.wallet(user, currency).await?.id;
            let account = AccountRef::Wallet(id);
            model.open(account, currency);
            wallets.push((account, currency));
        }
        Ok(Self {
            book,
            model,
            draw: Draw::new(seed, wallets),
            ids: BTreeMap::new(),
            entries: BTreeMap::new(),
            asked: 0,
            tally: BTreeMap::new(),
        })
    }

    async fn batch(&mut self) -> Result<()> {
        let now = self.book.clock.now();
        let size = 1 + self.draw.chance.below(BATCH);
        let mut asks = Vec::new();
        for _ in 0..size {
            let ask = self.draw.ask(&self.model, now);
            let id = |key: &str| id_of(&self.ids, key);
            let expected = self.model.say(&ask, now, id);
            asks.push((ask, expected));
        }
        let (ids, entries) = (&self.ids, &self.entries);
        let asking = asks.iter().map(|(ask, _)| {
            let book = &self.book;
            let entry = |key: &str| *entries.get(key).unwrap_or(&EntryId::from_bits(404));
            async move { book.ask(ask, |key| id_of(ids, key), entry).await }
        });
        let answers = join_all(asking).await;
        for ((ask, expected), answer) in asks.iter().zip(answers) {
            let (said, id) = answer?;
            ensure!(
                said == *expected,
                "{ask:?}\n  expected: {expected:?}\n     found: {said:?}"
            );
            *self.tally.entry(kind(&said)).or_default() += 1;
            match (ask, id) {
                (Ask::Reserve(reserve), Some(Id::Hold(id))) => {
                    let known = self.ids.insert(reserve.key.clone(), id);
                    ensure!(
                        known.is_none_or(|known| known == id),
                        "{known:?} became {id}"
                    );
                    if known.is_none() {
                        self.draw.holds.push(reserve.key.clone());
                    }
                }
                (Ask::Post(post), Some(Id::Entry(id))) => {
                    let known = self.entries.insert(post.key.clone(), id);
                    ensure!(
                        known.is_none_or(|known| known == id),
                        "{known:?} became {id}"
                    );
                    if known.is_none() {
                        self.draw.entries.push(post.key.clone());
                    }
                }
                _ => {}
            }
        }
        self.asked += asks.len();
        let seconds = self.draw.chance.below(3);
        self.book.clock.advance(Duration::from_secs(seconds));
        Ok(())
    }

    /// Every row of accounts and holds, as they lie in the tables.
    async fn compare(&self) -> Result<()> {
        let scope = || {
            params![
                self.book.tenant.partner.to_string(),
                self.book.tenant.mode.is_live()
            ]
        };
        let rows = self
            .book
            .db
            .fetch_all(
                "SELECT id, purpose, rail, currency, state, balance, held, version, floor, ceiling
                 FROM accounts WHERE partner_id = $1 AND livemode = $2",
                scope(),
            )
            .await?;
        let mut found = BTreeMap::new();
        for row in &rows {
            // A house account is opened when it is first thought of.
            let (purpose, rail) = (row.text("purpose")?, row.text("rail")?);
            if purpose != "wallet" && row.int("version")? == 0 {
                continue;
            }
            let name = match (purpose.as_str(), rail.as_str()) {
                ("wallet", _) => format!("wallet {}", row.text("id")?),
                (purpose, "internal") => purpose.to_owned(),
                (purpose, rail) => format!("{purpose} {rail}"),
            };
            let account = spec::Account {
                currency: row.parse("currency")?,
                state: row.parse("state")?,
                balance: row.int("balance")?,
                held: row.int("held")?,
                version: row.int("version")?,
                floor: row.opt_int("floor")?,
                ceiling: row.opt_int("ceiling")?,
            };
            found.insert((name, account.currency), account);
        }
        let accounts = self.model.accounts.iter();
        let expected: BTreeMap<_, _> = accounts
            .filter(|((account, _), found)| account.owned().is_some() || found.version > 0)
            .map(|((account, currency), found)| ((account.to_string(), *currency), found.clone()))
            .collect();
        ensure!(
            found == expected,
            "accounts\n  expected: {expected:#?}\n  found: {found:#?}"
        );

        let rows = self
            .book
            .db
            .fetch_all(
                "SELECT key, state, amount FROM holds WHERE partner_id = $1 AND livemode = $2",
                scope(),
            )
            .await?;
        let mut found = BTreeMap::new();
        for row in &rows {
            found.insert(row.text("key")?, (row.text("state")?, row.int("amount")?));
        }
        let holds = self.model.holds.iter();
        let expected: BTreeMap<_, _> = holds
            .map(|(key, hold)| (key.clone(), (hold.state.to_string(), hold.money.minor())))
            .collect();
        ensure!(
            found == expected,
            "holds\n  expected: {expected:#?}\n  found: {found:#?}"
        );
        Ok(())
    }
}

fn id_of(ids: &BTreeMap<String, HoldId>, key: &str) -> HoldId {
    ids.get(key).copied().unwrap_or(HoldId::from_bits(404))
}

/// The name of an answer, without its fields.
fn kind(said: &Said) -> String {
    let text = match said {
        Said::Refused(refusal) => format!("{refusal:?}"),
        said => format!("{said:?}"),
    };
    text.split([' ', '(', '{'])
        .next()
        .unwrap_or_default()
        .to_owned()
}
