#!/usr/bin/env bash
# From the start of the program to its first accepted transfer, on an existing data directory, and
# the memory it holds when idle. Usage: bench/start.sh [RUNS]; builds the release binary first, or
# measures the one that BINARY names.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-9}
binary=${BINARY:-$PWD/target/release/remit}
[ -n "${BINARY:-}" ] || cargo build --release --quiet
work=$(mktemp -d)
pid=
cleanup() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
port=$((20000 + RANDOM % 20000))
args=(--data-dir "$work/data" --listen "127.0.0.1:$port" --engine-listen 127.0.0.1:0 --sandbox-listen 127.0.0.1:0)

stop() {
    kill "$pid"
    wait "$pid" || true
    pid=
}

# The first start creates everything and prints a body that the next ones send.
"$binary" "${args[@]}" >"$work/banner" &
pid=$!
until grep -q '"destination"' "$work/banner"; do sleep 0.05; done
body=$(sed -n "/-d '/,/}}'/p" "$work/banner" | sed "s/.*-d '//; s/'\$//")
. "$work/data/sandbox.env"
sleep 5 # the sample transfers are done
stop

accept() {
    curl -s -o /dev/null -w '%{http_code}' "$REMIT_URL/v1/transfers" \
        -H "Authorization: Bearer $REMIT_API_KEY" -H "Idempotency-Key: start-$1" \
        -H 'Content-Type: application/json' -d "$body" || true
}

times=()
for run in $(seq "$runs"); do
    began=$(date +%s%N)
    "$binary" "${args[@]}" >/dev/null &
    pid=$!
    until [ "$(accept "$run")" = 202 ]; do :; done
    times+=($((($(date +%s%N) - began) / 1000000)))
    [ "$run" -lt "$runs" ] && stop
done
sleep 20
idle=$(awk '/^VmRSS/ {print int($2 / 1024)}' "/proc/$pid/status")
stop
sorted=($(printf '%s\n' "${times[@]}" | sort -n))
printf 'start to first accepted transfer: median %d ms, slowest %d ms of %d\n' \
    "${sorted[$((runs / 2))]}" "${sorted[-1]}" "$runs"
printf 'memory when idle: %d MB resident\n' "$idle"
