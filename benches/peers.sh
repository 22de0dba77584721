#!/usr/bin/env bash
# A replay beside what else searches a log for many literals.
#
#     benches/peers.sh [MiB of log, 1024 by default] [runs, 7 by default]
#
# Installs its peers where they can be had: ripgrep and Hyperscan from PyPI; ugrep, mtail and SEC from Debian. Makes logs of a
# sealing box and of another kind, checks that all find the same lines, and prints medians of interleaved runs as ratios.
# Needs 5 GiB of disk for 1,024 MiB, and an idle machine. Writes into the target directory only.
set -euo pipefail
cd "$(dirname "$0")/.."
mib=${1:-1024}
runs=${2:-7}
# What takes minutes a run gets this much of the log.
slow_mib=4
target=${CARGO_TARGET_DIR:-$PWD/target}
data=$target/peers
mkdir -p "$data"

cargo build --release --locked --bin sealtail --example measure
measure=$target/release/examples/measure
sealtail=$target/release/sealtail

python3 -m venv "$data/venv"
"$data/venv/bin/pip" install --quiet ripgrep hyperscan || echo "skipped: ripgrep and Hyperscan cannot be installed"
for peer in ugrep mtail sec; do
    command -v "$peer" >/dev/null || apt-get install --quiet --yes "$peer" >/dev/null 2>&1 || echo "skipped: $peer cannot be installed"
done
rg=$data/venv/bin/rg
hyperscan() { "$data/venv/bin/python" benches/hyperscan_scan.py "$@"; }
has_hyperscan=$("$data/venv/bin/python" -c 'import hyperscan' 2>/dev/null && echo yes || true)

# run NAME COMMAND...: appends the seconds it took, and those of the processor, to NAME's list.
run() {
    local name=$1
    shift
    # Into a new file: some end at the first match where nobody reads what they print, and to cut a large one takes time.
    rm -f "$data/out"
    { TIMEFORMAT='%R %U %S'; time "$@" >"$data/out" 2>/dev/null || true; } 2>>"$data/$name.times"
}

# median NAME: of the seconds. processor NAME: of those of the processor.
median() { awk '{ print $1 }' "$data/$1.times" | sort -n | middle; }
processor() { awk '{ print $2 + $3 }' "$data/$1.times" | sort -n | middle; }
middle() { awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] }'; }

# agree NAME LINES: all find the same, or nothing is worth measuring.
agree() {
    [[ $2 == "$expected" ]] || { echo "$1 finds $2 lines, sealtail's scanner $expected" >&2; exit 1; }
}

