//! Only the ledger writes the book. The other rooms say what should happen; they hold no SQL that
//! changes an account, an entry or a posting.

use std::collections::BTreeSet;

/// Rooms with a store of their own, that no connection to ours can reach (`tree.rs` proves it).
const OWN_STORE: &[&str] = &["engine", "sandbox"];

/// This search, whose examples it would find.
const ITSELF: &str = "tests/house/books.rs";

#[test]
fn only_the_ledger_writes_its_tables() {
    let tables = tables_of_the_ledger();
    for file in crate::files("", "rs") {
        let name = crate::short(&file);
        let room = name.split('/').next().unwrap();
        if room == "ledger" || OWN_STORE.contains(&room) || name == ITSELF {
            continue;
        }
        for table in written_tables(&crate::read(&file)) {
            assert!(
                !tables.contains(&table),
                "{name} writes the ledger's table {table}"
            );
        }
    }
}

/// Entries of any legs are for the tests of the rules alone.
#[test]
fn entries_are_made_by_templates() {
    let free = format!("Entry::{}(", "free");
    for file in crate::files("", "rs") {
        let name = crate::short(&file);
        let of_the_ledger = name.starts_with("ledger/tests/") || name.starts_with("bench/");
        assert!(
            of_the_ledger || !crate::read(&file).contains(&free),
            "{name} posts an entry that no template makes"
        );
    }
    let tests = crate::files("ledger/tests", "rs");
    assert!(tests.iter().any(|file| crate::read(file).contains(&free)));
}

/// The ledger itself is found by the same search: otherwise the test above would prove nothing.
#[test]
fn the_ledger_does_write_them() {
    let sources = crate::files("ledger/src", "rs");
    let written: BTreeSet<_> = sources
        .iter()
        .flat_map(|file| written_tables(&crate::read(file)))
        .collect();
    for table in tables_of_the_ledger() {
        assert!(written.contains(&table), "nobody writes {table}");
    }
}

#[test]
fn finds_what_a_text_writes() {
    let written = |sql: &str| {
        written_tables(sql)
            .into_iter()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        written(r#""INSERT INTO entries (id)" "update\n accounts set x""#),
        "accounts entries"
    );
    assert_eq!(written(r#""DELETE FROM \" postings""#), "postings");
    assert_eq!(written("SELECT a FROM entries FOR UPDATE"), "");
    assert_eq!(written(r#"Form::inserts( "holds", &["#), "holds");
}

fn tables_of_the_ledger() -> BTreeSet<String> {
    let migrations = crate::files("migrations", "sql");
    let of_the_ledger = migrations
        .iter()
        // The ledger's numbers, as the migrations' README gives them.
        .filter(|file| crate::short(file).starts_with("migrations/000"));
    let tables: BTreeSet<_> = of_the_ledger
        .flat_map(|file| created_tables(&crate::read(file)))
        .collect();
    for table in ["postings", "holds"] {
        assert!(
            tables.contains(table),
            "the ledger's migrations are not where they were"
        );
    }
    tables
}

fn created_tables(sql: &str) -> Vec<String> {
    let words = words(sql);
    let after = words
        .windows(3)
        .filter(|w| w[0] == "create" && w[1] == "table");
    after.map(|w| w[2].clone()).collect()
}

fn written_tables(text: &str) -> BTreeSet<String> {
    let words = words(text);
    let written = words
        .windows(3)
        .filter_map(|w| match (w[0].as_str(), w[1].as_str()) {
            ("insert", "into") | ("delete", "from") | ("form", "inserts" | "updates") => {
                Some(&w[2])
            }
            ("update", _) if w[2] == "set" || w[2] == "as" => Some(&w[1]),
            _ => None,
        });
    written.cloned().collect()
}

/// Lower-case words, whatever quotes, line ends and escapes stand between them.
fn words(text: &str) -> Vec<String> {
    let text = text.replace("\\n", " ").to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}
