//! The engine under the load: ours in this process, ours over TCP, or another server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use engine::{Config, Engine};
use temporalio_client::{Client, ClientOptions, Connection, ConnectionOptions, GrpcCompression};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

use crate::{Args, Target};

pub(crate) struct Open {
    client: Client,
    what: String,
    ours: Option<Ours>,
}

struct Ours {
    engine: Arc<Engine>,
    served: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    path: PathBuf,
    thrown_away: bool,
}

pub(crate) async fn open(args: &Args) -> anyhow::Result<Open> {
    if args.target == Target::Server {
        let client = over_tcp(&args.address).await?;
        return Ok(Open {
            client,
            what: format!("server at {}", args.address),
            ours: None,
        });
    }
    let thrown_away = args.path.is_none();
    let path = match &args.path {
        Some(path) => path.clone(),
        None => std::env::temp_dir().join(format!("engine-bench-{}.db", std::process::id())),
    };
    let engine = Engine::open(Config::at(&path)).await?;
    let engine = Arc::new(engine);
    let durability = engine.durability();
    // The figure would be worth nothing otherwise.
    anyhow::ensure!(
        durability == "journal_mode=wal synchronous=FULL",
        "not durable: {durability}"
    );
    let (client, served) = match args.target {
        Target::Tcp => {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?.to_string();
            let (stop, stopped) = oneshot::channel::<()>();
            let serving = Arc::clone(&engine);
            let task = tokio::spawn(async move {
                let until = async {
                    let _asked = stopped.await;
                };
                if let Err(error) = serving.serve(listener, until).await {
                    println!("the door failed: {error}");
                }
            });
            (over_tcp(&address).await?, Some((stop, task)))
        }
        _ => (engine.client("default").await?, None),
    };
    Ok(Open {
        client,
        what: format!("our engine, {:?}, {durability}", args.target),
        ours: Some(Ours {
            engine,
            served,
            path,
            thrown_away,
        }),
    })
}

impl Open {
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn describe(&self) -> &str {
        &self.what
    }

    pub(crate) async fn close(self) -> anyhow::Result<()> {
        drop(self.client);
        let Some(ours) = self.ours else { return Ok(()) };
        if let Some((stop, task)) = ours.served {
            let _gone = stop.send(());
            task.abort();
            let _aborted = task.await;
        }
        let engine = Arc::into_inner(ours.engine).context("somebody still holds the engine")?;
        engine.close().await;
        println!("disk: {:.1} MB", megabytes(&ours.path));
        if ours.thrown_away {
            for suffix in ["", "-wal", "-shm", ".lock"] {
                // Some of them are not there: SQLite tidied up.
                let _gone = std::fs::remove_file(beside(&ours.path, suffix));
            }
        }
        Ok(())
    }
}

#[allow(clippy::float_arithmetic, clippy::cast_precision_loss)] // For the reader's eye.
fn megabytes(path: &Path) -> f64 {
    let bytes: u64 = ["", "-wal"]
        .iter()
        .filter_map(|suffix| std::fs::metadata(beside(path, suffix)).ok())
        .map(|file| file.len())
        .sum();
    bytes as f64 / 1e6
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

async fn over_tcp(address: &str) -> anyhow::Result<Client> {
    let options = ConnectionOptions::new(format!("http://{address}").parse::<Url>()?)
        .identity("bench".to_owned())
        // On loopback nobody wins by it, least of all the client.
        .grpc_compression(GrpcCompression::None)
        .dns_load_balancing(None)
        .build();
    connect(options).await
}

async fn connect(options: ConnectionOptions) -> anyhow::Result<Client> {
    let connection = Connection::connect(options).await?;
    Ok(Client::new(
        connection,
        ClientOptions::new("default").build(),
    )?)
}
