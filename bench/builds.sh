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
    printf 'clean release build: %d s\n' \
        "$(seconds cargo build --release --locked --quiet --timings --target-dir "$target")"
    python3 - "$target" <<'PYTHON'
import glob, json, re, subprocess, sys

page = open(sorted(glob.glob(sys.argv[1] + "/cargo-timings/cargo-timing-*.html"))[-1]).read()
units = json.loads(re.search(r"const UNIT_DATA = (\[.*?\]);", page, re.S).group(1))
rooms = json.loads(subprocess.check_output(["cargo", "metadata", "--no-deps", "--format-version", "1"]))
rooms = {package["name"] for package in rooms["packages"]}
end = lambda units: max(unit["start"] + unit["duration"] for unit in units)
print(f"dependencies done after: {end([u for u in units if u['name'] not in rooms]):.0f} s, our own rooms among them")
print("slowest, in seconds:")
for unit in sorted(units, key=lambda unit: -unit["duration"])[:12]:
    print(f"  {unit['duration']:5.1f}  {unit['name']} {unit['target'].strip()}")
PYTHON
fi
if [ "$what" != release ]; then
    cargo build --quiet
    for room in */src/lib.rs src/main.rs; do
        touch "$room"
        printf 'debug rebuild after touching %-22s %3d s\n' "$room" "$(seconds cargo build --quiet)"
    done
fi
