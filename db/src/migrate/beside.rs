//! Indexes that PostgreSQL builds beside whoever writes: on tables that are large and in use when the
//! migration comes. `CREATE INDEX` keeps every writer waiting for as long as it reads the table;
//! `CREATE INDEX CONCURRENTLY` does not, but it cannot be part of a transaction.
//!
//! So such a statement is left out of its migration, and the index is built after it. Whoever was
//! interrupted there finds it missing or unfinished at the next start and builds it then: it is
//! looked for at every start. On a database that is new, and on SQLite, nothing is different.

use super::{Migration, render};
use crate::connection::Connection;
use crate::{DbError, Dialect, params};

/// By name. None of them may be unique: until one is built nothing depends on it but speed.
const BESIDE: [&str; 3] = [
    "quotes_untaken",
    "rail_attempts_by_bank_reference",
    "rail_attempts_by_step",
];

/// The migration's text without them.
pub(super) fn without(text: &str) -> String {
    BESIDE.iter().fold(text.to_owned(), |text, name| {
        match statement(&text, name).map(str::to_owned) {
            Some(found) => text.replacen(&found, "", 1),
            None => text,
        }
    })
}

/// Builds what is missing.
pub(super) async fn build(
    connection: &mut Connection,
    migrations: &[Migration],
) -> Result<(), DbError> {
    let found = connection
        .fetch_all(
            "SELECT c.relname AS name, CASE WHEN i.indisvalid THEN 1 ELSE 0 END::BIGINT AS whole
             FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                 JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = current_schema()",
            params![],
        )
        .await?;
    for name in BESIDE {
        let texts = migrations
            .iter()
            .map(|migration| render(migration.sql, Dialect::Postgres));
        let Some(wanted) = texts
            .into_iter()
            .find_map(|text| statement(&text, name).map(str::to_owned))
        else {
            continue;
        };
        let mut whole = None;
        for row in &found {
            if row.text("name")? == name {
                whole = Some(row.int("whole")? == 1);
            }
        }
        if whole == Some(true) {
            continue;
        }
        // As long as it takes: nobody waits for it but this start.
        connection.script("SET statement_timeout = 0").await?;
        if whole == Some(false) {
            let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {name}");
            connection.script(&drop).await?;
        }
        let beside = wanted.replacen("CREATE INDEX ", "CREATE INDEX CONCURRENTLY ", 1);
        connection.script(beside.trim_end_matches(';')).await?;
        connection.script("RESET statement_timeout").await?;
        tracing::info!(index = name, "built an index beside the writers");
    }
    Ok(())
}

/// From `CREATE INDEX <name>` to its semicolon.
fn statement<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let start = text
        .match_indices("CREATE INDEX ")
        .map(|(start, _)| start)
        .find(|start| {
            let mut words = text[*start..].split_whitespace().skip(2);
            words.next() == Some(name)
        })?;
    let length = text[start..].find(';')? + 1;
    Some(&text[start..start + length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_them_stands_in_one_migration_and_is_left_out_of_it() {
        for name in BESIDE {
            let holding: Vec<_> = super::super::all()
                .iter()
                .filter(|migration| statement(migration.sql, name).is_some())
                .collect();
            assert_eq!(holding.len(), 1, "{name}");
            for migration in holding {
                let rest = without(migration.sql);
                assert!(statement(&rest, name).is_none(), "{name}");
                let found = statement(migration.sql, name).unwrap();
                assert_eq!(rest.len() + found.len(), migration.sql.len());
            }
        }
    }
}