# table TITLE NAME...: what was measured under these names, against `sealtail`.
table() {
    printf '\n%s\n' "$1"
    shift
    local base name
    base=$(median sealtail)
    for name in "$@"; do
        [[ -f $data/$name.times ]] || continue
        awk -v n="$name" -v t="$(median "$name")" -v c="$(processor "$name")" -v m="$mib" -v b="$base" \
            'BEGIN { printf "  %-14s %8.0f MiB/s %8.2f x the time of sealtail  %7.2f s of processor\n", n, m / t, t / b, c }'
    done
    rm -f "$data"/*.times
}

# lines of a log in which one stands, and a log for every set of anchors.
"$measure" anchors >"$data/builtin"
for count in 12 100 1000 grown; do
    # A catalogue that has grown to a thousand: its own anchors first, short and common ones among them.
    if [[ $count == grown ]]; then cat "$data/builtin" "$data/1000" | head -1000 >"$data/grown"
    else "$measure" anchors "$count" >"$data/$count"; fi
    rm -rf "$data/packs-$count"
    "$measure" packs "$data/$count" "$data/packs-$count"
done
log() {
    "$measure" log "$1" $((mib << 20)) "$2" "$data/$3" >"$data/log" 2>/dev/null
    settle
}

# settle: writes out what was made, which would go on beside what is measured.
settle() { sync "$data"/* "$data"/folder/* 2>/dev/null || sync; }

# with SET: the arguments by which sealtail looks for this set, and no other.
with() {
    [[ $1 == builtin ]] || printf -- '--packs\n%s\n--signature\nmeasured/*\n' "$data/packs-$1"
}

rm -f "$data"/*.times
for kind in sealing other; do
    for set in 12 100 builtin grown 1000; do
        log "$kind" 100000 "$set"
        mapfile -t arguments < <(with "$set")
        expected=$("$measure" scan "$data/$set" "$data/log")
        # Pages of the catalogue ask for more than an anchor.
        [[ $set == builtin ]] || agree sealtail \
            "$("$sealtail" replay "${arguments[@]}" --json "$data/log" | grep -o '"path":"[^"]*","line":[0-9]*' | sort -u | wc -l)"
        [[ ! -x $rg ]] || agree ripgrep "$("$rg" -F -c -f "$data/$set" "$data/log")"
        ! command -v ugrep >/dev/null || agree ugrep "$(ugrep -F -c -f "$data/$set" "$data/log")"
        for _ in $(seq "$runs"); do
            run cat sh -c 'cat "$1" >/dev/null' sh "$data/log"
            run sealtail "$sealtail" replay "${arguments[@]}" --json "$data/log"
            run sealtail-1 "$sealtail" replay "${arguments[@]}" --threads 1 --json "$data/log"
            run ripgrep "$rg" -F -c -f "$data/$set" "$data/log"
            run ugrep ugrep -F -c -f "$data/$set" "$data/log"
            if [[ -n $has_hyperscan ]]; then
                # It is waited for: its end would be counted, and felt, by who comes next.
                read -r found seconds <<<"$(hyperscan "$data/$set" "$data/log")"
                agree Hyperscan "$found"
                echo "$seconds $seconds 0" >>"$data/hyperscan.times"
            fi
        done
        [[ -x $rg ]] || rm -f "$data/ripgrep.times"
        command -v ugrep >/dev/null || rm -f "$data/ugrep.times"
        table "$kind, $set, $(wc -l <"$data/$set") anchors, $mib MiB, $expected lines with one" \
            cat sealtail sealtail-1 ripgrep ugrep hyperscan
    done
done

# The rest with the whole catalogue, on the log of a sealing box.
log sealing 100000 builtin
rm -rf "$data/folder" && mkdir "$data/folder"
split --number=l/8 --numeric-suffixes --additional-suffix=.log "$data/log" "$data/folder/worker-"
zstd_is=$(command -v zstd || true)
gzip --keep --force --fast --stdout "$data/log" >"$data/log.gz"
[[ -z $zstd_is ]] || zstd --quiet --force --keep "$data/log" -o "$data/log.zst"
"$measure" log sealing $((mib << 20)) 100 "$data/builtin" >"$data/storm" 2>/dev/null
settle
for _ in $(seq "$runs"); do
    run sealtail "$sealtail" replay --json "$data/log"
    run storm "$sealtail" replay --json "$data/storm"
    run folder "$sealtail" replay --json "$data/folder"
    [[ ! -x $rg ]] || run folder-rg-j2 "$rg" -j2 -F -c -f "$data/builtin" "$data/folder"
    run gz "$sealtail" replay --json "$data/log.gz"
    run gzip-dc sh -c 'gzip -dc "$1" >/dev/null' sh "$data/log.gz"
    [[ -z $zstd_is ]] || run zst "$sealtail" replay --json "$data/log.zst"
    [[ -z $zstd_is ]] || run zstd-dc sh -c 'zstd -dc "$1" >/dev/null' sh "$data/log.zst"
done
table "the catalogue: a line in 100 matches; eight files; compressed" \
    sealtail storm folder folder-rg-j2 zst zstd-dc gz gzip-dc

peak() { python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, "MiB")' "$@"; }
printf '\nresident at most: %s quiet, %s in the storm\n' \
    "$(peak "$sealtail" replay --json "$data/log")" "$(peak "$sealtail" replay --json "$data/storm")"

# What operators run today reads a line at a time: a rule for each anchor, on a few MiB.
head --bytes=$((slow_mib << 20)) "$data/log" >"$data/short"
mib=$slow_mib
awk '{ gsub(/[][\\\/.*+?(){}|^$"]/, "\\\\&"); print "counter n" NR "\n/" $0 "/ {\n  n" NR "++\n}" }' \
    "$data/builtin" >"$data/anchors.mtail"
awk '{ gsub(/\\/, "\\\\"); print "type=Single\ncontinue=TakeNext\nptype=SubStr\npattern=" $0 "\ndesc=" NR "\naction=none\n" }' \
    "$data/builtin" >"$data/anchors.sec"
run sealtail "$sealtail" replay --json "$data/short"
! command -v mtail >/dev/null || run mtail mtail --one_shot --progs "$data/anchors.mtail" --logs "$data/short"
! command -v sec >/dev/null || run sec sec --conf="$data/anchors.sec" --input="$data/short" --notail
table "what runs on boxes today, the catalogue, $mib MiB" sealtail mtail sec
