//! How both databases find what belongs to a key, an entry or a transfer: by their indexes, and never
//! by walking over all that a tenant has. A young database has no figures to plan with; it must do so
//! too.
#![allow(clippy::unwrap_used)]

mod both;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use both::{BOUND, Store, on_postgres};
use db::{DbError, params};
use testkit::trial;

fn main() -> ExitCode {
    testkit::main(vec![
        trial("sqlite::a_join_by_entry_takes_its_index", async || {
            by_their_indexes(Store::sqlite()?).await
        }),
        on_postgres("keys_are_looked_up_as_soon_as_a_table_grows", as_it_grows),
    ])
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

/// The server itself counts a new table after a minute. Until then it takes the tenant to be rare,
/// and a list of keys is looked for among all that the tenant has.
async fn as_it_grows(store: Store) -> Result<()> {
    let db = store.open().await?;
    db.write(|tx| {
        Box::pin(async move {
            let table = "CREATE TABLE things (partner_id TEXT NOT NULL, livemode BIGINT NOT NULL,
                 id BIGINT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (partner_id, livemode, id))";
            tx.execute(table, params![]).await?;
            let index = "CREATE UNIQUE INDEX by_key ON things (partner_id, livemode, key)";
            tx.execute(index, params![]).await?;
            let many =
                "INSERT INTO things SELECT 'a', 0, n, 'key ' || n FROM generate_series(1, 5000) n";
            tx.execute(many, params![]).await?;
            Ok::<_, DbError>(())
        })
    })
    .await?;
    let query = "EXPLAIN SELECT key FROM things
         WHERE partner_id = 'a' AND livemode = 0 AND key IN ('key 1', 'key 2', 'key 3')";
    let by_the_key = async {
        loop {
            let rows = db.fetch_all(query, params![]).await?;
            let steps = rows.iter().map(|row| row.text("QUERY PLAN"));
            let plan = steps.collect::<Result<Vec<_>, _>>()?.join("\n");
            let condition = plan.lines().find(|line| line.contains("Index Cond"));
            if condition.is_some_and(|line| line.contains("key = ANY")) {
                return Ok::<_, DbError>(());
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, by_the_key).await??;
    db.close().await;
    Ok(())
}
