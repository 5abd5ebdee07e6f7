//! A whole house behind one router: a fresh database, two partners, keys, wallets with money, and a
//! starter that only remembers what it was told.

mod client;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ambient::{Mint, SharedClock, SystemClock};
use api::{App, Limits, Parts, StartError, Starter};
use axum::Router;
use db::{BoxFuture, DatabaseUrl, Db, Options};
use domain::linked::Link;
use domain::rail::{BankAccountNumber, RailId};
use domain::transfer::Order;
use domain::{
    AccountId, BankAccountId, Currency, MessageId, Mode, Money, Tenant, TransferId, UserId,
};
use identity::{Identity, NewBankAccount, NewKey, Scope, Scopes};
use inbox::Inbox;
use ledger::{Entry, PostError};
use serde_json::{Value, json};
use testkit::TempDir;
use transfers::Transfers;
use vault::{MasterKey, Vault};

pub(crate) use client::{Answer, ask, get, post};

/// What each wallet holds at the beginning.
pub(crate) const OPENING: i64 = 100_000;

/// Remembers whom it was asked to start; can be told to refuse, or never to answer.
#[derive(Debug, Default)]
pub(crate) struct FakeStarter {
    pub(crate) started: Mutex<Vec<TransferId>>,
    pub(crate) refuses: AtomicBool,
    pub(crate) hangs: AtomicBool,
}

impl FakeStarter {
    async fn answer(&self) -> Result<(), StartError> {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.refuses.load(Ordering::SeqCst) {
            return Err(StartError("switched off".into()));
        }
        Ok(())
    }
}

impl Starter for FakeStarter {
    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<(), StartError>> {
        Box::pin(async {
            self.answer().await?;
            self.started.lock().unwrap().push(order.transfer);
            Ok(())
        })
    }

    fn call_off(&self, _: TransferId) -> BoxFuture<'_, Result<(), StartError>> {
        Box::pin(self.answer())
    }

    fn tell(&self, _: TransferId, _: MessageId) -> BoxFuture<'_, Result<bool, StartError>> {
        Box::pin(async { Ok(true) })
    }

    fn start_linked<'a>(&'a self, _: &'a Link) -> BoxFuture<'a, Result<(), StartError>> {
        Box::pin(self.answer())
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StartError>> {
        Box::pin(self.answer())
    }
}

/// A partner with a user, a wallet that has money, a bank account, and keys.
#[derive(Debug)]
pub(crate) struct Partner {
    pub(crate) tenant: Tenant,
    pub(crate) user: UserId,
    pub(crate) wallet: AccountId,
    pub(crate) bank: BankAccountId,
    pub(crate) key: String,
}

#[derive(Debug)]
pub(crate) struct House {
    pub(crate) routes: Router,
    pub(crate) app: App,
    pub(crate) starter: Arc<FakeStarter>,
    pub(crate) alice: Partner,
    /// Another partner altogether.
    pub(crate) mallory: Partner,
    _folder: Option<TempDir>,
}

impl House {
    pub(crate) async fn on_sqlite(limits: Limits) -> anyhow::Result<Self> {
        let folder = testkit::temp_dir()?;
        let url = DatabaseUrl::Sqlite(folder.path().join("remit.db"));
        Self::on(&url, limits, Some(folder)).await
    }

    pub(crate) async fn on(
        url: &DatabaseUrl,
        limits: Limits,
        folder: Option<TempDir>,
    ) -> anyhow::Result<Self> {
        let clock: SharedClock = SystemClock::shared();
        let mint = Mint::new(Arc::clone(&clock));
        let db = Db::open(url, Options::new(Arc::clone(&clock))).await?;
        let vault = Vault::new(MasterKey::from_text(
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        )?);
        let identity = Identity::new(db.clone(), mint.clone(), Arc::clone(&clock), vault.clone());
        let transfers = Transfers::new(
            db.clone(),
            mint.clone(),
            Arc::clone(&clock),
            identity.clone(),
        );
        let inbox = Inbox::new(
            db.clone(),
            mint.clone(),
            Arc::clone(&clock),
            vault,
            transfers.clone(),
        );
        let starter = Arc::new(FakeStarter::default());
        let app = App::from(Parts {
            db,
            identity,
            transfers,
            inbox,
            ports: Arc::default(),
            starter: Arc::clone(&starter) as Arc<dyn Starter>,
            rails: rails::Watched::default(),
            clock,
            mint,
            limits,
            probes: Vec::new(),
        });
        Ok(Self {
            routes: api::app(app.clone()),
            alice: partner(&app, "Alice's bank").await?,
            mallory: partner(&app, "Mallory's bank").await?,
            app,
            starter,
            _folder: folder,
        })
    }

    pub(crate) async fn key(&self, scopes: &[Scope]) -> anyhow::Result<String> {
        key(&self.app, &self.alice.tenant, scopes).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        get(&self.routes, &self.alice.key, path).await
    }

    pub(crate) async fn post(&self, idempotency: &str, body: &Value) -> Answer {
        post(&self.routes, &self.alice.key, idempotency, body.to_string()).await
    }

    /// From the wallet to the bank account of the first partner.
    pub(crate) fn payout(&self, amount: i64) -> Value {
        json!({
            "amount": {"amount": amount, "currency": "EUR"},
            "source": {"type": "wallet", "id": self.alice.wallet},
            "destination": {"type": "bank_account", "id": self.alice.bank},
        })
    }
}

async fn partner(app: &App, name: &str) -> anyhow::Result<Partner> {
    let tenant = app.identity.create_partner(Mode::Sandbox, name).await?;
    let user = app.identity.create_user(&tenant, "A. Person").await?;
    let bank = NewBankAccount {
        user,
        rail: RailId::SandboxBank,
        currency: Currency::EUR,
        number: BankAccountNumber::new("SB-ALICE-0001"),
        holder: "A. Person".to_owned(),
    };
    Ok(Partner {
        tenant,
        user,
        wallet: wallet(app, tenant, user).await?,
        bank: app.identity.link_bank_account(&tenant, bank).await?,
        key: key(app, &tenant, &Scope::ALL).await?,
    })
}

async fn key(app: &App, tenant: &Tenant, scopes: &[Scope]) -> anyhow::Result<String> {
    let new = NewKey {
        name: "test".to_owned(),
        scopes: scopes.iter().copied().collect::<Scopes>(),
        expires_at: None,
    };
    Ok(app.identity.create_key(tenant, new).await?.text.to_string())
}

async fn wallet(app: &App, tenant: Tenant, user: UserId) -> anyhow::Result<AccountId> {
    let mint = app.mint.clone();
    let wallet = app
        .db
        .write(move |tx| {
            let mint = mint.clone();
            Box::pin(async move {
                let wallet = ledger::open_wallet(tx, &mint, tenant, user, Currency::EUR)
                    .await
                    .map_err(PostError::from)?
                    .id;
                let money = Money::from_minor(OPENING, Currency::EUR).unwrap();
                let entry = Entry::opening(
                    tenant,
                    &user.to_string(),
                    RailId::SandboxBank,
                    wallet,
                    money,
                );
                ledger::post(tx, &mint, &entry).await?;
                Ok::<_, PostError>(wallet)
            })
        })
        .await?;
    Ok(wallet)
}
