#!/usr/bin/env bash
# Faults put into the code, one at a time: which of them no test notices.
#
#     benches/mutants.sh SHARD/OF FILE...      such as: benches/mutants.sh 0/4 src/correlate/mod.rs 'src/correlate/*.rs'
#
# FILE is a path or a glob. Shards are counted from 0, and the whole is their sum: each takes every OF-th fault, so a few are a
# fair sample. One that the library's tests catch takes two minutes, one that is missed four; shards may run side by side.
# Installs cargo-mutants where it is missing. Works on a copy, and writes into the target directory only; a summary stands
# there beside the lists of the faults. Ends with 0 also where some were missed: there are faults that change nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
if (($# < 2)) || [[ ! $1 =~ ^[0-9]+/[0-9]+$ ]]; then
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 1
fi
shard=$1
shift
cargo mutants --version >/dev/null 2>&1 || cargo install cargo-mutants --locked

target=${CARGO_TARGET_DIR:-$PWD/target}
out=$target/mutants/${shard/\//-of-}
mkdir -p "$out"
rm -rf "$out/mutants.out" "$out/mutants.out.old"

# tests_of FILE: the tests in tests/ that drive it, beside those of the library.
tests_of() {
    case $1 in
        src/source* | src/watch*) echo tail watch ;;
        src/deliver* | src/store*) echo deliver watch ;;
        src/replay* | src/scan*) echo replay ;;
        src/signature* | src/base/diagnostic*) echo cli patterns ;;
        src/doctor*) echo doctor ;;
        src/cli*) echo cli replay watch ;;
        *) echo replay watch ;;
    esac
}

arguments=(--shard "$shard" --sharding round-robin --output "$out" --no-shuffle --colors never --no-times)
tests=()
for file in "$@"; do
    arguments+=(--file "$file")
    read -ra more < <(tests_of "$file")
    tests+=("${more[@]}")
done
# What only tests are made of.
for pattern in '**/tests.rs' '**/tests/**' 'src/watch/model/**' src/store/disk.rs src/store/crash.rs; do
    arguments+=(--exclude "$pattern")
done
run=(--lib)
while read -r name; do
    run+=(--test "$name")
done < <(printf '%s\n' "${tests[@]}" | sort -u)

# What the crate is built on is built once a shard. A test that hangs waits a minute for what does not come.
status=0
CARGO_TARGET_DIR=$out/target cargo mutants "${arguments[@]}" --timeout-multiplier 3 --minimum-test-timeout 180 \
    -- "${run[@]}" || status=$?
# 2: some were missed; 3: some ran out of time.
if ((status != 0 && status != 2 && status != 3)); then
    echo "cargo mutants ended with status $status" >&2
    exit "$status"
fi

# count LIST: of the faults in it.
count() { if [[ -f $out/mutants.out/$1.txt ]]; then wc -l <"$out/mutants.out/$1.txt"; else echo 0; fi; }
caught=$(count caught) missed=$(count missed) timeouts=$(count timeout)
viable=$((caught + missed + timeouts))
{
    printf 'shard %s of %s\ntests %s\n' "$shard" "$*" "${run[*]}"
    printf 'viable %d, caught %d, missed %d, timeouts %d' "$viable" "$caught" "$missed" "$timeouts"
    # One that never ends is noticed, too.
    awk -v v="$viable" -v c="$((caught + timeouts))" 'BEGIN { if (v) printf ", detected %.1f %%", 100 * c / v; print "" }'
    if ((missed)); then
        sed 's/^/missed: /' "$out/mutants.out/missed.txt"
    fi
} | tee "$out/summary.txt"
