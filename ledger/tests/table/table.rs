//! A table under way: the book, and which names in it stand for what.

use std::collections::BTreeMap;
use std::time::Duration;

use ambient::{Clock, Timestamp};
use anyhow::{Context, Result, bail};
use db::WriteError;
use domain::{AccountId, Currency, HoldId, Money, Step, TransferId};
use ledger::{
    AccountRef, ChangeError, Condition, Entry, Leg, Place, PostError, Purpose, Refusal, Reserve,
    State,
};

use super::both::{Book, RAIL, step, undo};
use super::read::{after, key, minor, money, parts, seconds, shortened};

pub(crate) struct Table {
    pub(crate) book: Book,
    names: BTreeMap<String, (AccountId, Currency)>,
    holds: BTreeMap<String, HoldId>,
    start: Timestamp,
}

const NOBODY: AccountId = AccountId::from_bits(404);
const NOTHING: HoldId = HoldId::from_bits(404);

impl Table {
    pub(crate) fn new(book: Book) -> Self {
        let start = book.clock.now();
        Self {
            book,
            names: BTreeMap::new(),
            holds: BTreeMap::new(),
            start,
        }
    }

    /// Does what a line says, and answers what came of it.
    pub(crate) async fn act(&mut self, line: &str) -> Result<String> {
        let parts = parts(line);
        let (first, rest) = parts.split_first().context("an empty line")?;
        match **first {
            ["wallet", name, currency] => self.wallet(name, currency).await,
            ["entry", name] => {
                let entry = self.free(&key(name)?, rest)?;
                self.post(entry).await
            }
            ["many", name, count, from, to, currency] => {
                let entry = self.many(name, count.parse()?, from, to, currency)?;
                self.post(entry).await
            }
            ["reserve", name] => self.reserve(&key(name)?, rest).await,
            ["void", name] => self.void(name).await,
            ["expire"] => Ok(format!("{} expired", self.book.expire().await?)),
            ["tick", by] => {
                self.book.clock.advance(Duration::from_secs(seconds(by)?));
                Ok(self.since(self.book.clock.now()))
            }
            ["terms", name, ref terms @ ..] => self.terms(name, terms).await,
            ["freeze", name] => self.change(name, State::Frozen).await,
            ["thaw", name] => self.change(name, State::Open).await,
            ["close", name] => self.change(name, State::Closed).await,
            ["account", name] => self.account(name).await,
            ["balance", name] => self.balance(name).await,
            ["house", purpose, currency] => self.house(purpose.parse()?, currency.parse()?).await,
            ["hold", name] => self.hold(name).await,
            [template, key, ref rest @ .., amount, currency] => {
                let entry = self.entry(template, key, rest, money(amount, currency)?)?;
                self.post(entry).await
            }
            _ => bail!("not a line of this table"),
        }
    }

    fn since(&self, at: Timestamp) -> String {
        ((at.as_micros() - self.start.as_micros()) / 1_000_000).to_string()
    }

    fn named(&self, name: &str) -> AccountId {
        self.names.get(name).map_or(NOBODY, |(id, _)| *id)
    }

    fn hold_named(&self, name: &str) -> HoldId {
        self.holds.get(name).copied().unwrap_or(NOTHING)
    }

    fn any(&self, name: &str) -> AccountRef {
        match name {
            "nostro" => AccountRef::Nostro(RAIL),
            "suspense" => AccountRef::Suspense(RAIL),
            "pool" => AccountRef::Pool(Place::Internal),
            "fees" => AccountRef::Fees,
            "liquidity" => AccountRef::Liquidity,
            wallet => AccountRef::Wallet(self.named(wallet)),
        }
    }

    async fn wallet(&mut self, name: &str, currency: &str) -> Result<String> {
        let user = name
            .bytes()
            .fold(0, |sum, byte| sum * 256 + u128::from(byte));
        let currency = currency.parse()?;
        let account = self.book.wallet(user, currency).await?;
        self.names.insert(name.to_owned(), (account.id, currency));
        Ok(account.state.name().to_owned())
    }

    async fn account(&self, name: &str) -> Result<String> {
        let found = ledger::account(&self.book.db, self.book.tenant, self.named(name)).await?;
        let account = found.context("there is none")?;
        let mut said = vec![format!("{} {}", account.state.name(), account.balance)];
        if !account.held.is_zero() {
            said.push(format!("{} held", account.held));
        }
        if let Some(floor) = account.floor.filter(|floor| !floor.is_zero()) {
            said.push(format!("floor {floor}"));
        }
        if let Some(ceiling) = account.ceiling {
            said.push(format!("ceiling {ceiling}"));
        }
        said.push(format!("version {}", account.version));
        Ok(said.join(", "))
    }

