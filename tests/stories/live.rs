//! Rails to real banks, set up in the configuration file: a partner in live mode pays by a card at
//! whoever speaks Stripe's interface, and by a bank that takes ISO 20022 messages. Secrets come from
//! files and the environment, and stand in nothing that the program says.

use std::sync::Arc;

use ambient::{Mint, SharedClock, SystemClock};
use anyhow::{Context, Result, ensure};
use db::{DatabaseUrl, Db, Options};
use domain::rail::{BankAccountNumber, CardToken, RailId};
use domain::{AccountId, Currency, Mode, Tenant, UserId};
use identity::{Identity, NewBankAccount, NewCard, NewKey, Scopes};
use ledger::LedgerError;
use serde_json::json;
use testkit::{Localstripe, Trial, trial, trial_needing};
use tokio::net::TcpListener;
use vault::{MasterKey, Vault};

use crate::program::{Api, Remit, Setup};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial_needing(
            "live::a_card_pays_by_stripes_interface",
            async |server: &'static Localstripe| card(server).await,
        ),
        trial("live::a_bank_takes_messages", async || messages().await),
        trial("live::what_is_not_set_up_is_not_offered", async || {
            not_offered().await
        }),
    ]
}

const KEY: &str = "sk_test_canary4711";

/// What an operator and a partner do before the first transfer.
struct Partner {
    tenant: Tenant,
    identity: Identity,
    db: Db,
    mint: Mint,
    user: UserId,
    api: Api,
}

impl Partner {
    async fn of(remit: &Remit, offered: &[RailId]) -> Result<Self> {
        let clock: SharedClock = Arc::new(SystemClock);
        let data = remit.data_dir();
        let vault = Vault::new(MasterKey::find(&data, None)?);
        let url = DatabaseUrl::Sqlite(data.join("remit.db"));
        let db = Db::open(&url, Options::new(clock.clone())).await?;
        let mint = Mint::new(clock.clone());
        let identity = Identity::new(db.clone(), mint.clone(), clock, vault);
        let identity = identity.offering(offered.iter().copied());
        let tenant = identity.create_partner(Mode::Live, "A real shop").await?;
        let key = NewKey {
            name: "live".to_owned(),
            scopes: Scopes::all(),
            expires_at: None,
        };
        let key = identity.create_key(&tenant, key).await?;
        let user = identity.create_user(&tenant, "Dora Example").await?;
        let mut api = remit.api.clone();
        api.key = key.text.to_string();
        Ok(Self {
            tenant,
            identity,
            db,
            mint,
            user,
            api,
        })
    }

    async fn wallet(&self) -> Result<AccountId> {
        let (mint, tenant, user) = (self.mint.clone(), self.tenant, self.user);
        let opened: Result<_, db::WriteError<LedgerError>> = self
            .db
            .write(move |tx| {
                let mint = mint.clone();
                Box::pin(async move {
                    ledger::open_wallet(tx, &mint, tenant, user, Currency::EUR).await
                })
            })
            .await;
        Ok(opened?.id)
    }

    async fn books_are_true(self) -> Result<()> {
        let report = ledger::check::books(&self.db).await?;
        ensure!(report.is_true(), "{report:?}");
        self.db.close().await;
        Ok(())
    }
}

/// The program with this configuration file.
async fn with_file(text: &str) -> Result<(Remit, testkit::TempDir)> {
    let dir = testkit::temp_dir()?;
    let path = dir.path().join("remit.toml");
    std::fs::write(dir.path().join("stripe.key"), format!("{KEY}\n"))?;
    let key_file = dir.path().join("stripe.key").display().to_string();
    std::fs::write(&path, text.replace("KEY_FILE", &key_file))?;
    let flags = vec!["--config".to_owned(), path.display().to_string()];
    Ok((Remit::start(Setup { flags }).await?, dir))
}

