//! The larger set-up, checked as far as that goes without Docker: it is well formed, what it refers
//! to is there, and the binary understands each command and variable that it is given.

use std::collections::BTreeMap;
use std::process::Command;

use yaml_rust2::{Yaml, YamlLoader};

/// The image that our own Dockerfile builds.
const OURS: &str = "remit:local";

#[test]
fn the_binary_understands_every_command() {
    let mut roles = Vec::new();
    for (name, service) in services() {
        if service["image"].as_str() != Some(OURS) {
            continue;
        }
        let words = texts(&service["command"]);
        // `--help` last: what stands before it has to be understood first.
        let output = remit(&words, &environment(&service));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{name}: remit {}: {said}",
            words.join(" ")
        );
        roles.extend(words.first().cloned());
    }
    roles.sort();
    assert_eq!(roles, ["api", "sandbox", "worker"]);
}

/// The check above would not notice if `--help` were answered before anything else is read.
#[test]
fn the_binary_refuses_what_it_does_not_know() {
    assert!(
        !remit(&["api".into(), "--no-such-flag".into()], &BTreeMap::new())
            .status
            .success()
    );
    assert!(
        !remit(&["no-such-role".into()], &BTreeMap::new())
            .status
            .success()
    );
}

#[test]
fn the_binary_knows_every_variable() {
    let help = String::from_utf8(remit(&[], &BTreeMap::new()).stdout).unwrap();
    // It is wrapped to the width of the reader's terminal.
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    // A secret has no flag: the list of processes would show it.
    let known = |variable: &str| {
        variable == "REMIT_MASTER_KEY" || help.contains(&format!("[env: {variable}"))
    };
    for (name, service) in services() {
        let ours = environment(&service)
            .into_keys()
            .filter(|v| v.starts_with("REMIT_"));
        let unknown: Vec<_> = ours.filter(|variable| !known(variable)).collect();
        assert!(unknown.is_empty(), "{name}: {unknown:?}");
    }
}

#[test]
fn what_a_service_refers_to_is_there() {
    let services: BTreeMap<_, _> = services().into_iter().collect();
    let volumes = &compose()["volumes"];
    for (name, service) in &services {
        for dependency in keys(&service["depends_on"]) {
            let other = services.get(&dependency);
            let other = other.unwrap_or_else(|| panic!("{name} depends on {dependency}"));
            let condition = service["depends_on"][dependency.as_str()]["condition"].as_str();
            let checked = !other["healthcheck"].is_badvalue();
            assert!(
                checked || condition == Some("service_started"),
                "{name} → {dependency}"
            );
        }
        for volume in texts(&service["volumes"]) {
            let named = volume.split(':').next().unwrap();
            assert!(!volumes[named].is_badvalue(), "{name}: no volume {named}");
        }
    }
}

/// A host in an address is a service's name; in the machine's own network it is a published port.
#[test]
fn every_address_is_served_by_somebody() {
    let services = services();
    let published = services
        .iter()
        .flat_map(|(_, service)| texts(&service["ports"]));
    let published: Vec<_> = published.collect();
    let mut seen = 0;
    for (name, service) in &services {
        let words = texts(&service["command"]);
        // What a role listens on is served by itself.
        let pairs = words.windows(2).filter(|pair| !pair[0].ends_with("listen"));
        let asked = pairs
            .map(|pair| pair[1].clone())
            .chain(environment(service).into_values());
        for value in asked {
            let Some((host, port)) = address(&value) else {
                continue;
            };
            let there = match service["network_mode"].as_str() {
                Some("host") => published
                    .iter()
                    .any(|p| p.starts_with(&format!("{host}:{port}:"))),
                _ => services.iter().any(|(other, _)| other == host),
            };
            assert!(there, "{name}: nobody serves {value}");
            seen += 1;
        }
    }
    assert!(seen >= 6, "only {seen} addresses were found");
}

#[test]
fn nothing_is_open_to_other_machines() {
    for (name, service) in services() {
        for port in texts(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name} publishes {port}");
        }
    }
}

#[test]
fn images_are_named_by_version() {
    for (name, service) in services() {
        let image = service["image"]
            .as_str()
            .unwrap_or_else(|| panic!("{name} has no image"));
        let tag = image.split_once(':').map(|(_, tag)| tag);
        assert!(tag.is_some_and(|tag| tag != "latest"), "{name}: {image}");
    }
}

#[test]
fn the_dockerfile_builds_with_the_toolchain_of_the_manifest() {
    let manifest = crate::read(&crate::root().join("Cargo.toml"));
    let version = manifest
        .split("rust-version = \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let dockerfile = crate::read(&crate::root().join("Dockerfile"));
    assert!(dockerfile.contains(&format!("FROM rust:{version}-")));
    assert!(dockerfile.contains(&format!("RUSTUP_TOOLCHAIN={version}.")));
}

fn remit(words: &[String], environment: &BTreeMap<String, String>) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_remit"));
    command
        .args(words)
        .arg("--help")
        .envs(environment)
        .output()
        .unwrap()
}

fn compose() -> Yaml {
    let text = crate::read(&crate::root().join("docker-compose.yml"));
    YamlLoader::load_from_str(&text).unwrap().remove(0)
}

/// Every service by name, with what it takes over by `<<` filled in.
fn services() -> Vec<(String, Yaml)> {
    let compose = compose();
    let services = compose["services"].as_hash().unwrap();
    services
        .iter()
        .map(|(name, service)| (name.as_str().unwrap().into(), merged(service)))
        .collect()
}

fn merged(value: &Yaml) -> Yaml {
    let Some(map) = value.as_hash() else {
        return value.clone();
    };
    let base = merged(&value["<<"]);
    let mut whole = base.as_hash().cloned().unwrap_or_default();
    for (key, value) in map.iter().filter(|(key, _)| key.as_str() != Some("<<")) {
        whole.insert(key.clone(), merged(value));
    }
    Yaml::Hash(whole)
}

fn environment(service: &Yaml) -> BTreeMap<String, String> {
    let Some(map) = service["environment"].as_hash() else {
        return BTreeMap::new();
    };
    let text = |value: &Yaml| {
        value
            .as_str()
            .unwrap_or_else(|| panic!("{value:?} needs quotes"))
            .to_owned()
    };
    map.iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// Host and port of `host:port` or of a URL.
fn address(value: &str) -> Option<(&str, u16)> {
    let rest = value.rsplit_once("//").map_or(value, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let (host, port) = rest.split_once(':')?;
    let port = port.split('/').next()?.parse().ok()?;
    Some((host, port))
}

#[test]
fn finds_the_address() {
    assert_eq!(address("temporal:7233"), Some(("temporal", 7233)));
    assert_eq!(
        address("postgres://u:${P:-x}@postgres:5432/remit"),
        Some(("postgres", 5432))
    );
    assert_eq!(address("http://127.0.0.1:8090"), Some(("127.0.0.1", 8090)));
    assert_eq!(address("default"), None);
}

fn keys(map: &Yaml) -> Vec<String> {
    let keys = map.as_hash().into_iter().flat_map(|map| map.keys());
    keys.map(|key| key.as_str().unwrap().to_owned()).collect()
}

fn texts(list: &Yaml) -> Vec<String> {
    let items = list.as_vec().into_iter().flatten();
    items
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}
