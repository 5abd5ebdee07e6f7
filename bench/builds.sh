#!/usr/bin/env bash
# How long building takes: a clean release build (dependencies apart), and a debug rebuild after
# touching each room. Usage: bench/builds.sh [release|rooms]; without a word, both.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-both}

seconds() {
    local began=$SECONDS
    "$@"
    echo $((SECONDS - began))
}

if [ "$what" != rooms ]; then
    target=$(mktemp -d)
    trap 'rm -rf "$target"' EXIT
    printf 'clean release build: %d s\n' "$(seconds cargo build --release --locked --quiet --timings --target-dir "$target")"
    printf 'slowest crates, in seconds:\n'
    grep -o '"name":"[^"]*","version":"[^"]*","mode":"[^"]*","target":"[^"]*","features":[^]]*\],"start":[0-9.]*,"duration":[0-9.]*' \
        "$target"/cargo-timings/cargo-timing.html |
        sed -E 's/"name":"([^"]*)".*"mode":"([^"]*)".*"duration":([0-9.]*)/\3 \1 (\2)/' | sort -rn | head -12
fi
if [ "$what" != release ]; then
    cargo build --quiet
    for room in */src/lib.rs src/main.rs; do
        touch "$room"
        printf 'debug rebuild after touching %-22s %3d s\n' "$room" "$(seconds cargo build --quiet)"
    done
fi
