#!/usr/bin/env bash
# The replay of the whole catalogue beside what else searches a log for many literals.
#
#     benches/peers.sh [MiB of log, 1024 by default]
#
# Installs ripgrep (PyPI) and ugrep (Debian) where they are missing and can be had, makes two logs, one of a sealing box
# and one of another kind, checks that all find the same lines, and prints medians of seven interleaved runs as ratios.
# Writes into the target directory only.
set -euo pipefail
cd "$(dirname "$0")/.."
mib=${1:-1024}
target=${CARGO_TARGET_DIR:-$PWD/target}
data=$target/peers
mkdir -p "$data"

cargo build --release --locked --bin sealtail --example measure
measure=$target/release/examples/measure
sealtail=$target/release/sealtail

python3 -m venv "$data/venv"
"$data/venv/bin/pip" install --quiet ripgrep || echo "skipped: ripgrep cannot be installed"
command -v ugrep >/dev/null || apt-get install --quiet --yes ugrep >/dev/null 2>&1 || echo "skipped: ugrep cannot be installed"
rg=$data/venv/bin/rg
ug=$(command -v ugrep || true)

"$measure" anchors >"$data/anchors"
for kind in sealing other; do
    "$measure" log "$kind" $((mib << 20)) 100000 "$data/anchors" >"$data/$kind.log" 2>/dev/null
done

# run NAME COMMAND...: appends the seconds it took to NAME's list.
run() {
    local name=$1 started
    shift
    started=$EPOCHREALTIME
    # Into a file: some end at the first match where nobody reads what they print.
    "$@" >"$data/out" || true
    awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }' >>"$data/$name.times"
}

median() {
    sort -n "$data/$1.times" | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] }'
}

for kind in sealing other; do
    log=$data/$kind.log
    rm -f "$data"/*.times
    expected=$("$measure" scan "$data/anchors" "$log")
    for peer in "$rg" "$ug"; do
        [[ -x $peer ]] || continue
        found=$("$peer" -F -c -f "$data/anchors" "$log")
        [[ $found == "$expected" ]] || { echo "$peer finds $found lines, sealtail $expected" >&2; exit 1; }
    done
    for _ in 1 2 3 4 5 6 7; do
        run cat sh -c 'cat "$1" >/dev/null' sh "$log"
        run sealtail "$sealtail" replay --json "$log"
        run sealtail-1 "$sealtail" replay --threads 1 --json "$log"
        [[ -x $rg ]] && run ripgrep "$rg" -F -c -f "$data/anchors" "$log"
        [[ -n $ug ]] && run ugrep "$ug" -F -c -f "$data/anchors" "$log"
    done
    printf '\n%s, %s MiB, %s anchors, %s lines with one\n' "$kind" "$mib" "$(wc -l <"$data/anchors")" "$expected"
    base=$(median sealtail)
    for name in cat sealtail sealtail-1 ripgrep ugrep; do
        [[ -f $data/$name.times ]] || continue
        time=$(median "$name")
        awk -v n="$name" -v t="$time" -v m="$mib" -v b="$base" \
            'BEGIN { printf "  %-12s %8.0f MiB/s   %5.2f x the time of sealtail\n", n, m / t, t / b }'
    done
done
