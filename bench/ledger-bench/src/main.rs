//! One measurement of the ledger on one database: postings per second into one hot account,
//! latencies at a given rate, reads, growth, and the naive way beside it. `bench/ledger.sh` runs
//! them all on SQLite and PostgreSQL and prints the table.

mod book;
mod load;
mod naive;
mod reads;
mod seen;
mod transfers;

use clap::{Parser, Subcommand};

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
struct Args {
    /// The database: `sqlite://<path>` or `postgres://<user>@<host>/<name>`. It keeps what is written.
    #[arg(long)]
    url: String,
    /// Wallets that pay into the one pool.
    #[arg(long, default_value_t = 1_000)]
    wallets: usize,
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum What {
    /// As many entries as go, by so many callers, each waiting for its answer.
    Hot {
        #[arg(long, default_value_t = 64)]
        callers: usize,
        #[arg(long, default_value_t = 200_000)]
        entries: usize,
    },
    /// Entries at a fixed rate, each timed from the moment at which it was due.
    Paced {
        #[arg(long, default_value_t = 64)]
        callers: usize,
        #[arg(long, default_value_t = 7_500)]
        per_second: usize,
        #[arg(long, default_value_t = 60_000)]
        entries: usize,
    },
    /// A balance, and a statement of so many lines.
    Reads {
        #[arg(long, default_value_t = 10_000)]
        lines: usize,
    },
    /// Posts until the book has so many postings.
    Fill {
        #[arg(long, default_value_t = 5_000_000)]
        postings: usize,
    },
    /// Transfers from wallet to wallet, accepted and completed, by so many callers.
    Transfers {
        #[arg(long, default_value_t = 64)]
        callers: usize,
        #[arg(long, default_value_t = 20_000)]
        transfers: usize,
    },
    /// A transaction per posting with the account's row locked, in tables of its own.
    Naive {
        #[arg(long, default_value_t = 64)]
        callers: usize,
        #[arg(long, default_value_t = 5_000)]
        entries: usize,
    },
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
    if let What::Naive { callers, entries } = args.what {
        return naive::measure(&args.url, callers, entries).await;
    }
    if let What::Transfers { callers, transfers } = args.what {
        return transfers::measure(&args.url, callers, transfers).await;
    }
    let book = book::Book::open(&args.url, args.wallets).await?;
    println!("settings: {}", book.settings().await?);
    match args.what {
        What::Hot { callers, entries } => {
            println!("{}", load::as_many_as_go(&book, callers, entries).await?);
        }
        What::Paced {
            callers,
            per_second,
            entries,
        } => println!(
            "{}",
            load::paced(&book, callers, per_second, entries).await?
        ),
        What::Reads { lines } => reads::measure(&book, lines).await?,
        What::Fill { postings } => load::fill(&book, postings).await?,
        What::Naive { .. } | What::Transfers { .. } => {}
    }
    book.close().await;
    Ok(())
}
