//! Tenants first: every business table begins with `partner_id, livemode`, and so does each of
//! its unique keys, so that no row can be found or refused because of another tenant's.
#![allow(clippy::unwrap_used)]

mod both;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use both::{Store, each};
use db::{Db, Dialect, params};

fn main() -> ExitCode {
    let mut trials = Vec::new();
    trials.extend(each("tenants_come_first", tenants_come_first));
    testkit::main(trials)
}

const SCOPE: [&str; 2] = ["partner_id", "livemode"];

/// Tables without a tenant, each with its reason.
const NO_TENANT: &[(&str, &str)] = &[
    (
        "lanes",
        "a lane of the chain belongs to a writer, which serves all tenants",
    ),
    (
        "rail_breakers",
        "a breaker is of a process and a rail, which all tenants share",
    ),
    (
        "rail_changes",
        "who paused or limited a rail, which all tenants share",
    ),
    (
        "rail_messages",
        "what a bank says names our reference and no tenant; whose it is is written beside it once \
         the step is found, and nobody's until then",
    ),
    (
        "rail_statements",
        "how far a rail's statement was read; all tenants share the rail",
    ),
    (
        "rails",
        "whether a rail is paused or limited; all tenants share it",
    ),
    (
        "schema_migrations",
        "describes the database itself, which all tenants share",
    ),
];

/// Unique keys (table and columns) that do not begin with the tenant, each with its reason.
const KEYS_WITHOUT_TENANT: &[(&str, &str, &str)] = &[(
    "entries",
    "lane, position",
    "a lane of the chain runs through all tenants; no row is ever refused for another tenant's",
)];

async fn tenants_come_first(store: Store) -> Result<()> {
    let db = store.open().await?;
    let tables = grouped(&db, columns(db.dialect())).await?;
    let keys = grouped(&db, unique_keys(db.dialect())).await?;
    ensure!(tables.len() > 3, "the query for tables found {tables:?}");
    ensure!(
        keys.len() >= tables.len(),
        "the query for keys found {keys:?}"
    );

    let exempt: BTreeSet<_> = NO_TENANT.iter().map(|(table, _)| *table).collect();
    let mut wrong = Vec::new();
    for ((table, _), columns) in &tables {
        if !exempt.contains(table.as_str()) && !columns.starts_with(&SCOPE.map(String::from)) {
            wrong.push(format!("table {table} begins with {columns:?}"));
        }
    }
    let mut used = BTreeSet::new();
    for ((table, _), columns) in &keys {
        if exempt.contains(table.as_str()) || columns.starts_with(&SCOPE.map(String::from)) {
            continue;
        }
        let shown = columns.join(", ");
        let known = |(t, c, _): &&(&str, &str, &str)| t == table && *c == shown;
        match KEYS_WITHOUT_TENANT.iter().find(known) {
            Some(exemption) => drop(used.insert(*exemption)),
            None => wrong.push(format!("unique key of {table} is ({shown})")),
        }
    }
    // An exemption that nobody needs would hide the next mistake.
    for exemption in KEYS_WITHOUT_TENANT
        .iter()
        .filter(|exemption| !used.contains(*exemption))
    {
        wrong.push(format!("exemption without use: {exemption:?}"));
    }
    let existing: BTreeSet<_> = tables.keys().map(|(table, _)| table.as_str()).collect();
    for table in exempt.difference(&existing) {
        wrong.push(format!("exemption without a table: {table}"));
    }
    ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

/// Column names in order, by table and key.
async fn grouped(db: &Db, sql: &str) -> Result<BTreeMap<(String, String), Vec<String>>> {
    let mut groups: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for row in db.fetch_all(sql, params![]).await? {
        let group = (row.text("t")?, row.text("k")?);
        groups.entry(group).or_default().push(row.text("c")?);
    }
    Ok(groups)
}

const fn columns(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => {
            "SELECT m.name AS t, '' AS k, c.name AS c FROM sqlite_master m
             JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid"
        }
        Dialect::Postgres => {
            "SELECT table_name AS t, '' AS k, column_name AS c FROM information_schema.columns
             WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"
        }
    }
}

/// On SQLite an integer primary key is the table itself and no index: it is read from the columns.
const fn unique_keys(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => {
            "SELECT t, k, c FROM (
                 SELECT m.name AS t, l.name AS k, i.seqno AS n, i.name AS c FROM sqlite_master m
                 JOIN pragma_index_list(m.name) l JOIN pragma_index_info(l.name) i
                 WHERE m.type = 'table' AND l.\"unique\" = 1
                 UNION ALL
                 SELECT m.name, 'primary', c.pk, c.name FROM sqlite_master m
                 JOIN pragma_table_info(m.name) c
                 WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND c.pk > 0
             ) AS keys ORDER BY t, k, n"
        }
        Dialect::Postgres => {
            "SELECT r.relname AS t, x.relname AS k, a.attname AS c
             FROM pg_index i
             JOIN pg_class r ON r.oid = i.indrelid
             JOIN pg_class x ON x.oid = i.indexrelid
             JOIN pg_namespace s ON s.oid = r.relnamespace AND s.nspname = current_schema()
             CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS part (attnum, n)
             JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = part.attnum
             WHERE i.indisunique ORDER BY r.relname, x.relname, part.n"
        }
    }
}
