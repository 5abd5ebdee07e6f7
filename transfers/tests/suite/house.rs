//! What every test stands on: the rooms over one empty database, and a picture of all that is
//! stored.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, Mint, SharedClock, Timestamp};
use anyhow::{Result, ensure};
use db::{DatabaseUrl, Db, Dialect, Options, params};
use domain::transfer::Happening;
use domain::{Currency, Money, RequestId, Tenant, TransferId};
use identity::Identity;
use identity::seed::{self, Demo};
use testkit::{Postgres, TempDir, Trial, trial, trial_needing};
use transfers::{EndpointRef, Event, IdempotencyKey, NewTransfer, Recorded, Transfer, Transfers};
use vault::{MasterKey, Vault};

pub(crate) struct House {
    pub(crate) transfers: Transfers,
    pub(crate) identity: Identity,
    pub(crate) db: Db,
    pub(crate) clock: ManualClock,
    pub(crate) tenant: Tenant,
    pub(crate) demo: Demo,
    url: DatabaseUrl,
    vault: Vault,
    dir: TempDir,
}

impl House {
    async fn open(dir: TempDir, url: DatabaseUrl) -> Result<Self> {
        let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
        let vault = Vault::new(MasterKey::find(dir.path(), None)?);
        let (db, identity, transfers) = rooms(&url, &clock, &vault).await?;
        let demo = seed::demo(&identity).await?;
        Ok(Self {
            transfers,
            identity,
            db,
            clock,
            tenant: demo.tenant,
            demo,
            url,
            vault,
            dir,
        })
    }

    /// The same database as another process would open it: with a writer of its own.
    pub(crate) async fn another_process(&self) -> Result<(Db, Transfers)> {
        let (db, _, transfers) = rooms(&self.url, &self.clock, &self.vault).await?;
        Ok((db, transfers))
    }

    pub(crate) fn wallet(&self, person: usize) -> EndpointRef {
        EndpointRef::Wallet(self.demo.people[person].wallet)
    }

    pub(crate) fn bank(&self, person: usize) -> EndpointRef {
        EndpointRef::BankAccount(self.demo.people[person].bank_accounts[0])
    }

    pub(crate) fn order(&self, source: EndpointRef, destination: EndpointRef) -> NewTransfer {
        NewTransfer {
            money: eur(25_00),
            source,
            destination,
            execute_at: None,
            quote: None,
            client_reference: None,
            description: None,
            metadata: BTreeMap::new(),
            request_id: RequestId::from_bits(1),
            traceparent: None,
        }
    }

    /// Accepts under a key that is the order's own.
    pub(crate) async fn accept(&self, key: &str, new: NewTransfer) -> Result<Transfer> {
        let accepted = self
            .transfers
            .accept(&self.tenant, &idempotency(key), new)
            .await?;
        ensure!(!accepted.replayed, "{key} is taken");
        Ok(accepted.transfer)
    }

    pub(crate) async fn another_tenant(&self) -> Result<Tenant> {
        Ok(self
            .identity
            .create_partner(domain::Mode::Sandbox, "Another")
            .await?)
    }

    /// Between the wallets of two new people of that tenant.
    pub(crate) async fn accept_as(&self, tenant: &Tenant, key: &str) -> Result<TransferId> {
        let first = self.new_wallet(*tenant).await?;
        let second = self.new_wallet(*tenant).await?;
        let (key, order) = (idempotency(key), self.order(first, second));
        let accepted = self.transfers.accept(tenant, &key, order).await?;
        Ok(accepted.transfer.id)
    }

    async fn new_wallet(&self, tenant: Tenant) -> Result<EndpointRef> {
        let person = self.identity.create_user(&tenant, "Somebody").await?;
        let mint = Mint::new(Arc::new(self.clock.clone()));
        let opened: Result<_, db::WriteError<ledger::LedgerError>> = self
            .db
            .write(move |tx| {
                Box::pin(async move {
                    ledger::open_wallet(tx, &mint, tenant, person, Currency::EUR).await
                })
            })
            .await;
        Ok(EndpointRef::Wallet(opened?.id))
    }

    pub(crate) async fn record(&self, id: TransferId, what: &[Happening]) -> Result<Recorded> {
        Ok(self.transfers.record_all(&self.tenant, id, what).await?)
    }

    pub(crate) async fn get(&self, id: TransferId) -> Result<Transfer> {
        let found = self.transfers.get(&self.tenant, id).await?;
        found.ok_or_else(|| anyhow::anyhow!("{id} is gone"))
    }

