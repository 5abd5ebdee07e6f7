#!/usr/bin/env bash
# How fast the ledger is, on SQLite and on a local PostgreSQL of its own, beside the naive way (a
# transaction per entry, the hot account's row locked) in the same run on the same databases.
# Refuses to measure a database that does not sync. Prints each measurement and a table.
#
# Usage: bench/ledger.sh [--filled]     --filled: again with 5 million postings stored
#   ENTRIES=200000       entries of a measurement (two postings each)
#   POSTINGS=5000000     what "filled" means
#   DATABASES="sqlite postgres"
#   PROFILE=release      or dev, to see that it runs
#   POSTGRES_BIN=…       the server's binaries, when not in /usr/lib/postgresql/*/bin
set -euo pipefail
cd "$(dirname "$0")/.."
filled=no
[ "${1:-}" != --filled ] || filled=yes
entries=${ENTRIES:-200000}
postings=${POSTINGS:-5000000}
databases=${DATABASES-sqlite postgres}
profile=${PROFILE:-release}
work=$(mktemp -d)
server=

cleanup() {
    [ -z "$server" ] || { kill -INT "$server"; wait "$server" || true; } 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT

cargo build --profile "$profile" --quiet -p ledger-bench
bench=$PWD/target/${profile/dev/debug}/ledger-bench

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# PostgreSQL does not run as root.
as_user() {
    if [ "$(id -u)" -ne 0 ]; then "$@"; else setpriv --reuid="$owner" --regid="$owner" --clear-groups "$@"; fi
}

start_postgres() {
    local bin=${POSTGRES_BIN:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)}
    [ -x "$bin/initdb" ] || { echo 'postgres: not there'; return 1; }
    owner=$(id -un)
    if [ "$(id -u)" -eq 0 ]; then
        owner=postgres
        getent passwd postgres >/dev/null || owner=nobody
        chown "$owner" "$work"
    fi
    local port
    port=$(free_port)
    (cd "$work" && as_user "$bin/initdb" --pgdata "$work/data" --auth=trust --no-sync \
        --encoding=UTF8 --locale=C --username remit >/dev/null)
    # Its own defaults, which sync; only the room for the log is that of a server that is in use.
    (cd "$work" && exec 9>&- && as_user "$bin/postgres" -D "$work/data" -k "$work" -p "$port" \
        -c listen_addresses=127.0.0.1 -c max_connections=200 -c max_wal_size=4GB \
        >"$work/postgres.log" 2>&1) &
    for _ in $(seq 300); do
        grep -q ready "$work/data/postmaster.pid" 2>/dev/null && break
        sleep 0.1
    done
    server=$(head -1 "$work/data/postmaster.pid")
    "$bin/createdb" --host "$work" --port "$port" --username remit bench
    url=postgres://remit@127.0.0.1:$port/bench
}

# A measurement's lines are shown, and its figures kept under the database's and its own name.
measure() {
    local name=$1
    shift
    printf '%s, %s\n' "$database" "$name"
    "$bench" --url "$url" "$@" | tee "$work/last" | sed 's/^/    /'
    sed -n "s/^postings: \([0-9]*\).*/$database|$name|postings per s|\1/p
        s/^latency ms: p50 \([0-9.]*\) p99 \([0-9.]*\).*/$database|$name|p50 ms|\1\n$database|$name|p99 ms|\2/p
        s/^\([a-z]*\) us: p50 \([0-9.]*\) p99 \([0-9.]*\).*/$database|$name|\1 p50 us|\2\n$database|$name|\1 p99 us|\3/p
        " "$work/last" >>"$work/figures"
}

everything() {
    local suffix=$1
    measure "64 callers$suffix" hot --callers 64 --entries "$entries"
    measure "512 callers$suffix" hot --callers 512 --entries "$entries"
    measure "half load$suffix" paced --per-second 7500 --entries $((entries / 4))
    measure "reads$suffix" reads
}

for database in $databases; do
    url=sqlite://$work/bench.db
    if [ "$database" = postgres ]; then start_postgres || continue; fi
    everything ''
    measure 'naive, 64 callers' naive --callers 64 --entries $((entries / 40))
    if [ "$filled" = yes ]; then
        printf '%s, filling\n' "$database"
        "$bench" --url "$url" fill --postings "$postings" | sed -n 's/^filled/    filled/p'
        everything ', filled'
    fi
done

python3 - "$work/figures" <<'PYTHON'
import sys

rows, databases = {}, []
for line in open(sys.argv[1]):
    database, name, figure, value = line.rstrip("\n").split("|")
    rows.setdefault((name, figure), {})[database] = value
    if database not in databases:
        databases.append(database)
print(f"\n{'':40}" + "".join(f"{d:>14}" for d in databases))
for (name, figure), seen in rows.items():
    print(f"{name + ': ' + figure:40}" + "".join(f"{seen.get(d, '-'):>14}" for d in databases))
PYTHON
