//! What a room can reach at all, through everything it depends on.

use std::collections::BTreeSet;

/// Who could open a connection, a file of a database, or a listening socket.
const IO: &[&str] = &[
    "axum",
    "h2",
    "hyper",
    "hyper-util",
    "libsqlite3-sys",
    "reqwest",
    "ring",
    "rusqlite",
    "rustls",
    "sqlx",
    "sqlx-core",
    "temporalio-client",
    "temporalio-sdk",
    "temporalio-sdk-core",
];

/// A workflow decides and does nothing. The SDK's workflow crate itself brings the message types
/// of tonic (without its transport) and parts of tokio: neither can be listed under `IO`, so the
/// next test says that nothing here names them.
#[test]
fn workflows_reach_no_io() {
    reaches_none("workflows", IO);
}

#[test]
fn workflows_name_neither_tokio_nor_tonic() {
    names_none(
        "workflows",
        &["tokio", "tonic", "reqwest", "sqlx", "hyper", "axum"],
    );
}

#[test]
fn the_domain_reaches_no_sdk_no_sql_no_http() {
    reaches_none("domain", IO);
    reaches_none(
        "domain",
        &["http", "prost", "temporalio-workflow", "tonic", "tracing"],
    );
    names_none("domain", &["getrandom", "tokio"]);
}

#[test]
fn the_engine_knows_no_business() {
    let rooms = [
        "domain",
        "ledger",
        "transfers",
        "workflows",
        "activities",
        "adapters",
    ];
    reaches_none("engine", &rooms);
    reaches_none(
        "engine",
        &["temporalio-sdk", "temporalio-sdk-core", "sqlx-core"],
    );
}

#[test]
fn the_sandbox_has_its_own_books() {
    reaches_none("sandbox", &["db", "domain", "ledger", "transfers"]);
}

#[test]
fn banks_know_no_workflows() {
    reaches_none(
        "adapters",
        &["temporalio-sdk", "temporalio-workflow", "workflows"],
    );
}

#[test]
fn one_crypto_provider_in_the_whole_process() {
    let lock = crate::read(&crate::root().join("Cargo.lock"));
    for banned in [
        "aws-lc-rs",
        "aws-lc-sys",
        "native-tls",
        "openssl",
        "openssl-sys",
    ] {
        let entry = format!("name = \"{banned}\"\n");
        assert!(!lock.contains(&entry), "{banned} is in Cargo.lock");
    }
}

fn reaches_none(room: &str, banned: &[&str]) {
    lists_none(room, "255", banned);
}

/// The room's own manifest, without what is for its tests.
fn names_none(room: &str, banned: &[&str]) {
    lists_none(room, "1", banned);
}

fn lists_none(room: &str, depth: &str, banned: &[&str]) {
    let which = [
        "tree",
        "--package",
        room,
        "--edges",
        "normal,build",
        "--depth",
        depth,
    ];
    let shape = ["--prefix", "none", "--format", "{p}"];
    let tree = crate::cargo(&[&which[..], &shape[..]].concat());
    let listed: BTreeSet<_> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    // Without this a misspelt room or a changed output would prove anything.
    assert!(
        listed.contains(room),
        "{room} is not in its own tree: {tree}"
    );
    for name in banned {
        assert!(
            !listed.contains(name),
            "{room} has {name} within depth {depth}"
        );
    }
}