    pub(crate) async fn balance(&self, end: EndpointRef) -> Result<i64> {
        let EndpointRef::Wallet(id) = end else {
            anyhow::bail!("not a wallet");
        };
        let balance = ledger::balance(&self.db, self.tenant, id).await?;
        balance
            .map(Money::minor)
            .ok_or_else(|| anyhow::anyhow!("no balance"))
    }

    pub(crate) async fn books_are_true(&self) -> Result<()> {
        let report = ledger::check::books(&self.db).await?;
        ensure!(report.is_true(), "{report:?}");
        Ok(())
    }

    /// Everything that is stored about transfers, as text: whoever wrote something changed it.
    pub(crate) async fn picture(&self) -> Result<Vec<String>> {
        let tables: [(&str, &[&str]); 7] = [
            (
                "transfers",
                &[
                    "transfer_id",
                    "status",
                    "version",
                    "start_pending",
                    "debited",
                    "held",
                    "credited",
                    "refunded",
                    "updated_at",
                ],
            ),
            (
                "transfer_status_history",
                &["transfer_id", "sequence", "status", "cause"],
            ),
            ("outbox", &["transfer_id", "sequence", "kind"]),
            ("idempotency_keys", &["idempotency_key", "transfer_id"]),
            ("rail_attempts", &["step_key", "attempt", "state"]),
            ("entries", &["id", "key"]),
            ("accounts", &["id", "balance", "version"]),
        ];
        let mut lines = Vec::new();
        for (table, columns) in tables {
            let shown: Vec<_> = columns
                .iter()
                .map(|column| format!("CAST({column} AS TEXT)"))
                .collect();
            // House accounts that hold nothing may be opened by a refused entry.
            let which = if table == "accounts" {
                "WHERE version > 0"
            } else {
                ""
            };
            let sql = format!(
                "SELECT {} AS line FROM {table} {which}",
                shown.join(" || ' ' || ")
            );
            for row in self.db.fetch_all(&sql, params![]).await? {
                lines.push(format!("{table} {}", row.text("line")?));
            }
        }
        lines.sort();
        Ok(lines)
    }

    /// All events, once there are that many: on PostgreSQL every transaction of the whole server,
    /// other tests' included, holds later events back until it ends.
    pub(crate) async fn events(&self, many: usize) -> Result<Vec<Event>> {
        let seen = testkit::eventually(Duration::from_secs(20), async || {
            let events = self.transfers.events(&self.tenant, 0, 100).await.ok()?;
            (events.len() >= many).then_some(events)
        });
        Ok(seen.await?)
    }

    pub(crate) fn files(&self) -> Option<PathBuf> {
        matches!(self.db.dialect(), Dialect::Sqlite).then(|| self.dir.path().to_owned())
    }
}

async fn rooms(
    url: &DatabaseUrl,
    clock: &ManualClock,
    vault: &Vault,
) -> Result<(Db, Identity, Transfers)> {
    let shared: SharedClock = Arc::new(clock.clone());
    let db = Db::open(url, Options::new(shared.clone())).await?;
    let mint = Mint::new(shared.clone());
    let identity = Identity::new(db.clone(), mint.clone(), shared.clone(), vault.clone());
    let transfers = Transfers::new(db.clone(), mint, shared, identity.clone());
    Ok((db, identity, transfers))
}

pub(crate) fn eur(minor: i64) -> Money {
    Money::from_minor(minor, Currency::EUR).unwrap()
}

pub(crate) fn idempotency(key: &str) -> IdempotencyKey {
    IdempotencyKey::new(key).unwrap()
}

/// The test once on each database.
pub(crate) fn each<F>(name: &str, test: F) -> [Trial; 2]
where
    F: AsyncFnOnce(House) -> Result<()> + Copy + Send + 'static,
{
    [
        trial(format!("sqlite::{name}"), async move || {
            let dir = testkit::temp_dir()?;
            let url = DatabaseUrl::Sqlite(dir.path().join("remit.db"));
            test(House::open(dir, url).await?).await
        }),
        on_postgres(name, test),
    ]
}

pub(crate) fn on_postgres<F>(name: &str, test: F) -> Trial
where
    F: AsyncFnOnce(House) -> Result<()> + Send + 'static,
{
    trial_needing(
        format!("postgres::{name}"),
        async move |server: &'static Postgres| {
            let url = server.fresh_database()?.parse()?;
            test(House::open(testkit::temp_dir()?, url).await?).await
        },
    )
}
