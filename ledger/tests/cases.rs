//! The book as a table that anybody can read: each line of `cases/*.txt` is done, then compared
//! with what it says after the arrow. Every file starts on an empty book, on both databases.
//!
//! ```text
//! wallet               alice EUR              → open
//! opening              1 alice 100.00 EUR     → posted
//! collect_from_wallet  7 alice  60.00 EUR     → posted        (7: the transfer's number)
//! balance              alice                  → 40.00 EUR
//! ```
#![allow(clippy::unwrap_used)]

mod both;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use both::{Book, RAIL, each, step, undo};
use db::WriteError;
use domain::{AccountId, Currency, Money, Step};
use ledger::{ChangeError, Entry, Place, PostError, Purpose, Refusal, State};

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let trials = files.into_iter().flat_map(|file| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        each(&name, async move |book| run(book, &file).await)
    });
    testkit::main(trials.collect())
}

async fn run(book: Book, file: &Path) -> Result<()> {
    let mut table = Table {
        book,
        names: BTreeMap::new(),
    };
    let mut lines = 0;
    for (line, number) in std::fs::read_to_string(file)?.lines().zip(1..) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        lines += 1;
        let place = || format!("{}:{number}: {line}", file.display());
        let (act, expected) = line.split_once('→').with_context(place)?;
        let words: Vec<_> = act.split_whitespace().collect();
        let found = table.act(&words).await.with_context(place)?;
        ensure!(found == expected.trim(), "{}\n   found: {found}", place());
    }
    ensure!(lines > 5, "{} has no lines", file.display());
    table.book.is_true().await
}

struct Table {
    book: Book,
    names: BTreeMap<String, AccountId>,
}

impl Table {
    async fn act(&mut self, words: &[&str]) -> Result<String> {
        match words {
            ["wallet", name, currency] => self.wallet(name, currency).await,
            ["balance", account] => {
                let account = self.named(account);
                let found = ledger::account(&self.book.db, self.book.tenant, account).await?;
                Ok(found.map_or("none".to_owned(), |account| account.balance.to_string()))
            }
            ["house", purpose, currency] => self.house(purpose.parse()?, currency.parse()?).await,
            ["freeze", account] => self.change(account, State::Frozen).await,
            ["thaw", account] => self.change(account, State::Open).await,
            ["close", account] => self.change(account, State::Closed).await,
            [template, key, rest @ .., amount, currency] => {
                let entry = self.entry(template, key, rest, money(amount, currency)?)?;
                Ok(self.said(self.book.post(entry).await)?)
            }
            _ => bail!("not a line of this table"),
        }
    }

    /// A name that was never opened stands for an account that does not exist.
    fn named(&self, name: &str) -> AccountId {
        self.names
            .get(name)
            .copied()
            .unwrap_or(AccountId::from_bits(404))
    }

    async fn wallet(&mut self, name: &str, currency: &str) -> Result<String> {
        let user = name
            .bytes()
            .fold(0, |sum, byte| sum * 256 + u128::from(byte));
        let account = self.book.wallet(user, currency.parse()?).await?;
        self.names.insert(name.to_owned(), account.id);
        Ok(account.state.name().to_owned())
    }

    async fn house(&self, purpose: Purpose, currency: Currency) -> Result<String> {
        let lines = ledger::trial_balance(&self.book.db, self.book.tenant).await?;
        let line = lines
            .iter()
            .find(|line| line.purpose == purpose && line.balance.currency() == currency);
        Ok(line.map_or("none".to_owned(), |line| line.balance.to_string()))
    }

    async fn change(&self, account: &str, to: State) -> Result<String> {
        match self.book.change(self.named(account), to).await {
            Ok(account) => Ok(account.state.name().to_owned()),
            Err(WriteError::Refused(why @ ChangeError::Ledger(_))) => Err(why.into()),
            Err(WriteError::Refused(why)) => Ok(shortened(&why.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    fn entry(&self, template: &str, key: &str, rest: &[&str], money: Money) -> Result<Entry> {
        let t = self.book.tenant;
        let wallet = rest.first().map(|name| self.named(name));
        let wallet = || wallet.context("which wallet?");
        let number = || key.parse::<u128>().context("which transfer?");
        Ok(match template {
            "opening" => Entry::opening(t, key, RAIL, wallet()?, money),
            "collect_from_wallet" => Entry::collect_from_wallet(
                t,
                step(number()?, Step::Fund),
                Place::Internal,
                wallet()?,
                money,
            ),
            "collect_from_bank" => Entry::collect_from_bank(
                t,
                step(number()?, Step::Fund),
                Place::Internal,
                RAIL,
                money,
            ),
            "set_aside" => Entry::set_aside(
                t,
                step(number()?, Step::PayOut),
                Place::Internal,
                RAIL,
                money,
            ),
            "pay_wallet" => Entry::pay_wallet(
                t,
                step(number()?, Step::Settle),
                Place::Internal,
                wallet()?,
                money,
            ),
            "settle_payout" => Entry::settle_payout(t, step(number()?, Step::Settle), RAIL, money),
            "release_set_aside" => Entry::release_set_aside(
                t,
                undo(number()?, Step::PayOut),
                Place::Internal,
                RAIL,
                money,
            ),
            "give_back_to_wallet" => Entry::give_back_to_wallet(
                t,
                undo(number()?, Step::Fund),
                Place::Internal,
                wallet()?,
                money,
            ),
            "give_back_to_bank" => Entry::give_back_to_bank(
                t,
                undo(number()?, Step::Fund),
                Place::Internal,
                RAIL,
                money,
            ),
            _ => bail!("no such template"),
        })
    }

    fn said(&self, answer: Result<ledger::Posted, WriteError<PostError>>) -> Result<String> {
        match answer {
            Ok(posted) if posted.replayed => Ok("same entry".to_owned()),
            Ok(_) => Ok("posted".to_owned()),
            Err(WriteError::Refused(PostError::Refused(refusal))) => Ok(self.in_names(&refusal)),
            Err(error) => Err(error.into()),
        }
    }

    fn in_names(&self, refusal: &Refusal) -> String {
        let text = shortened(&refusal.to_string());
        let text = self.names.iter().fold(text, |text, (name, account)| {
            text.replace(&account.to_string(), name)
        });
        text.replace(&AccountId::from_bits(404).to_string(), "nobody")
    }
}

/// Every refusal says at its end that nothing happened; the table need not repeat it.
fn shortened(text: &str) -> String {
    let said = text
        .rsplit_once("nothing was")
        .map_or(text, |(said, _)| said);
    format!("refused: {}", said.trim_end_matches([' ', ',', ';']))
}

fn money(amount: &str, currency: &str) -> Result<Money> {
    let currency: Currency = currency.parse()?;
    let (whole, part) = amount.split_once('.').unwrap_or((amount, ""));
    ensure!(
        part.len() == usize::try_from(currency.exponent())?,
        "write every decimal place"
    );
    Ok(Money::from_minor(
        format!("{whole}{part}").parse()?,
        currency,
    )?)
}
