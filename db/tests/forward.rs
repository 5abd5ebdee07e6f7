//! Upgrades with data: from every release, with the rows it may hold, to the newest.
#![allow(clippy::unwrap_used)]

mod both;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use both::{Store, each};
use db::migrate;
use db::{Db, DbError, Dialect, params};

/// What each release had applied. A file of a lower number came later where it belongs to a room
/// that had its numbers set aside.
const RELEASES: &[&[u32]] = &[&[1, 10, 20]];

fn main() -> ExitCode {
    // Every prefix of the list is a release that could have been, and some others really were.
    let prefixes = (1..=migrate::all().len()).map(|end| {
        let versions = migrate::all()[..end].iter().map(|known| known.version);
        versions.collect::<Vec<_>>()
    });
    let released = RELEASES.iter().map(|versions| versions.to_vec());
    let trials = prefixes.chain(released).flat_map(|versions| {
        let shown: Vec<_> = versions
            .iter()
            .map(|version| format!("{version:04}"))
            .collect();
        let name = format!("from_{}_to_the_newest", shown.join("_"));
        // The list of a release lives as long as the test's process.
        let versions: &'static [u32] = versions.leak();
        each(&name, async move |store| survives(store, versions).await)
    });
    testkit::main(trials.collect())
}

/// What every row held, column by column, as text: by table.
type Content = BTreeMap<String, (Vec<String>, Vec<String>)>;

async fn survives(store: Store, versions: &'static [u32]) -> Result<()> {
    // Each release's rows are written by a database of that release, as they were in life.
    for end in 1..=versions.len() {
        let db = open_at(&store, &versions[..end]).await?;
        let version = versions[end - 1];
        let file = fixtures().join(format!("{version:04}.sql"));
        let rows = std::fs::read_to_string(&file).with_context(|| {
            format!("migration {version} needs its rows in migrations/fixtures")
        })?;
        write(&db, migrate::render(&rows, db.dialect())).await?;
        db.close().await;
    }
    let before = open_at(&store, versions).await?;
    let content = content(&before).await?;
    ensure!(
        content.values().any(|(_, rows)| !rows.is_empty()),
        "the fixtures are empty"
    );
    before.close().await;

    let after = store.open().await?;
    for (table, (columns, rows)) in content {
        let now = select(&after, &table, &columns).await?;
        ensure!(
            now == rows,
            "{table} lost or changed rows:\n{rows:#?}\nbecame\n{now:#?}"
        );
    }
    after.close().await;
    Ok(())
}

async fn open_at(store: &Store, versions: &[u32]) -> Result<Db> {
    let mut options = Store::options();
    let known = migrate::all().iter().copied();
    let released: Vec<_> = known
        .filter(|known| versions.contains(&known.version))
        .collect();
    options.migrations = released.leak();
    store.open_with(options).await
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../migrations/fixtures")
}

async fn write(db: &Db, script: String) -> Result<()> {
    db.write(move |tx| {
        Box::pin(async move {
            for statement in script.split(";\n").filter(|text| !text.trim().is_empty()) {
                tx.execute(statement, params![]).await?;
            }
            Ok::<_, DbError>(())
        })
    })
    .await?;
    Ok(())
}

async fn content(db: &Db) -> Result<Content> {
    let columns = match db.dialect() {
        Dialect::Sqlite => {
            "SELECT m.name AS t, c.name AS c FROM sqlite_master m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'schema_migrations'
             ORDER BY m.name, c.cid"
        }
        Dialect::Postgres => {
            "SELECT table_name AS t, column_name AS c FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name <> 'schema_migrations'
             ORDER BY table_name, ordinal_position"
        }
    };
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in db.fetch_all(columns, params![]).await? {
        tables
            .entry(row.text("t")?)
            .or_default()
            .push(row.text("c")?);
    }
    let mut content = Content::new();
    for (table, columns) in tables {
        let rows = select(db, &table, &columns).await?;
        content.insert(table, (columns, rows));
    }
    Ok(content)
}

async fn select(db: &Db, table: &str, columns: &[String]) -> Result<Vec<String>> {
    let shown: Vec<_> = columns
        .iter()
        .map(|column| format!("COALESCE(CAST({column} AS TEXT), 'nothing')"))
        .collect();
    let sql = format!(
        "SELECT {} AS line FROM {table} ORDER BY 1",
        shown.join(" || ' | ' || ")
    );
    let rows = db.fetch_all(&sql, params![]).await?;
    Ok(rows
        .iter()
        .map(|row| row.text("line"))
        .collect::<Result<_, _>>()?)
}
