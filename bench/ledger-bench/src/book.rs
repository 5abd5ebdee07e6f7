//! The book under measurement: wallets with money in them, one pool, and the settings without
//! which no figure counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ambient::{Mint, SystemClock};
use anyhow::{Context, Result, ensure};
use db::{Db, DbError, Dialect, Options, WriteError, params};
use domain::rail::RailId;
use domain::{
    AccountId, Currency, Mode, Money, PartnerId, Step, StepKey, Tenant, TransferId, UserId,
};
use ledger::{Entry, Place, PostError, Posted};

pub(crate) const RAIL: RailId = RailId::SandboxBank;
/// In minor units: more than any measurement spends.
pub(crate) const OPENED_WITH: i64 = 1_000_000_000_000;

#[derive(Clone)]
pub(crate) struct Book {
    pub(crate) db: Db,
    pub(crate) tenant: Tenant,
    pub(crate) wallets: Arc<[AccountId]>,
    mint: Mint,
    book: ledger::Book,
    /// No two entries of any two measurements have the same key.
    next: Arc<AtomicU64>,
    first: u128,
}

impl Book {
    pub(crate) async fn open(url: &str, wallets: usize) -> Result<Self> {
        let clock = Arc::new(SystemClock);
        let db = Db::open(&url.parse()?, Options::new(clock.clone())).await?;
        let mint = Mint::new(clock);
        let mut book = Self {
            book: ledger::Book::new(db.clone(), mint.clone()),
            db,
            tenant: Tenant {
                partner: PartnerId::from_bits(1),
                mode: Mode::Sandbox,
            },
            wallets: Arc::new([]),
            mint,
            next: Arc::new(AtomicU64::new(0)),
            first: u128::from(u64::from_be_bytes(ambient::fill()?)) << 64,
        };
        let opening: Vec<_> = (0..wallets)
            .map(|user| tokio::spawn(book.clone().funded(user)))
            .collect();
        let mut opened = Vec::with_capacity(wallets);
        for wallet in opening {
            opened.push(wallet.await??);
        }
        book.wallets = opened.into();
        Ok(book)
    }

    async fn funded(self, user: usize) -> Result<AccountId> {
        let (mint, tenant) = (self.mint.clone(), self.tenant);
        let owner = UserId::from_bits(user as u128 + 1);
        let wallet = self
            .db
            .write(move |tx| {
                Box::pin(async move {
                    ledger::open_wallet(tx, &mint, tenant, owner, Currency::EUR).await
                })
            })
            .await?
            .id;
        let money = Money::from_minor(OPENED_WITH, Currency::EUR)?;
        let entry = Entry::opening(self.tenant, &user.to_string(), RAIL, wallet, money);
        self.post(entry).await?;
        Ok(wallet)
    }

    /// The next entry into the pool, from one wallet after the other.
    pub(crate) fn next_entry(&self) -> Result<Entry> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let wallet = self.wallets[usize::try_from(number)? % self.wallets.len()];
        let transfer = TransferId::from_bits(self.first + u128::from(number));
        let key = StepKey::of(transfer, Step::Fund);
        let cent = Money::from_minor(1, Currency::EUR)?;
        Ok(Entry::collect_from_wallet(
            self.tenant,
            key,
            Place::Internal,
            wallet,
            cent,
        ))
    }

    pub(crate) async fn post(&self, entry: Entry) -> Result<Posted, WriteError<PostError>> {
        self.book.post(entry).await
    }

    /// Asked of the very connection that commits. A server that answers before the disk has it is
    /// not measured.
    pub(crate) async fn settings(&self) -> Result<String> {
        let wanted: &[(&str, &str)] = match self.db.dialect() {
            // 2 is FULL: each commit is synced.
            Dialect::Sqlite => &[("synchronous", "2"), ("journal_mode", "wal")],
            Dialect::Postgres => &[
                ("fsync", "on"),
                ("synchronous_commit", "on"),
                ("full_page_writes", "on"),
            ],
        };
        let mut said = Vec::new();
        for &(name, value) in wanted {
            let found = self.setting(name).await?;
            ensure!(found == value, "{name} is {found}, not {value}");
            said.push(format!("{name}={found}"));
        }
        Ok(said.join(" "))
    }

    async fn setting(&self, name: &'static str) -> Result<String> {
        let sql = match self.db.dialect() {
            Dialect::Sqlite => format!("PRAGMA {name}"),
            Dialect::Postgres => format!("SELECT current_setting('{name}') AS {name}"),
        };
        let row = self
            .db
            .write(move |tx| Box::pin(async move { tx.fetch_optional(&sql, params![]).await }))
            .await
            .map_err(|error: WriteError<DbError>| error)?
            .context("no such setting")?;
        Ok(match row.int(name) {
            Ok(number) => number.to_string(),
            Err(_) => row.text(name)?,
        })
    }

    pub(crate) async fn count_of_postings(&self) -> Result<usize> {
        let row = self
            .db
            .fetch_optional("SELECT COUNT(*) AS n FROM postings", params![])
            .await?
            .context("no count")?;
        Ok(usize::try_from(row.int("n")?)?)
    }

    pub(crate) async fn close(self) {
        self.db.close().await;
    }
}
