//! What every test stands on: the rooms over one empty database, and a payout whose answer never
//! came.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, Mint, SharedClock, Timestamp};
use anyhow::Result;
use db::{DatabaseUrl, Db, Options};
use domain::rail::{RailId, Way, Word, WordOutcome};
use domain::transfer::{FlagKind, Happening};
use domain::{Currency, Money, RequestId, Step, StepKey, Tenant};
use identity::Identity;
use identity::seed::{self, Demo};
use inbox::{Inbox, Incoming, Origin};
use testkit::{Postgres, TempDir, Trial, trial, trial_needing};
use transfers::{AttemptResult, AttemptState, EndpointRef, IdempotencyKey, NewTransfer, Transfers};
use vault::{MasterKey, Vault};

pub(crate) const RAIL: RailId = RailId::SandboxBank;

pub(crate) struct House {
    pub(crate) inbox: Inbox,
    pub(crate) transfers: Transfers,
    pub(crate) db: Db,
    pub(crate) clock: ManualClock,
    pub(crate) tenant: Tenant,
    demo: Demo,
    _dir: TempDir,
}

impl House {
    async fn open(dir: TempDir, url: DatabaseUrl) -> Result<Self> {
        let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
        let shared: SharedClock = Arc::new(clock.clone());
        let vault = Vault::new(MasterKey::find(dir.path(), None)?);
        let db = Db::open(&url, Options::new(shared.clone())).await?;
        let mint = Mint::new(shared.clone());
        let identity = Identity::new(db.clone(), mint.clone(), shared.clone(), vault.clone());
        let transfers = Transfers::new(db.clone(), mint.clone(), shared.clone(), identity.clone());
        let inbox = Inbox::new(db.clone(), mint, shared, vault, transfers.clone());
        let demo = seed::demo(&identity).await?;
        Ok(Self {
            inbox,
            transfers,
            db,
            clock,
            tenant: demo.tenant,
            demo,
            _dir: dir,
        })
    }

    pub(crate) fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// From a wallet to a bank, on its way, with one attempt that ended like this; `None` is still
    /// under way.
    pub(crate) async fn payout(&self, name: &str, ended: Option<AttemptResult>) -> Result<StepKey> {
        let new = NewTransfer {
            money: eur(25_00),
            source: EndpointRef::Wallet(self.demo.people[0].wallet),
            destination: EndpointRef::BankAccount(self.demo.people[1].bank_accounts[0]),
            quote: None,
            execute_at: None,
            client_reference: None,
            description: None,
            metadata: BTreeMap::new(),
            request_id: RequestId::from_bits(1),
            traceparent: None,
        };
        let key = IdempotencyKey::new(name)?;
        let accepted = self.transfers.accept(&self.tenant, &key, new).await?;
        let id = accepted.transfer.id;
        let funded = Happening::Funded {
            bank_reference: None,
        };
        let begun = [Happening::Collecting, funded, Happening::PayingOut];
        self.transfers.record_all(&self.tenant, id, &begun).await?;
        let step = StepKey::of(id, Step::PayOut);
        let attempt = self
            .transfers
            .open_attempt(&self.tenant, step, RAIL)
            .await?;
        if let Some(ended) = ended {
            let closed = self
                .transfers
                .close_attempt(&self.tenant, step, attempt.number, ended);
            closed.await?;
        }
        Ok(step)
    }

    /// The same, and its run has said that it is in doubt.
    pub(crate) async fn in_doubt(&self, name: &str) -> Result<StepKey> {
        let step = self.payout(name, Some(silence())).await?;
        let raised = Happening::Raised {
            flag: FlagKind::InDoubt,
            step: Step::PayOut,
            note: "no answer".to_owned(),
        };
        self.transfers
            .record(&self.tenant, step.transfer, &raised)
            .await?;
        Ok(step)
    }

    pub(crate) async fn known(&self, key: StepKey) -> Result<Option<AttemptState>> {
        let found = self.transfers.at_bank(RAIL, key).await?;
        Ok(found.and_then(|found| found.known))
    }
}

pub(crate) fn silence() -> AttemptResult {
    AttemptResult::Unknown {
        evidence: "no answer".to_owned(),
    }
}

pub(crate) fn eur(minor: i64) -> Money {
    Money::from_minor(minor, Currency::EUR).unwrap()
}

/// A notice of the bank that it paid out what was ordered.
pub(crate) fn executed(bank_id: &str, key: StepKey) -> Incoming {
    Incoming {
        rail: RAIL,
        origin: Origin::Notice,
        bank_id: bank_id.to_owned(),
        key: Some(key),
        word: Some(Word {
            outcome: WordOutcome::Executed,
            way: Some(Way::Out),
            money: Some(eur(25_00)),
            bank_reference: Some(format!("bk-{}", key.transfer)),
        }),
        words: b"{\"holder\":\"Bob\"}".to_vec(),
    }
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
        trial_needing(
            format!("postgres::{name}"),
            async move |server: &'static Postgres| {
                let url = server.fresh_database()?.parse()?;
                test(House::open(testkit::temp_dir()?, url).await?).await
            },
        ),
    ]
}
