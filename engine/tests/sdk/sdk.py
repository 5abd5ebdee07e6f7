"""The SDK's test program: its sources out of Cargo's registry, its manifest mended, built."""

import json
import os
import pathlib
import shutil
import subprocess
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[3]
ROOM = ROOT / "target" / "sdk-tests"
SOURCES = ROOM / "sources"
BUILD = os.environ.get("CARGO", "cargo")
PACKAGE = "temporalio-sdk-core"
FEATURES = "temporalio-common/serde_serialize,test-utilities,ephemeral-server,temporalio-sdk-core/otel"

# What the authors' own workspace adds: the SDK's worker, and `std` of uuid. The package patches
# itself into its own dependencies, or the worker would be built on another copy of it. Nobody
# steps through dependencies here, so nobody pays for their debug info.
ADDED = """
[dev-dependencies.temporalio-sdk]
version = "~1.1.1"
features = ["experimental", "opentelemetry", "testing"]

[dev-dependencies.temporalio-common]
version = "~1.1.1"
default-features = false
features = ["vendored-protox"]

[dev-dependencies.uuid]
version = "1.18"
features = ["std"]

[workspace]

[patch.crates-io]
temporalio-sdk-core = { path = "." }

[profile.dev]
debug = false
incremental = false
"""
# Replaced above, or of use only to benchmarks and to tests of macros.
DROPPED = ["temporalio-common", "criterion", "trybuild"]


class Tests:
    def __init__(self, executable):
        self.executable = executable

    @classmethod
    def build(cls):
        unpack()
        # A lock file of its own, begun with the versions that the workspace has.
        if not (SOURCES / "Cargo.lock").exists():
            shutil.copy(ROOT / "Cargo.lock", SOURCES)
        built = cargo(
            ["build", "--message-format", "json-render-diagnostics", "--test", "integ_tests", "--features", FEATURES],
            cwd=SOURCES,
            env={**os.environ, "CARGO_TARGET_DIR": str(ROOM / "target")},
        )
        for line in built.splitlines():
            message = json.loads(line)
            if message.get("executable") and message["target"]["name"] == "integ_tests":
                return cls(message["executable"])
        raise SystemExit("cargo built no test program")

    def names(self):
        """Every test but those that the SDK's authors ignore."""
        listing = [self.executable, "--list", "--format", "terse"]
        all_of_them = listed(subprocess.run(listing, check=True, capture_output=True, text=True))
        ignored = subprocess.run([*listing, "--ignored"], check=True, capture_output=True, text=True)
        return [name for name in all_of_them if name not in listed(ignored)]


def listed(run):
    return [line.removesuffix(": test") for line in run.stdout.splitlines() if line.endswith(": test")]


def cargo(command, **more):
    program = BUILD if command[0] == "build" else "cargo"
    run = subprocess.run([program, *command], stdout=subprocess.PIPE, text=True, **more)
    if run.returncode:
        raise SystemExit(f"cargo {command[0]} failed")
    return run.stdout


def package(name):
    """Where Cargo keeps the sources of a package of this workspace, and its version."""
    metadata = json.loads(cargo(["metadata", "--format-version", "1", "--locked"], cwd=ROOT))
    for found in metadata["packages"]:
        if found["name"] == name:
            return pathlib.Path(found["manifest_path"]).parent, found["version"]
    raise SystemExit(f"the workspace does not depend on {name}")


def unpack():
    source, version = package(PACKAGE)
    mark = SOURCES / ".unpacked"
    if mark.exists() and mark.read_text() == version + ADDED:
        return
    shutil.rmtree(SOURCES, ignore_errors=True)
    shutil.copytree(source, SOURCES, ignore=shutil.ignore_patterns("Cargo.lock", "Cargo.toml.orig"))
    manifest = SOURCES / "Cargo.toml"
    text = without_tables(manifest.read_text(), {f"[dev-dependencies.{name}]" for name in DROPPED})
    tomllib.loads(text + ADDED)
    manifest.write_text(text + ADDED)
    mark.write_text(version + ADDED)


def without_tables(manifest, headers):
    kept, dropping = [], False
    for line in manifest.splitlines(keepends=True):
        if line.startswith("["):
            dropping = line.strip() in headers
        if not dropping:
            kept.append(line)
    return "".join(kept)
