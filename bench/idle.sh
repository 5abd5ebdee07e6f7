#!/usr/bin/env bash
# What open workflows that do nothing cost: memory each at 100,000, and the time to open a store
# that holds a million. Usage: bench/idle.sh [OPEN] [STORED]. Filling the store takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
open=${1:-100000}
stored=${2:-1000000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo build --release --quiet -p engine --example idle
idle=$PWD/target/release/examples/idle
printf '=== %s open workflows\n' "$open"
"$idle" "$work/engine.db" "$open"
printf '=== %s open workflows\n' "$stored"
"$idle" "$work/engine.db" "$stored"
