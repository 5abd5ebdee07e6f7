//! The network cuts at the commit: before the server has it, or after and before we hear of it.
//! From here the two look the same, so the writer may claim neither.
#![allow(clippy::unwrap_used)]

mod both;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use both::{Store, on_postgres};
use db::{Db, DbError, WriteError, params};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

fn main() -> ExitCode {
    testkit::main(vec![
        on_postgres("a_commit_that_never_arrived_is_unknown", async |store| {
            cut(store, Cut::BeforeTheServer).await
        }),
        on_postgres("a_commit_whose_answer_was_lost_is_unknown", async |store| {
            cut(store, Cut::AfterTheServer).await
        }),
    ])
}

#[derive(Clone, Copy, PartialEq)]
enum Cut {
    BeforeTheServer,
    AfterTheServer,
}

async fn cut(store: Store, cut: Cut) -> Result<()> {
    let direct = store.open().await?;
    direct
        .write(|tx| {
            Box::pin(async move {
                tx.execute("CREATE TABLE numbers (n BIGINT PRIMARY KEY)", params![])
                    .await
            })
        })
        .await
        .map_err(|error: WriteError<DbError>| error)?;
    let proxy = Proxy::before(&store, cut).await?;
    let through = proxy.store.open().await?;

    insert(&through, 1).await?;
    proxy.armed.store(true, Ordering::SeqCst);
    let answer = insert(&through, 2).await;
    ensure!(matches!(answer, Err(WriteError::Unknown(_))), "{answer:?}");
    // The connection is replaced, and what the server has is what it says, not what we guessed.
    insert(&through, 3).await?;
    let rows = direct
        .fetch_all("SELECT n FROM numbers ORDER BY n", params![])
        .await?;
    let found = rows
        .iter()
        .map(|row| row.int("n"))
        .collect::<Result<Vec<_>, _>>()?;
    match cut {
        Cut::BeforeTheServer => ensure!(found == [1, 3], "{found:?}"),
        Cut::AfterTheServer => ensure!(found == [1, 2, 3], "{found:?}"),
    }
    Ok(())
}

async fn insert(db: &Db, n: i64) -> Result<u64, WriteError<DbError>> {
    db.write(move |tx| {
        Box::pin(async move {
            tx.execute("INSERT INTO numbers (n) VALUES ($1)", params![n])
                .await
        })
    })
    .await
}

/// Stands between us and the server and cuts the first connection that commits once it is armed.
struct Proxy {
    store: Store,
    armed: Arc<AtomicBool>,
}

impl Proxy {
    async fn before(store: &Store, cut: Cut) -> Result<Self> {
        let db::DatabaseUrl::Postgres(url) = &store.url else {
            anyhow::bail!("not a server");
        };
        let (user, place) = url.split_once('@').context("no user")?;
        let (server, name) = place.split_once('/').context("no database")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("{user}@{}/{name}", listener.local_addr()?).parse()?;
        let armed = Arc::new(AtomicBool::new(false));
        let (server, arm) = (server.to_owned(), Arc::clone(&armed));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(upstream) = TcpStream::connect(&server).await else {
                    break;
                };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = upstream.into_split();
                let cutting = Arc::new(AtomicBool::new(false));
                tokio::spawn(forward(
                    from_client,
                    to_server,
                    Arc::clone(&arm),
                    Arc::clone(&cutting),
                    cut,
                ));
                tokio::spawn(back(from_server, to_client, cutting));
            }
        });
        Ok(Self {
            store: Store { url, dir: None },
            armed,
        })
    }
}

async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    armed: Arc<AtomicBool>,
    cutting: Arc<AtomicBool>,
    cut: Cut,
) -> std::io::Result<()> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut bytes).await?;
        if read == 0 {
            return Ok(());
        }
        // The writer waits for every answer, so a commit never shares a packet's edge with another.
        let commits = bytes[..read].windows(7).any(|text| text == b"COMMIT\0");
        if commits && armed.swap(false, Ordering::SeqCst) {
            cutting.store(true, Ordering::SeqCst);
            if cut == Cut::BeforeTheServer {
                return Ok(());
            }
        }
        to.write_all(&bytes[..read]).await?;
    }
}

/// Once the cut is due, the next word of the server (its answer, or its end) is kept from us.
async fn back(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    cutting: Arc<AtomicBool>,
) -> std::io::Result<()> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut bytes).await?;
        if read == 0 || cutting.load(Ordering::SeqCst) {
            return Ok(());
        }
        to.write_all(&bytes[..read]).await?;
    }
}
