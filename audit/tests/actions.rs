//! Actions on both databases: made, decided by somebody else, used once, and chained.
#![allow(clippy::unwrap_used)]

use std::process::ExitCode;

use ambient::{Mint, SystemClock};
use anyhow::{Result, ensure};
use audit::{ActionState, Audit, DecideError, NotApproved, Proposal, StoredAction};
use db::{DatabaseUrl, Db, DbError, Options, Tx, WriteError, params};
use domain::{Action, ActionId, Actor, Mode, PartnerId, Tenant, TransferId};
use testkit::{Postgres, TempDir, Trial, trial, trial_needing};

fn main() -> ExitCode {
    let trials = [
        each("a_second_person_decides_and_it_is_used_once", second_person),
        each("what_was_changed_is_found", changed),
        each("makers_at_the_same_time_make_one_chain", together),
    ];
    testkit::main(trials.into_iter().flatten().collect())
}

struct Store {
    db: Db,
    audit: Audit,
    _dir: Option<TempDir>,
}

async fn open(url: DatabaseUrl, dir: Option<TempDir>) -> Result<Store> {
    let db = Db::open(&url, Options::new(SystemClock::shared())).await?;
    let audit = Audit::new(db.clone(), Mint::new(SystemClock::shared()));
    Ok(Store {
        db,
        audit,
        _dir: dir,
    })
}

fn each<F>(name: &str, test: F) -> [Trial; 2]
where
    F: AsyncFnOnce(Store) -> Result<()> + Copy + Send + 'static,
{
    [
        trial(format!("sqlite::{name}"), async move || {
            let dir = testkit::temp_dir()?;
            let url = DatabaseUrl::Sqlite(dir.path().join("remit.db"));
            test(open(url, Some(dir)).await?).await
        }),
        trial_needing(
            format!("postgres::{name}"),
            async move |server: &'static Postgres| {
                test(open(server.fresh_database()?.parse()?, None).await?).await
            },
        ),
    ]
}

const TRANSFER: TransferId = TransferId::from_bits(7);

fn tenant(bits: u128) -> Tenant {
    Tenant {
        partner: PartnerId::from_bits(bits),
        mode: Mode::Sandbox,
    }
}

fn person(name: &str) -> Actor {
    name.parse().unwrap()
}

fn proposal(tenant: Tenant, action: Action, needs_second: bool) -> Proposal {
    Proposal {
        tenant,
        transfer: TRANSFER,
        action,
        maker: person("alice"),
        reason: "  asked by\nphone ".to_owned(),
        evidence: None,
        needs_second,
    }
}

async fn second_person(store: Store) -> Result<()> {
    let (audit, ours) = (&store.audit, tenant(1));
    let made = audit.propose(proposal(ours, Action::Refund, true)).await?;
    ensure!(made.state() == ActionState::Waiting, "{made:?}");
    ensure!(made.reason == "asked by phone", "{made:?}");
    let usable = async |transfer, by: &'static str| -> Result<_> {
        let found = audit.approved(&ours, transfer, made.id, by).await?;
        Ok(found.map(|action: StoredAction| action.action))
    };
    ensure!(usable(TRANSFER, "k").await? == Err(NotApproved::Waiting));

    let own = audit.approve(&ours, made.id, person("alice"), "me").await;
    ensure!(matches!(own, Err(DecideError::SamePerson(_))), "{own:?}");
    let nobody = audit
        .approve(&ours, ActionId::from_bits(9), person("bob"), "x")
        .await;
    ensure!(matches!(nobody, Err(DecideError::NoSuchAction)));
    // Another tenant's action is none at all.
    let foreign = audit.approve(&tenant(2), made.id, person("bob"), "x").await;
    ensure!(matches!(foreign, Err(DecideError::NoSuchAction)));

    audit.approve(&ours, made.id, person("bob"), "seen").await?;
    let again = audit.deny(&ours, made.id, person("carol"), "no").await;
    ensure!(matches!(again, Err(DecideError::Decided("approved"))));
    ensure!(usable(TRANSFER, "k").await? == Ok(Action::Refund));
    let other = TransferId::from_bits(8);
    ensure!(usable(other, "k").await? == Err(NotApproved::Unknown));

    // Used once, by one; the same one may repeat itself after a crash.
    for _ in 0..2 {
        let used = audit.mark_used(&ours, TRANSFER, made.id, "k").await?;
        ensure!(used.is_ok(), "{used:?}");
    }
    let other = audit.mark_used(&ours, TRANSFER, made.id, "j").await?;
    ensure!(other == Err(NotApproved::Used), "{other:?}");
    ensure!(usable(TRANSFER, "j").await? == Err(NotApproved::Used));

    let denied = audit.propose(proposal(ours, Action::Refund, true)).await?;
    audit.deny(&ours, denied.id, person("bob"), "no").await?;
    let used = audit.mark_used(&ours, TRANSFER, denied.id, "k").await?;
    ensure!(used == Err(NotApproved::Denied), "{used:?}");

    let alone = audit.propose(proposal(ours, Action::Hold, false)).await?;
    ensure!(alone.state() == ActionState::Approved, "{alone:?}");
    let all = audit.of_transfer(&ours, TRANSFER).await?;
    ensure!(all.len() == 3 && all[0].id == alone.id, "{all:?}");
    ensure!(audit.tenant_of(alone.id).await? == Some(ours));
    ensure!(audit::verify(&store.db).await? == []);
    Ok(())
}

async fn changed(store: Store) -> Result<()> {
    for bits in [1, 2] {
        for _ in 0..3 {
            let made = proposal(tenant(bits), Action::Note, false);
            store.audit.propose(made).await?;
        }
    }
    ensure!(audit::verify(&store.db).await? == []);
    let cases = [
        (
            "UPDATE audit_log SET actor = 'mallory' WHERE position = 2 AND partner_id = $1",
            2,
        ),
        (
            "DELETE FROM audit_log WHERE position = 3 AND partner_id = $1",
            2,
        ),
        (
            "DELETE FROM audit_log WHERE position = 1 AND partner_id = $1",
            1,
        ),
    ];
    for (sql, position) in cases {
        write(&store.db, sql).await?;
        let broken = audit::verify(&store.db).await?;
        let places: Vec<_> = broken.iter().map(|found| found.position).collect();
        ensure!(places == [position], "{sql}: {broken:?}");
    }
    Ok(())
}

async fn write(db: &Db, sql: &'static str) -> Result<()> {
    let partner = PartnerId::from_bits(1).to_string();
    let written: Result<u64, WriteError<DbError>> = db
        .write(move |tx: &mut Tx| Box::pin(async move { tx.execute(sql, params![partner]).await }))
        .await;
    written?;
    Ok(())
}

async fn together(store: Store) -> Result<()> {
    let made = (0..20).map(|_| {
        let audit = store.audit.clone();
        tokio::spawn(async move {
            audit
                .propose(proposal(tenant(1), Action::Note, false))
                .await
        })
    });
    for one in made.collect::<Vec<_>>() {
        one.await??;
    }
    ensure!(audit::verify(&store.db).await? == []);
    let all = store.audit.of_transfer(&tenant(1), TRANSFER).await?;
    ensure!(all.len() == 20, "{}", all.len());
    Ok(())
}
