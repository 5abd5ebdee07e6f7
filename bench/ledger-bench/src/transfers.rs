//! Transfers between two wallets, from accepted to completed: two commits for each caller, shared by
//! all callers that wait at the same time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ambient::{Mint, SharedClock, SystemClock};
use anyhow::{Context, Result};
use db::{Db, Options};
use domain::transfer::Happening;
use domain::{AccountId, Currency, Money, RequestId, Tenant};
use identity::Identity;
use ledger::Entry;
use transfers::{EndpointRef, IdempotencyKey, NewTransfer, Transfers};
use vault::{MasterKey, Vault};

use crate::book::{OPENED_WITH, RAIL};
use crate::seen::{self, Seen};

#[derive(Clone)]
struct House {
    db: Db,
    transfers: Transfers,
    tenant: Tenant,
    wallets: Arc<[AccountId]>,
    next: Arc<AtomicU64>,
    first: u64,
}

pub(crate) async fn measure(url: &str, callers: usize, transfers: usize) -> Result<()> {
    let house = open(url).await?;
    run(&house, callers, transfers / 5).await?;
    println!("{}", run(&house, callers, transfers).await?);
    house.db.close().await;
    Ok(())
}

/// Its master key is gone with it: what is sealed here nobody opens again.
async fn open(url: &str) -> Result<House> {
    let clock: SharedClock = Arc::new(SystemClock);
    let db = Db::open(&url.parse()?, Options::new(clock.clone())).await?;
    let mint = Mint::new(clock.clone());
    let keys = std::env::temp_dir().join(format!("ledger-bench-{}", std::process::id()));
    std::fs::create_dir_all(&keys)?;
    let vault = Vault::new(MasterKey::find(&keys, None)?);
    std::fs::remove_dir_all(&keys)?;
    let identity = Identity::new(db.clone(), mint.clone(), clock.clone(), vault);
    let transfers = Transfers::new(db.clone(), mint.clone(), clock, identity.clone());
    let tenant = identity
        .create_partner(domain::Mode::Sandbox, "Measured")
        .await?;
    let mut wallets = Vec::new();
    for number in 0..200 {
        let user = identity.create_user(&tenant, "Somebody").await?;
        let mint = mint.clone();
        let opened = db.write(move |tx| {
            Box::pin(async move {
                let wallet = ledger::open_wallet(tx, &mint, tenant, user, Currency::EUR).await?;
                let money = Money::from_minor(OPENED_WITH, Currency::EUR)
                    .map_err(|_| db::DbError::column("balance", "an amount", "too much"))?;
                let name = number.to_string();
                let entry = Entry::opening(tenant, &name, RAIL, wallet.id, money);
                ledger::post(tx, &mint, &entry).await?;
                Ok::<_, ledger::PostError>(wallet.id)
            })
        });
        wallets.push(opened.await?);
    }
    Ok(House {
        db,
        transfers,
        tenant,
        wallets: wallets.into(),
        next: Arc::default(),
        first: u64::from_be_bytes(ambient::fill()?),
    })
}

async fn run(house: &House, callers: usize, transfers: usize) -> Result<Seen> {
    let commits = house.db.commits();
    let begun = seen::now();
    let each = transfers.div_ceil(callers);
    let tasks: Vec<_> = (0..callers)
        .map(|_| tokio::spawn(call(house.clone(), each)))
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await??);
    }
    let commits = house.db.commits() - commits;
    Ok(Seen::new(waits, commits, begun.elapsed()))
}

async fn call(house: House, each: usize) -> Result<Vec<Duration>> {
    let mut waits = Vec::with_capacity(each);
    for _ in 0..each {
        let number = house.next.fetch_add(1, Ordering::Relaxed);
        let wallet = |place: u64| -> Result<EndpointRef> {
            let place = usize::try_from(place)? % house.wallets.len();
            Ok(EndpointRef::Wallet(house.wallets[place]))
        };
        let new = NewTransfer {
            money: Money::from_minor(1, Currency::EUR)?,
            source: wallet(number)?,
            destination: wallet(number + 1)?,
            quote: None,
            execute_at: None,
            client_reference: None,
            description: None,
            metadata: BTreeMap::new(),
            request_id: RequestId::from_bits(u128::from(number)),
            traceparent: None,
        };
        let name = format!("{:x}-{number}", house.first);
        let key = IdempotencyKey::new(&name).ok().context("an unfit key")?;
        let asked = seen::now();
        let accepted = house.transfers.accept(&house.tenant, &key, new).await?;
        let bank_reference = None;
        let steps = [
            Happening::Collecting,
            Happening::Funded { bank_reference },
            Happening::PayingOut,
            Happening::Completed {
                bank_reference: None,
            },
        ];
        let id = accepted.transfer.id;
        let recorded = house.transfers.record_all(&house.tenant, id, &steps);
        recorded.await?;
        waits.push(asked.elapsed());
    }
    Ok(waits)
}