async fn card(server: &Localstripe) -> Result<()> {
    let file = format!(
        "[stripe]\nurl = \"{}\"\nkey-file = \"KEY_FILE\"\n",
        server.url()
    );
    let (remit, _dir) = with_file(&file).await?;
    let partner = Partner::of(&remit, &[RailId::Stripe]).await?;
    let made = reqwest::Client::builder()
        .no_proxy()
        .build()?
        .post(format!("{}/v1/payment_methods", server.url()))
        .bearer_auth(KEY)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(
            "type=card&card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=2040\
             &card[cvc]=123",
        )
        .send()
        .await?;
    let made: serde_json::Value = made.json().await?;
    let token = made["id"].as_str().context("no token")?;
    let new = NewCard {
        user: partner.user,
        rail: RailId::Stripe,
        token: CardToken::new(token),
        bin: "424242".to_owned(),
        last_four: "4242".to_owned(),
    };
    let card = partner.identity.link_card(&partner.tenant, new).await?;
    let source = json!({"type": "card", "id": card});
    let wallet = json!({"type": "wallet", "id": partner.wallet().await?});
    let api = partner.api.clone();
    let id = api.transfer("by-card", 1_234, &source, &wallet).await?;
    let paid = api.settled(&id).await?;
    ensure!(paid["status"] == "completed", "{paid}");
    ensure!(paid["livemode"] == true, "{paid}");
    let reference = paid["source"]["bank_reference"].as_str();
    ensure!(reference.is_some_and(|it| it.starts_with("pi_")), "{paid}");
    ensure!(api.balance(&wallet).await? == 1_234);
    let said = remit.stdout();
    ensure!(!said.contains("canary"), "it says its key");
    // Nobody else's key sees it, and the sandbox's rails are not for live money.
    ensure!(remit.api.get(&format!("/v1/transfers/{id}")).await.is_err());
    let checkout = json!({"type": "checkout", "rail": "sandbox_cards"});
    let body = json!({
        "amount": {"amount": 100, "currency": "EUR"}, "source": checkout, "destination": wallet,
    });
    let (_, answer) = api.post("sandbox", &body).await?;
    ensure!(
        answer["errors"][0]["code"] == "rail_not_offered",
        "{answer}"
    );
    partner.books_are_true().await
}

async fn messages() -> Result<()> {
    let books = testkit::temp_dir()?;
    let bank = sandbox::Bank::open(&books.path().join("bank.db"), SystemClock::shared())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let served = bank.clone();
    let door = tokio::spawn(async move { served.serve(listener, std::future::pending()).await });
    let file = format!(
        "[iso20022]\nurl = \"http://{address}/iso20022\"\nour-name = \"Remit\"\n\
         our-account = \"REMIT-EUR\"\nour-creditor-id = \"XX00ZZZ00000000000\"\n"
    );
    let (remit, _dir) = with_file(&file).await?;
    let partner = Partner::of(&remit, &[RailId::Iso20022]).await?;
    let account = async |number: &str| -> Result<serde_json::Value> {
        let new = NewBankAccount {
            user: partner.user,
            rail: RailId::Iso20022,
            currency: Currency::EUR,
            number: BankAccountNumber::new(number),
            holder: "Dora Example".to_owned(),
        };
        let linked = partner.identity.link_bank_account(&partner.tenant, new);
        Ok(json!({"type": "bank_account", "id": linked.await?}))
    };
    let (from, to) = (
        account("SB-ALICE-0001").await?,
        account("SB-BOB-0001").await?,
    );
    let closed = account("SB-CLOSED-0001").await?;
    let api = partner.api.clone();
    let id = api.transfer("by-message", 4_321, &from, &to).await?;
    let paid = api.settled(&id).await?;
    ensure!(paid["status"] == "completed", "{paid}");
    let id = api.transfer("refused", 500, &from, &closed).await?;
    let back = api.settled(&id).await?;
    ensure!(back["status"] == "refunded", "{back}");
    let executed = bank.movements().await?;
    let executed: Vec<_> = executed
        .iter()
        .filter(|it| it.state == sandbox::State::Executed)
        .map(|it| it.amount)
        .collect();
    ensure!(executed == [4_321, 4_321, 500, 500], "{executed:?}");
    door.abort();
    partner.books_are_true().await
}

/// Without a word in the configuration no money of anybody waits on such a rail.
async fn not_offered() -> Result<()> {
    let remit = Remit::start(Setup::default()).await?;
    let partner = Partner::of(&remit, &[]).await?;
    let wallet = json!({"type": "wallet", "id": partner.wallet().await?});
    for rail in ["stripe", "sandbox_cards"] {
        let body = json!({
            "amount": {"amount": 100, "currency": "EUR"},
            "source": {"type": "checkout", "rail": rail},
            "destination": wallet,
        });
        let (_, answer) = partner.api.post(rail, &body).await?;
        ensure!(
            answer["errors"][0]["code"] == "rail_not_offered",
            "{answer}"
        );
    }
    let new = NewBankAccount {
        user: partner.user,
        rail: RailId::Iso20022,
        currency: Currency::EUR,
        number: BankAccountNumber::new("SB-ALICE-0001"),
        holder: "Dora Example".to_owned(),
    };
    let linked = partner.identity.link_bank_account(&partner.tenant, new);
    ensure!(linked.await.is_err(), "an account that leads nowhere");
    partner.books_are_true().await
}
