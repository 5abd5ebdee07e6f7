//! One measurement of one engine: workflows per second at so many in flight, latencies, processor
//! time. `bench/engine.sh` runs ours and its peers one after the other and prints the table.

mod flow;
mod load;
mod stats;
mod target;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// As in the product: a third of the time went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
struct Args {
    /// Whom to measure.
    #[arg(long, value_enum, default_value = "in-process")]
    target: Target,
    /// Where another server listens (`--target server`), as `host:port`.
    #[arg(long, default_value = "127.0.0.1:7233")]
    address: String,
    /// The engine's file (ours only); it stays. Without one, a new file that is removed again.
    #[arg(long)]
    path: Option<PathBuf>,
    /// Which workflow.
    #[arg(long, value_enum, default_value = "three")]
    shape: flow::Shape,
    /// Workflows that are measured, after as many as are in flight have warmed everything up.
    #[arg(long, default_value_t = 10_000)]
    count: usize,
    #[arg(long, default_value_t = 200)]
    in_flight: usize,
    /// Activities that a worker may ask to get back with its workflow task's completion.
    #[arg(long, default_value_t = 3)]
    eager: usize,
    #[arg(long, default_value_t = 5)]
    pollers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// Our engine, every call a function call.
    InProcess,
    /// Our engine, client and worker over loopback TCP.
    Tcp,
    /// Whatever speaks Temporal's API at the address.
    Server,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(measure(args))
}

async fn measure(args: Args) -> anyhow::Result<()> {
    let target = target::open(&args).await?;
    println!("{}", target.describe());
    let load = load::Load {
        shape: args.shape,
        count: args.count,
        in_flight: args.in_flight,
        eager: args.eager,
        pollers: args.pollers,
    };
    let seen = load.run(target.client().clone()).await?;
    println!("{seen}");
    target.close().await
}
