#!/usr/bin/env bash
# How many workflows per second, ours beside its peers in one run: the engine in this process and
# over TCP, Temporal's dev server on a database file, Restate. Prints each measurement and a table
# of medians with ratios.
#
# Usage: bench/engine.sh [ROUNDS]     rounds of everything, alternating; 3 unless told
#   COUNT=20000        workflows of a measurement (the dev server gets a fortieth)
#   IN_FLIGHT=200      at the same time
#   PEERS="temporal restate"   which peers; what is missing is said and skipped
# Restate's server comes from npm (@restatedev/restate-server) into target/, once.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-3}
count=${COUNT:-20000}
in_flight=${IN_FLIGHT:-200}
peers=${PEERS-temporal restate}
restate_version=1.7.12
work=$(mktemp -d)
started=()

cleanup() {
    [ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT

cargo build --release --quiet -p engine-bench
bench=$PWD/target/release/engine-bench

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

wait_for() {
    local port=$1
    for _ in $(seq 300); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
        sleep 0.1
    done
    echo "nothing listens on port $port" >&2
    return 1
}

stop() {
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# A measurement's lines are shown, and its rate and median latency kept under its name.
keep() {
    local name=$1
    tee "$work/last" | sed 's/^/    /'
    printf '%s %s %s\n' "$name" "$(sed -n 's/^rate: \([0-9]*\).*/\1/p' "$work/last")" \
        "$(sed -n 's/^latency ms: p50 \([0-9.]*\).*/\1/p' "$work/last")" >>"$work/rates"
}

ours() {
    printf '%s\n' "$1"
    shift
    "$bench" --path "$work/engine.db" "$@" | keep "$name"
    rm -f "$work"/engine.db*
}

temporal_peer() {
    printf 'Temporal dev server, database file (%s)\n' "$(temporal --version)"
    local port
    port=$(free_port)
    temporal server start-dev --headless --ip 127.0.0.1 --port "$port" \
        --db-filename "$work/temporal.db" --log-level error >"$work/temporal.log" 2>&1 &
    local pid=$!
    started+=("$pid")
    wait_for "$port"
    # It answers before its default namespace does.
    for _ in $(seq 100); do
        temporal operator namespace describe default --address "127.0.0.1:$port" \
            >/dev/null 2>&1 && break
        sleep 0.1
    done
    "$bench" --target server --address "127.0.0.1:$port" --in-flight "$in_flight" \
        --count $((count / 40)) | keep temporal
    stop "$pid"
    rm -f "$work"/temporal.db*
}

restate_peer() {
    local root=$PWD/target/restate
    if [ ! -x "$root/node_modules/.bin/restate-server" ]; then
        mkdir -p "$root"
        npm install --silent --no-fund --no-audit --prefix "$root" \
            "@restatedev/restate-server@$restate_version"
    fi
    CARGO_TARGET_DIR=$PWD/target/restate-peer \
        cargo build --release --quiet --manifest-path bench/restate-peer/Cargo.toml
    printf 'Restate %s, its defaults (each append is synced)\n' "$restate_version"
    local ingress admin node
    ingress=$(free_port) admin=$(free_port) node=$(free_port)
    RESTATE_INGRESS__BIND_PORT=$ingress RESTATE_ADMIN__BIND_PORT=$admin RESTATE_BIND_PORT=$node \
        RESTATE_LISTEN_MODE=tcp RESTATE_BASE_DIR=$work/restate RESTATE_LOG_FILTER=warn \
        DO_NOT_TRACK=1 "$root/node_modules/.bin/restate-server" --bind-ip 127.0.0.1 --no-logo \
        >"$work/restate.log" 2>&1 &
    local pid=$!
    started+=("$pid")
    wait_for "$ingress"
    wait_for "$admin"
    target/restate-peer/release/restate-peer "http://127.0.0.1:$ingress" \
        "http://127.0.0.1:$admin" "$count" "$in_flight" | keep restate
    stop "$pid"
    rm -rf "$work/restate"
}

for round in $(seq "$rounds"); do
    printf '\n=== round %d of %d\n' "$round" "$rounds"
    name=in-process ours 'ours, in process' --count "$count" --in-flight "$in_flight"
    name=tcp ours 'ours, over TCP' --target tcp --count "$count" --in-flight "$in_flight"
    name=one-at-a-time ours 'ours, one at a time' --count $((count / 20)) --in-flight 1
    for peer in $peers; do
        case $peer in
            temporal) command -v temporal >/dev/null && temporal_peer || echo 'temporal: not there' ;;
            restate) command -v npm >/dev/null && restate_peer || echo 'npm: not there' ;;
        esac
    done
done

python3 - "$work/rates" <<'PYTHON'
import statistics, sys

rates, waits = {}, {}
for line in open(sys.argv[1]):
    name, rate, wait = line.split()
    rates.setdefault(name, []).append(int(rate))
    waits.setdefault(name, []).append(float(wait))
ours = statistics.median(rates["in-process"])
print(f"\n{'':14}{'per second':>12}{'p50 ms':>10}  {'ours in process is':>20}   every round")
for name, seen in rates.items():
    middle = statistics.median(seen)
    print(f"{name:14}{middle:12.0f}{statistics.median(waits[name]):10.2f}"
          f"{ours / middle:18.2f} x   {seen}")
PYTHON
