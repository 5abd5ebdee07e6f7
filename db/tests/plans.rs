//! How SQLite finds what belongs to an entry or a transfer: by their indexes, and never by walking
//! over all that a tenant has. A young database has no figures to plan with; it must do so too.
#![allow(clippy::unwrap_used)]

mod both;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use both::Store;
use db::params;
use testkit::trial;

fn main() -> ExitCode {
    testkit::main(vec![trial(
        "sqlite::a_join_by_entry_takes_its_index",
        async || by_their_indexes(Store::sqlite()?).await,
    )])
}

/// Queries as the ledger asks them, and the indexes that each must take.
const QUERIES: &[(&str, &[&str])] = &[
    (
        "SELECT p.amount FROM entries e
         JOIN postings p ON p.partner_id = e.partner_id AND p.livemode = e.livemode AND p.entry_id = e.id
         WHERE e.partner_id = 'a' AND e.livemode = 0 AND e.transfer_id = 't' ORDER BY e.id, p.leg",
        &["entries_of_a_transfer", "postings_of_an_entry"],
    ),
    (
        "SELECT p.amount FROM entries e
         LEFT JOIN postings p ON p.partner_id = e.partner_id AND p.livemode = e.livemode AND p.entry_id = e.id
         WHERE e.lane = 'l' AND e.position >= 1 AND e.position <= 9 ORDER BY e.position, p.leg",
        &["entries_in_a_lane", "postings_of_an_entry"],
    ),
    (
        "SELECT p.amount FROM entries e
         JOIN postings p ON p.partner_id = e.partner_id AND p.livemode = e.livemode AND p.entry_id = e.id
         WHERE e.partner_id = 'a' AND e.livemode = 0 AND e.key = 'k' ORDER BY p.leg",
        &["entries_by_key", "postings_of_an_entry"],
    ),
];

async fn by_their_indexes(store: Store) -> Result<()> {
    let db = store.open().await?;
    for (query, indexes) in QUERIES {
        let rows = db
            .fetch_all(&format!("EXPLAIN QUERY PLAN {query}"), params![])
            .await?;
        let steps: Vec<_> = rows.iter().map(|row| row.text("detail").unwrap()).collect();
        let plan = steps.join("\n");
        for index in *indexes {
            ensure!(plan.contains(&format!("INDEX {index} ")), "{query}\n{plan}");
        }
    }
    db.close().await;
    Ok(())
}
