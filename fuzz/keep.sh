#!/usr/bin/env bash
# Copies to the corpus what the fuzzer found in work/TARGET and the corpus does not reach: the
# smallest set that does (at most 100 files of at most 1 KiB), named by their SHA-1.
#
#   fuzz/keep.sh TARGET..        after fuzz/run.sh, with the same CARGO_TARGET_DIR and ASAN
set -euo pipefail
cd "$(dirname "$0")"
programs="${CARGO_TARGET_DIR:-$PWD/target}${ASAN:+/asan}/$(rustc -vV | sed -n 's/^host: //p')/release"
for target in "$@"; do
    # What the seeds reach already; then the smallest set of new files that reaches more edges.
    seeds="$(mktemp -d)"
    cp "corpus/$target"/* "$seeds"
    nice -n 19 "$programs/$target" -set_cover_merge=1 -use_counters=0 -timeout=60 -rss_limit_mb=2048 \
        -max_len=1024 "$seeds" "work/$target" >"work/$target.merge.log" 2>&1
    found="$(find "$seeds" -type f -size -1025c | while read -r file; do
        [ -e "corpus/$target/$(basename "$file")" ] || stat -c '%s %n' "$file"
    done | sort -n | cut -d' ' -f2- | sed 100q)"
    [ -z "$found" ] || cp -t "corpus/$target" $found
    rm -r "$seeds"
    echo "$target: $(find "corpus/$target" -type f | wc -l) files, $(cat "corpus/$target"/* | wc -c) bytes"
done
