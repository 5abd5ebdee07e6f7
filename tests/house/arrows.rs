//! Which room may know which. Arrows only point downwards, and none is drawn that is not used.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Every room with the rooms it depends on, lower rooms first. A new arrow is a decision: it is
/// written here, and only to a room above in this table.
const ARROWS: &[(&str, &[&str])] = &[
    ("ambient", &[]),
    ("domain", &["ambient"]),
    ("vault", &["ambient"]),
    ("db", &["ambient"]),
    ("ledger", &["ambient", "db", "domain", "vault"]),
    ("audit", &["ambient", "db", "domain", "ledger"]),
    ("identity", &["ambient", "db", "domain", "ledger", "vault"]),
    (
        "transfers",
        &["ambient", "db", "domain", "identity", "ledger", "vault"],
    ),
    ("rails", &["ambient", "db", "domain"]),
    ("inbox", &["ambient", "db", "domain", "transfers", "vault"]),
    ("workflows", &["domain"]),
    ("adapters", &["domain"]),
    (
        "activities",
        &[
            "adapters",
            "ambient",
            "audit",
            "domain",
            "identity",
            "inbox",
            "rails",
            "transfers",
            "workflows",
        ],
    ),
    ("sandbox", &["ambient"]),
    ("engine", &["ambient"]),
    ("engine-bench", &["engine"]),
    (
        "ledger-bench",
        &[
            "ambient",
            "db",
            "domain",
            "identity",
            "ledger",
            "transfers",
            "vault",
        ],
    ),
    ("temporal", &["domain", "vault", "workflows"]),
    (
        "worker",
        &[
            "activities",
            "ambient",
            "domain",
            "inbox",
            "rails",
            "temporal",
            "transfers",
            "workflows",
        ],
    ),
    (
        "api",
        &[
            "ambient",
            "db",
            "domain",
            "identity",
            "inbox",
            "ledger",
            "rails",
            "transfers",
        ],
    ),
    (
        "console",
        &["api", "domain", "identity", "ledger", "transfers"],
    ),
    (
        "proof",
        &[
            "activities",
            "adapters",
            "ambient",
            "audit",
            "db",
            "domain",
            "engine",
            "identity",
            "inbox",
            "ledger",
            "sandbox",
            "temporal",
            "transfers",
            "vault",
            "worker",
            "workflows",
        ],
    ),
    ("testkit", &["ambient"]),
    (
        "remit",
        &[
            "activities",
            "adapters",
            "ambient",
            "api",
            "audit",
            "console",
            "db",
            "domain",
            "engine",
            "identity",
            "inbox",
            "ledger",
            "rails",
            "sandbox",
            "temporal",
            "transfers",
            "vault",
            "worker",
        ],
    ),
];

#[test]
fn the_arrows_are_those_of_the_table() {
    let row = |room: &str, below: &[String]| format!("{room} → {}", below.join(", "));
    let table: BTreeSet<String> = ARROWS
        .iter()
        .map(|(room, below)| {
            row(
                room,
                &below.iter().map(|b| (*b).to_owned()).collect::<Vec<_>>(),
            )
        })
        .collect();
    let real = arrows(&SHIPPED)
        .iter()
        .map(|(room, below)| row(room, below))
        .collect();
    let new: Vec<_> = table.symmetric_difference(&real).cloned().collect();
    assert!(
        new.is_empty(),
        "the table and the manifests differ:\n{}",
        new.join("\n")
    );
}

#[test]
fn arrows_only_point_downwards() {
    for (height, (room, below)) in ARROWS.iter().enumerate() {
        for other in *below {
            let lower = ARROWS.iter().position(|(name, _)| name == other);
            assert!(
                lower.is_some_and(|lower| lower < height),
                "{room} → {other}"
            );
        }
    }
}

#[test]
fn testkit_is_for_tests_only() {
    for (room, below) in arrows(&SHIPPED) {
        assert!(
            !below.contains(&"testkit".to_owned()),
            "{room} ships testkit"
        );
    }
}

#[test]
fn a_room_is_named_as_its_folder() {
    for package in packages() {
        let manifest = package["manifest_path"].as_str().unwrap();
        let folder = std::path::Path::new(manifest).parent().unwrap();
        if folder != crate::root() {
            let folder = folder.file_name().unwrap().to_str().unwrap();
            assert_eq!(package["name"], folder);
        }
    }
}

/// The kinds of dependency that are part of the product: not those of its tests.
const SHIPPED: [Option<&str>; 2] = [None, Some("build")];

/// Room → rooms, for the given kinds of dependency.
fn arrows(kinds: &[Option<&str>]) -> BTreeMap<String, Vec<String>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        let ours = all.filter(|d| d.get("path").is_some() && kinds.contains(&d["kind"].as_str()));
        let mut below: Vec<_> = ours.map(|dependency| text(&dependency["name"])).collect();
        below.sort();
        below
    };
    let packages = packages();
    packages
        .iter()
        .map(|package| (text(&package["name"]), of(package)))
        .collect()
}

fn packages() -> Vec<Value> {
    let metadata = crate::cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}
