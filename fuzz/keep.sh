#!/usr/bin/env bash
# Copies to the corpus what the fuzzer found in work/TARGET and the corpus does not reach: the
# smallest set that does (at most 100 files of at most 1 KiB), named by their SHA-1.
#
#   fuzz/keep.sh TARGET..        after fuzz/run.sh, with the same CARGO_TARGET_DIR and ASAN
set -euo pipefail
cd "$(dirname "$0")"
programs="${CARGO_TARGET_DIR:-$PWD/target}${ASAN:+/asan}/$(rustc -vV | sed -n 's/^host: //p')/release"
for target in "$@"; do
    merged="work/merged/$target"
    rm -rf "$merged"
    mkdir -p "$merged"
    cp "corpus/$target"/* "$merged"
    nice -n 19 "$programs/$target" -merge=1 -timeout=10 -rss_limit_mb=2048 -max_len=1024 \
        "$merged" "work/$target" >"work/$target.merge.log" 2>&1
    find "$merged" -type f -size -1025c -printf '%s %p\n' | sort -n | cut -d' ' -f2- |
        grep -E '/[0-9a-f]{40}$' | while read -r file; do
        [ -e "corpus/$target/$(basename "$file")" ] || echo "$file"
    done | head -n 100 | xargs -r cp -t "corpus/$target"
    echo "$target: $(find "corpus/$target" -type f | wc -l) files, $(cat "corpus/$target"/* | wc -c) bytes"
done
