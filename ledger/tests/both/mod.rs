//! A book of its own for each test, on both databases, and short words to write in it.
#![allow(dead_code)] // Each suite compiles this for itself and uses its part of it.

pub(crate) mod chance;
mod holds;

use std::sync::Arc;

use ambient::{ManualClock, Mint, Timestamp};
use anyhow::{Result, ensure};
use db::{DatabaseUrl, Db, Options, WriteError};
use domain::rail::RailId;
use domain::{
    AccountId, Currency, Mode, Money, PartnerId, Step, StepKey, Tenant, TransferId, UserId,
};
use ledger::{Account, ChangeError, Entry, LedgerError, PostError, Posted, Refusal, State};
use testkit::{Postgres, TempDir, Trial, trial, trial_needing};

pub(crate) const RAIL: RailId = RailId::SandboxBank;

#[derive(Clone)]
pub(crate) struct Book {
    pub(crate) db: Db,
    pub(crate) mint: Mint,
    /// The time of the book's writer.
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) tenant: Tenant,
    pub(crate) url: DatabaseUrl,
    _dir: Option<Arc<TempDir>>,
}

pub(crate) fn tenant(number: u128, mode: Mode) -> Tenant {
    Tenant {
        partner: PartnerId::from_bits(number),
        mode,
    }
}

pub(crate) fn eur(minor: i64) -> Money {
    Money::from_minor(minor, Currency::EUR).unwrap()
}

/// The key of a transfer's step, told apart by small numbers.
pub(crate) fn step(transfer: u128, step: Step) -> StepKey {
    StepKey::of(TransferId::from_bits(transfer), step)
}

pub(crate) fn undo(transfer: u128, step: Step) -> StepKey {
    StepKey::undo(TransferId::from_bits(transfer), step)
}

impl Book {
    pub(crate) async fn open(url: DatabaseUrl, dir: Option<TempDir>) -> Result<Self> {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_800_000_000)));
        let db = Db::open(&url, Options::new(clock.clone())).await?;
        Ok(Self {
            db,
            mint: Mint::new(clock.clone()),
            clock,
            tenant: tenant(1, Mode::Sandbox),
            url,
            _dir: dir.map(Arc::new),
        })
    }

    /// Another process on the same book.
    pub(crate) async fn another(&self) -> Result<Self> {
        Self::open(self.url.clone(), None).await
    }

    pub(crate) fn of(&self, tenant: Tenant) -> Self {
        Self {
            tenant,
            ..self.clone()
        }
    }

    pub(crate) async fn wallet(
        &self,
        user: u128,
        currency: Currency,
    ) -> Result<Account, WriteError<LedgerError>> {
        let (mint, tenant) = (self.mint.clone(), self.tenant);
        self.db
            .write(move |tx| {
                Box::pin(async move {
                    ledger::open_wallet(tx, &mint, tenant, UserId::from_bits(user), currency).await
                })
            })
            .await
    }

    /// A EUR wallet with money in it.
    pub(crate) async fn funded(&self, user: u128, minor: i64) -> Result<AccountId> {
        let wallet = self.wallet(user, Currency::EUR).await?.id;
        self.post(Entry::opening(
            self.tenant,
            &user.to_string(),
            RAIL,
            wallet,
            eur(minor),
        ))
        .await?;
        Ok(wallet)
    }

    pub(crate) fn book(&self) -> ledger::Book {
        ledger::Book::new(self.db.clone(), self.mint.clone())
    }

    /// Half of all go the way of callers that do nothing else in the same commit.
    fn alone(&self, key: &str) -> bool {
        key.len().is_multiple_of(2)
    }

    pub(crate) async fn post(&self, entry: Entry) -> Result<Posted, WriteError<PostError>> {
        if self.alone(entry.key()) {
            return self.book().post(entry).await;
        }
        let mint = self.mint.clone();
        self.db
            .write(move |tx| Box::pin(async move { ledger::post(tx, &mint, &entry).await }))
            .await
    }

    pub(crate) async fn change(
        &self,
        account: AccountId,
        to: State,
    ) -> Result<Account, WriteError<ChangeError>> {
        let tenant = self.tenant;
        self.db
            .write(move |tx| {
                Box::pin(async move { ledger::change_state(tx, tenant, account, to).await })
            })
            .await
    }

    pub(crate) async fn balance(&self, account: AccountId) -> Result<i64> {
        let balance = ledger::balance(&self.db, self.tenant, account).await?;
        Ok(balance
            .ok_or_else(|| anyhow::anyhow!("no such account"))?
            .minor())
    }

    pub(crate) async fn is_true(&self) -> Result<()> {
        let report = ledger::check::books(&self.db).await?;
        ensure!(report.is_true(), "{report}");
        Ok(())
    }
}

/// The test once on each database.
pub(crate) fn each<F>(name: &str, test: F) -> [Trial; 2]
where
    F: AsyncFnOnce(Book) -> Result<()> + Clone + Send + 'static,
{
    [
        trial(format!("sqlite::{name}"), {
            let test = test.clone();
            async move || {
                let dir = testkit::temp_dir()?;
                let url = DatabaseUrl::Sqlite(dir.path().join("remit.db"));
                test(Book::open(url, Some(dir)).await?).await
            }
        }),
        on_postgres(name, test),
    ]
}

pub(crate) fn on_postgres<F>(name: &str, test: F) -> Trial
where
    F: AsyncFnOnce(Book) -> Result<()> + Send + 'static,
{
    trial_needing(
        format!("postgres::{name}"),
        async move |server: &'static Postgres| {
            test(Book::open(server.fresh_database()?.parse()?, None).await?).await
        },
    )
}

pub(crate) fn refusal<T: std::fmt::Debug>(
    answer: Result<T, WriteError<PostError>>,
) -> Result<Refusal> {
    match answer {
        Err(WriteError::Refused(PostError::Refused(refusal))) => Ok(refusal),
        other => anyhow::bail!("not refused: {other:?}"),
    }
}