    async fn balance(&self, name: &str) -> Result<String> {
        let found = ledger::account(&self.book.db, self.book.tenant, self.named(name)).await?;
        Ok(found.map_or("none".to_owned(), |account| account.balance.to_string()))
    }

    async fn house(&self, purpose: Purpose, currency: Currency) -> Result<String> {
        let lines = ledger::trial_balance(&self.book.db, self.book.tenant).await?;
        let line = lines
            .iter()
            .find(|line| line.purpose == purpose && line.balance.currency() == currency);
        Ok(line.map_or("none".to_owned(), |line| line.balance.to_string()))
    }

    async fn change(&self, name: &str, to: State) -> Result<String> {
        match self.book.change(self.named(name), to).await {
            Ok(account) => Ok(account.state.name().to_owned()),
            Err(WriteError::Refused(why @ ChangeError::Ledger(_))) => Err(why.into()),
            Err(WriteError::Refused(why)) => Ok(shortened(&why.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    async fn terms(&self, name: &str, terms: &[&str]) -> Result<String> {
        let (id, currency) = *self.names.get(name).context("whose terms?")?;
        let amount = |word| -> Result<Option<Money>> {
            let amount = after(terms, word)?;
            let minor = amount.map(|amount| minor(amount, currency)).transpose()?;
            Ok(minor
                .map(|minor| Money::from_minor(minor, currency))
                .transpose()?)
        };
        match self
            .book
            .terms(id, amount("floor")?, amount("ceiling")?)
            .await?
        {
            None => Ok("changed".to_owned()),
            Some(why) => Ok(shortened(&why.to_string())),
        }
    }

    async fn reserve(&mut self, name: &str, parts: &[Vec<&str>]) -> Result<String> {
        let (mut held, mut expires_at) = (None, None);
        for part in parts {
            match **part {
                ["until", at] => {
                    expires_at = Some(self.start.after(Duration::from_secs(seconds(at)?)));
                }
                [account, amount, currency] => {
                    held = Some((self.any(account), money(amount, currency)?));
                }
                _ => bail!("not a part of a hold"),
            }
        }
        let (account, money) = held.context("hold what?")?;
        let reserve = Reserve {
            tenant: self.book.tenant,
            key: name.to_owned(),
            account,
            money,
            transfer: None,
            expires_at,
        };
        match self.book.reserve(reserve).await {
            Ok(reserved) => {
                self.holds.insert(name.to_owned(), reserved.hold);
                Ok(if reserved.replayed {
                    "same hold"
                } else {
                    "held"
                }
                .to_owned())
            }
            Err(WriteError::Refused(PostError::Refused(refusal))) => Ok(self.in_names(&refusal)),
            Err(error) => Err(error.into()),
        }
    }

    async fn void(&self, name: &str) -> Result<String> {
        match self.book.void(self.hold_named(name)).await {
            Ok(_) => Ok("voided".to_owned()),
            Err(WriteError::Refused(PostError::Refused(refusal))) => Ok(self.in_names(&refusal)),
            Err(error) => Err(error.into()),
        }
    }

    async fn hold(&self, name: &str) -> Result<String> {
        let rows = self
            .book
            .db
            .fetch_optional(
                "SELECT state, currency, amount, posted FROM holds WHERE id = $1",
                vec![self.hold_named(name).to_string().into()],
            )
            .await?;
        let row = rows.context("there is none")?;
        let currency: Currency = row.parse("currency")?;
        let of = |column| anyhow::Ok(Money::from_minor(row.int(column)?, currency)?);
        Ok(format!(
            "{} {} of {}",
            row.text("state")?,
            of("posted")?,
            of("amount")?
        ))
    }

    /// Any legs. The entry says that it moves what its first account loses, unless told otherwise.
    fn free(&self, key: &str, parts: &[Vec<&str>]) -> Result<Entry> {
        let (mut legs, mut whole, mut hold) = (Vec::new(), None, None);
        let mut conditions = Vec::new();
        for part in parts {
            match **part {
                [] => {}
                ["of", amount, currency] => whole = Some(money(amount, currency)?),
                ["posts", name] => hold = Some(self.hold_named(name)),
                ["when", "version", name, version, ref currency @ ..] => {
                    let known = self.names.get(name).map(|(_, currency)| *currency);
                    let currency = match (currency, known) {
                        ([currency], _) => currency.parse()?,
                        (_, known) => known.context("in which currency?")?,
                    };
                    let version = version.parse()?;
                    conditions.push(Condition::VersionIs(self.any(name), currency, version));
                }
                ["when", "balance", name, amount, currency] => conditions.push(
                    Condition::BalanceAtLeast(self.any(name), money(amount, currency)?),
                ),
                ["when", "available", name, amount, currency] => conditions.push(
                    Condition::AvailableAtLeast(self.any(name), money(amount, currency)?),
                ),
                [name, amount, currency] => legs.push(Leg {
                    account: self.any(name),
                    money: money(amount, currency)?,
                }),
                _ => bail!("not a part of an entry"),
            }
        }
        let cent = Money::from_minor(1, Currency::EUR)?;
        let whole = whole.unwrap_or(cent);
        let entry = Entry::free(self.book.tenant, key, OF, whole, legs);
        let entry = conditions.into_iter().fold(entry, Entry::when);
        Ok(match hold {
            Some(hold) => entry.posting(hold),
            None => entry,
        })
    }

    fn many(&self, key: &str, count: i64, from: &str, to: &str, currency: &str) -> Result<Entry> {
        let currency: Currency = currency.parse()?;
        let cent = Money::from_minor(1, currency)?;
        let (from, to) = (self.any(from), self.any(to));
        let legs = (0..count).map(|leg| match leg % 2 {
            0 => Leg {
                account: from,
                money: cent.reversed(),
            },
            _ => Leg {
                account: to,
                money: cent,
            },
        });
        Ok(Entry::free(self.book.tenant, key, OF, cent, legs.collect()))
    }

    fn entry(&self, template: &str, key: &str, rest: &[&str], money: Money) -> Result<Entry> {
        let (t, by) = (self.book.tenant, Place::Internal);
        let wallet = rest.first().map(|name| self.named(name));
        let wallet = || wallet.context("which wallet?");
        let number = || key.parse::<u128>().context("which transfer?");
        let of = |name| anyhow::Ok(step(number()?, name));
        let back = |name| anyhow::Ok(undo(number()?, name));
        Ok(match template {
            "opening" => Entry::opening(t, key, RAIL, wallet()?, money),
            "collect_from_wallet" => {
                Entry::collect_from_wallet(t, of(Step::Fund)?, by, wallet()?, money)
            }
            "collect_from_bank" => Entry::collect_from_bank(t, of(Step::Fund)?, by, RAIL, money),
            "set_aside" => Entry::set_aside(t, of(Step::PayOut)?, by, RAIL, money),
            "pay_wallet" => Entry::pay_wallet(t, of(Step::Settle)?, by, wallet()?, money),
            "settle_payout" => Entry::settle_payout(t, of(Step::Settle)?, RAIL, money),
            "release_set_aside" => {
                Entry::release_set_aside(t, back(Step::PayOut)?, by, RAIL, money)
            }
            "give_back_to_wallet" => {
                Entry::give_back_to_wallet(t, back(Step::Fund)?, by, wallet()?, money)
            }
            "give_back_to_bank" => Entry::give_back_to_bank(t, back(Step::Fund)?, by, RAIL, money),
            _ => bail!("no such template"),
        })
    }

    async fn post(&self, entry: Entry) -> Result<String> {
        match self.book.post(entry).await {
            Ok(posted) if posted.replayed => Ok("same entry".to_owned()),
            Ok(_) => Ok("posted".to_owned()),
            Err(WriteError::Refused(PostError::Refused(refusal))) => Ok(self.in_names(&refusal)),
            Err(error) => Err(error.into()),
        }
    }

    fn in_names(&self, refusal: &Refusal) -> String {
        if let Refusal::ExpiryPast { at } = refusal {
            return format!(
                "refused: the hold would expire at {}, which is past",
                self.since(*at)
            );
        }
        let mut text = shortened(&refusal.to_string());
        for (name, (account, _)) in &self.names {
            text = text.replace(&account.to_string(), name);
        }
        for (name, hold) in &self.holds {
            text = text.replace(&hold.to_string(), name);
        }
        text.replace(&NOBODY.to_string(), "nobody")
            .replace(&NOTHING.to_string(), "nothing")
    }
}

/// What lies in a pool must belong to a transfer: to this one, where a line names none.
const OF: TransferId = TransferId::from_bits(999);
