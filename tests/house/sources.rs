//! What the source itself must look like.

use std::path::{Path, PathBuf};

/// Past this a file has more than one idea.
const LONGEST_FILE: usize = 400;

#[test]
fn no_file_is_too_long_to_read() {
    let long = sources()
        .into_iter()
        .filter(|file| crate::short(file).contains("src/"));
    none(long.filter(|file| crate::read(file).lines().count() > LONGEST_FILE));
}

#[test]
fn every_file_begins_with_what_lives_there() {
    let begins = |file: &PathBuf| {
        let text = crate::read(file);
        let mut lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with("#!["));
        lines.next().is_some_and(|line| line.starts_with("//! "))
    };
    none(sources().into_iter().filter(|file| !begins(file)));
}

/// Money is whole minor units: where it is counted there is no float at all, in no signature and
/// in no body.
#[test]
fn no_float_where_money_is_counted() {
    for room in ["domain", "ledger", "transfers", "workflows", "activities"] {
        let float = |word: &str| matches!(word, "f32" | "f64");
        none(
            crate::files(room, "rs")
                .into_iter()
                .filter(|file| names(file, float)),
        );
    }
}

#[test]
fn the_engine_never_says_payment() {
    let says = |file: &PathBuf| crate::read(file).to_lowercase().contains("payment");
    none(crate::files("engine", "rs").into_iter().filter(says));
}

/// A pure core is handed the time; nothing in it waits or draws.
#[test]
fn workflows_and_the_engines_core_ask_nobody_for_time_or_luck() {
    for room in ["workflows/src", "engine/src/core"] {
        let asks = |word: &str| matches!(word, "SystemClock" | "SystemTime" | "Instant" | "Mint");
        none(
            crate::files(room, "rs")
                .into_iter()
                .filter(|file| names(file, asks)),
        );
    }
}

/// A hash map is walked in another order each time; what decides must not notice.
#[test]
fn workflows_and_the_engines_core_keep_what_they_walk_in_order() {
    // The messages of the protocol have hash maps; this is where they are sorted.
    let door = "engine/src/core/fold.rs";
    for room in ["workflows/src", "engine/src/core"] {
        let hashes = |word: &str| matches!(word, "HashMap" | "HashSet");
        let inside = crate::files(room, "rs")
            .into_iter()
            .filter(|file| crate::short(file) != door);
        none(inside.filter(|file| names(file, hashes)));
    }
}

fn none(offenders: impl Iterator<Item = PathBuf>) {
    let offenders: Vec<_> = offenders.map(|file| crate::short(&file)).collect();
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
}

fn sources() -> Vec<PathBuf> {
    let all = crate::files("", "rs");
    assert!(!all.is_empty());
    all
}

/// Whether a word of the source, comments aside, is such a one.
fn names(file: &Path, such: impl Fn(&str) -> bool) -> bool {
    let text = crate::read(file);
    let code = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or(""));
    let mut words = code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'));
    words.any(such)
}
