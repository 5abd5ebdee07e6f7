//! Migrated while it is written to: a process of the release before goes on until the newer one
//! has changed the tables. Whatever was acknowledged is in the new book, and the book is true.
#![allow(clippy::unwrap_used)]
#![allow(clippy::inconsistent_digit_grouping)] // 1_000_00 reads as 1,000.00.

mod both;

use std::process::{ExitCode, Stdio};

use ambient::SystemClock;
use anyhow::{Context, Result, ensure};
use both::Book;
use db::migrate::{self, Migration};
use db::{DatabaseUrl, Db, DbError, Options, Tx, WriteError, params};
use testkit::{Postgres, trial, trial_needing};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// Set for the process of the older release: where its book is.
const OLDER: &str = "REMIT_TEST_OLDER";
const CALLERS: usize = 4;
/// What the newer process waits for before it comes: its migration has something to move, and the
/// older one is in full swing.
const BEFORE: usize = 200;
/// What every release up to then had applied.
const RELEASED: [u32; 3] = [1, 10, 20];

fn main() -> ExitCode {
    if let Ok(url) = std::env::var(OLDER) {
        return older(&url);
    }
    testkit::main(vec![
        trial("sqlite::no_acknowledged_write_is_lost", async || {
            let dir = testkit::temp_dir()?;
            let url = DatabaseUrl::Sqlite(dir.path().join("remit.db"));
            let shown = url.to_string();
            survives(url, &shown).await
        }),
        trial_needing(
            "postgres::no_acknowledged_write_is_lost",
            async |server: &'static Postgres| {
                let url = server.fresh_database()?;
                survives(url.parse()?, &url).await
            },
        ),
    ])
}

async fn survives(url: DatabaseUrl, shown: &str) -> Result<()> {
    let mut older = Command::new(std::env::current_exe()?)
        .env(OLDER, shown)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(older.stdout.take().context("no output")?).lines();
    let mut acknowledged = Vec::new();
    while acknowledged.len() < BEFORE {
        let line = lines.next_line().await?.context("it ended by itself")?;
        acknowledged.push(line.parse::<i64>()?);
    }
    let book = Book::open(url, None).await?;
    // What the older one wrote is linked before anything else is.
    let linked = ledger::link_older(&book.db).await?;
    // It goes on until the database itself refuses what it writes.
    let mut meanwhile = 0;
    while let Some(line) = lines.next_line().await? {
        acknowledged.push(line.parse()?);
        meanwhile += 1;
    }
    ensure!(older.wait().await?.success(), "the older process failed");
    ensure!(meanwhile > 0, "nothing was written while it was migrated");

    let rows = book
        .db
        .fetch_all("SELECT key FROM entries", params![])
        .await?;
    let keys = rows.iter().map(|row| row.text("key"));
    let keys: std::collections::BTreeSet<_> = keys.collect::<Result<_, _>>()?;
    for number in &acknowledged {
        ensure!(keys.contains(&format!("old:{number}")), "{number} was lost");
    }
    ensure!(
        linked > 0 && usize::try_from(linked)? >= acknowledged.len(),
        "{linked} were linked"
    );
    book.is_true().await
}

/// Writes as that release did, from several callers, and says each number once it was answered.
#[tokio::main]
async fn older(url: &str) -> ExitCode {
    let released = migrate::all().iter().copied();
    let released: Vec<Migration> = released
        .filter(|known| RELEASED.contains(&known.version))
        .collect();
    let mut options = Options::new(SystemClock::shared());
    options.migrations = released.leak();
    let db = Db::open(&url.parse().unwrap(), options).await.unwrap();
    write(&db, |tx| Box::pin(accounts(tx))).await.unwrap();
    let callers = (0..).take(CALLERS).map(|first: i64| {
        let db = db.clone();
        tokio::spawn(async move {
            for number in (first..).step_by(CALLERS) {
                match write(&db, move |tx| Box::pin(entry(tx, number))).await {
                    Ok(()) => println!("{number}"),
                    Err(error) => return error,
                }
            }
            unreachable!("numbers do not end")
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        // Refused by the new schema: nothing of it is kept. Anything else is a defect.
        let end = caller.await.unwrap();
        let refused = matches!(
            end,
            WriteError::Refused(DbError::Constraint { .. } | DbError::Statement(_))
        );
        if !refused {
            eprintln!("ended by {end:?}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn write<J>(db: &Db, job: J) -> Result<(), WriteError<DbError>>
where
    J: for<'t> FnOnce(&'t mut Tx) -> db::BoxFuture<'t, Result<(), DbError>>
        + Clone
        + Send
        + 'static,
{
    db.write(job).await
}

const WALLET: &str = "ac_00000000000000000000000001";
const NOSTRO: &str = "ac_00000000000000000000000002";
const PARTNER: &str = "pa_00000000000000000000000001";

async fn accounts(tx: &mut Tx) -> Result<(), DbError> {
    for (id, purpose, owner, rail) in [
        (
            WALLET,
            "wallet",
            Some("us_00000000000000000000000001"),
            "internal",
        ),
        (NOSTRO, "nostro", None, "sandbox_bank"),
    ] {
        tx.execute(
            "INSERT INTO accounts (partner_id, livemode, id, purpose, owner_id, rail, currency, state, balance, version, opened_at)
             VALUES ($1, 0, $2, $3, $4, $5, 'EUR', 'open', 0, 0, 1)",
            params![PARTNER, id, purpose, owner, rail],
        )
        .await?;
    }
    Ok(())
}

/// One cent from the nostro to the wallet, statement by statement.
async fn entry(tx: &mut Tx, number: i64) -> Result<(), DbError> {
    let sql = format!(
        "SELECT id, balance, version FROM accounts WHERE partner_id = $1 AND livemode = 0 ORDER BY id{}",
        tx.dialect().for_update()
    );
    let accounts = tx.fetch_all(&sql, params![PARTNER]).await?;
    let id = format!("en_{number:026}");
    tx.execute(
        "INSERT INTO entries (partner_id, livemode, id, key, template, transfer_id, posted_at)
         VALUES ($1, 0, $2, $3, 'opening', NULL, $4)",
        params![PARTNER, &id, format!("old:{number}"), tx.now()],
    )
    .await?;
    for (leg, account) in (0_i64..).zip(&accounts) {
        let amount = if account.text("id")? == WALLET { 1 } else { -1 };
        let (balance, version) = (
            account.int("balance")? + amount,
            account.int("version")? + 1,
        );
        tx.execute(
            "INSERT INTO postings (partner_id, livemode, entry_id, leg, account_id, currency, amount, account_version, balance_after)
             VALUES ($1, 0, $2, $3, $4, 'EUR', $5, $6, $7)",
            params![PARTNER, &id, leg, account.text("id")?, amount, version, balance],
        )
        .await?;
        tx.execute(
            "UPDATE accounts SET balance = $3, version = $4 WHERE partner_id = $1 AND livemode = 0 AND id = $2",
            params![PARTNER, account.text("id")?, balance, version],
        )
        .await?;
    }
    Ok(())
}
