//! A bank recognises our reference for a while only. What may have arrived before that is asked
//! about and never sent again, however long a pause or an outage lasted; and asking needs neither
//! an account's number nor a card's token.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ambient::{ManualClock, Mint, SharedClock, Timestamp};
use anyhow::{Result, ensure};
use async_trait::async_trait;
use db::{DatabaseUrl, Db, Options};
use domain::rail::{
    Answer, Debits, Found, Inquiries, Inquiry, Instruction, PortError, Rail, RailId,
};
use domain::transfer::Happening;
use domain::{Currency, Money, RequestId, Step, StepKey};
use identity::Identity;
use identity::seed::{self, Demo};
use transfers::{EndpointRef, IdempotencyKey, NewTransfer, Transfers};
use vault::{MasterKey, Vault};
use workflows::activities::{BankAnswer, BankStep, Verdict};

use super::Bank;
use super::errand::Movement;
use super::inquire::inquire;
use super::submit::submit;

/// A bank whose next answers are written down, and which counts what it is sent.
#[derive(Debug, Default)]
struct Scripted {
    sent: AtomicU32,
    answers: Mutex<Vec<Result<Answer, PortError>>>,
}

impl Scripted {
    fn sent(&self) -> u32 {
        self.sent.load(Ordering::SeqCst)
    }

    fn answers(&self, answer: Result<Answer, PortError>) {
        self.answers.lock().unwrap().push(answer);
    }
}

fn silence() -> Result<Answer, PortError> {
    Err(PortError::Unknown {
        evidence: "no answer in 10 s".to_owned(),
    })
}

#[derive(Clone, Debug)]
struct Scripts(Arc<Scripted>);

impl Rail for Scripts {
    fn id(&self) -> RailId {
        RailId::SandboxBank
    }

    fn debits(&self) -> Option<&dyn Debits> {
        Some(self)
    }

    fn inquiries(&self) -> Option<&dyn Inquiries> {
        Some(self)
    }
}

#[async_trait]
impl Debits for Scripts {
    async fn debit(&self, _: &Instruction) -> Result<Answer, PortError> {
        self.0.sent.fetch_add(1, Ordering::SeqCst);
        let next = self.0.answers.lock().unwrap().pop();
        next.unwrap_or(Ok(Answer {
            bank_reference: "b1".to_owned(),
        }))
    }
}

#[async_trait]
impl Inquiries for Scripts {
    async fn inquire(&self, _: &Inquiry) -> Result<Found, PortError> {
        Ok(Found::NotFound)
    }
}

struct House {
    bank: Bank,
    identity: Identity,
    transfers: Transfers,
    clock: ManualClock,
    scripted: Arc<Scripted>,
    demo: Demo,
    _dir: testkit::TempDir,
}

impl House {
    async fn open() -> Result<Self> {
        let dir = testkit::temp_dir()?;
        let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
        let shared: SharedClock = Arc::new(clock.clone());
        let url = DatabaseUrl::Sqlite(dir.path().join("remit.db"));
        let vault = Vault::new(MasterKey::find(dir.path(), None)?);
        let db = Db::open(&url, Options::new(shared.clone())).await?;
        let mint = Mint::new(shared.clone());
        let identity = Identity::new(db.clone(), mint.clone(), shared.clone(), vault);
        let transfers = Transfers::new(db.clone(), mint.clone(), shared.clone(), identity.clone());
        let demo = seed::demo(&identity).await?;
        let scripted = Arc::new(Scripted::default());
        let rail: Arc<dyn Rail> = Arc::new(Scripts(Arc::clone(&scripted)));
        let bank = Bank::new(
            transfers.clone(),
            identity.clone(),
            audit::Audit::new(db, mint),
            adapters::Rails::of([rail])?,
            shared,
        );
        Ok(Self {
            bank,
            identity,
            transfers,
            clock,
            scripted,
            demo,
            _dir: dir,
        })
    }

