#!/usr/bin/env bash
# Throughput over a store that holds many closed workflows, beside an empty one, and the disk that a
# closed workflow takes. Usage: bench/closed.sh [CLOSED] [ROUNDS]; a million takes some ten minutes.
# STORE names a directory to keep the filled store in, and to find it again.
set -euo pipefail
cd "$(dirname "$0")/.."
closed=${1:-1000000}
rounds=${2:-3}
work=$(mktemp -d)
store=${STORE:-$work/filled}
trap 'rm -rf "$work"' EXIT
cargo build --release --quiet -p engine-bench
bench=$PWD/target/release/engine-bench
mkdir -p "$store"
if [ ! -e "$store/engine.db" ]; then
    printf '=== filling\n'
    "$bench" --path "$store/engine.db" --count "$closed"
fi
for round in $(seq "$rounds"); do
    printf '=== round %d: empty\n' "$round"
    "$bench" --path "$work/empty.db" --count 20000 | tee -a "$work/empty"
    rm -f "$work"/empty.db*
    printf '=== round %d: %s closed\n' "$round" "$closed"
    "$bench" --path "$store/engine.db" --count 20000 | tee -a "$work/full"
done
for name in empty full; do
    printf '%-6s median %s/s of %s\n' "$name" \
        "$(sed -n 's/^rate: \([0-9]*\).*/\1/p' "$work/$name" | sort -n | sed -n "$((rounds / 2 + 1))p")" \
        "$(sed -n 's/^rate: \([0-9]*\).*/\1/p' "$work/$name" | tr '\n' ' ')"
done