    /// A transfer whose sender's bank is about to be asked.
    async fn collecting(&self) -> Result<BankStep> {
        let account = |person: usize| {
            let person = &self.demo.people[person];
            EndpointRef::BankAccount(person.bank_accounts[0])
        };
        let new = NewTransfer {
            money: Money::from_minor(2_500, Currency::EUR)?,
            source: account(0),
            destination: account(1),
            quote: None,
            execute_at: None,
            client_reference: None,
            description: None,
            metadata: BTreeMap::new(),
            request_id: RequestId::from_bits(1),
            traceparent: None,
        };
        let tenant = self.demo.tenant;
        let key = IdempotencyKey::new("k")?;
        let made = self.transfers.accept(&tenant, &key, new).await?.transfer;
        let begun = [Happening::Collecting];
        self.transfers.record_all(&tenant, made.id, &begun).await?;
        Ok(BankStep {
            order: made.order(),
            key: StepKey::of(made.id, Step::Collect),
            rail: RailId::SandboxBank,
            elsewhere: None,
        })
    }

    async fn submit(&self, step: BankStep) -> Result<BankAnswer> {
        let answer = submit(&self.bank, step, Movement::Debit).await;
        answer.map_err(|error| anyhow::anyhow!("{error:?}"))
    }

    async fn inquire(&self, step: BankStep) -> Result<Verdict> {
        let verdict = inquire(&self.bank, step).await;
        verdict.map_err(|error| anyhow::anyhow!("{error:?}"))
    }

    fn after(&self, wait: Duration) {
        self.clock.advance(wait);
    }
}

fn window() -> Duration {
    RailId::SandboxBank.promises().deduplicates_for.unwrap()
}

#[tokio::test]
async fn what_may_have_arrived_is_not_sent_again_once_the_bank_may_have_forgotten_it() -> Result<()>
{
    let house = House::open().await?;
    let step = house.collecting().await?;
    house.scripted.answers(silence());
    house.scripted.answers(silence());
    for sent in [1, 2] {
        let answer = house.submit(step).await?;
        ensure!(matches!(answer, BankAnswer::Unknown { .. }), "{answer:?}");
        // While the bank surely recognises it, it may be sent again.
        ensure!(house.scripted.sent() == sent);
    }
    // A pause that lasts longer than the bank remembers.
    house.after(window());
    let answer = house.submit(step).await?;
    ensure!(matches!(answer, BankAnswer::Unknown { .. }), "{answer:?}");
    ensure!(house.scripted.sent() == 2, "it was sent a third time");
    // It is asked about, and even the proof that it never arrived does not have it sent.
    let verdict = house.inquire(step).await?;
    ensure!(
        verdict == Verdict::NeverArrived { over: true },
        "{verdict:?}"
    );
    house.submit(step).await?;
    ensure!(house.scripted.sent() == 2, "it was sent after the proof");
    Ok(())
}

#[tokio::test]
async fn what_never_left_is_sent_however_late() -> Result<()> {
    let house = House::open().await?;
    let step = house.collecting().await?;
    house.scripted.answers(Err(PortError::Unreachable));
    ensure!(house.submit(step).await.is_err());
    house.after(window() * 2);
    let answer = house.submit(step).await?;
    ensure!(matches!(answer, BankAnswer::Done { .. }), "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn what_was_proved_never_to_have_arrived_is_sent_again_in_time() -> Result<()> {
    let house = House::open().await?;
    let step = house.collecting().await?;
    house.scripted.answers(silence());
    house.submit(step).await?;
    house.after(Duration::from_secs(60));
    let verdict = house.inquire(step).await?;
    ensure!(
        verdict == Verdict::NeverArrived { over: false },
        "{verdict:?}"
    );
    let answer = house.submit(step).await?;
    ensure!(matches!(answer, BankAnswer::Done { .. }), "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn a_doubt_ends_after_its_person_was_erased() -> Result<()> {
    let house = House::open().await?;
    let step = house.collecting().await?;
    house.scripted.answers(silence());
    house.submit(step).await?;
    let sender = house.demo.people[0].user;
    house.identity.erase(&house.demo.tenant, sender).await?;
    house.after(Duration::from_secs(60));
    let verdict = house.inquire(step).await?;
    ensure!(
        verdict == Verdict::NeverArrived { over: false },
        "{verdict:?}"
    );
    Ok(())
}
