#!/usr/bin/env bash
# Builds the fuzz targets and runs each for some time; one line a target tells what came of it.
#
#   fuzz/run.sh [SECONDS] [TARGET..]     60 seconds, every target
#   ASAN=1 fuzz/run.sh ..                the C and C++ libraries with AddressSanitizer and coverage
#   CAUGHT=fail fuzz/run.sh ..           panics that a decoder catches count as failures too
#   TIMEOUT=60 fuzz/run.sh ..            seconds an input may take, of a clock on the wall, not 10
#   BUILD=no fuzz/run.sh ..              what was built before
#
# New inputs go to work/TARGET, failing ones to work/failed/TARGET, what the fuzzer said to
# work/TARGET.log. Exit code 1 if any input failed.
set -euo pipefail
cd "$(dirname "$0")"

seconds=60
if [[ "${1:-}" =~ ^[0-9]+$ ]]; then
    seconds=$1
    shift
fi
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
    for file in fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
fi

limits=(-timeout="${TIMEOUT:-10}" -rss_limit_mb=2048 -max_len=8192)
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
if [ -n "${ASAN:-}" ]; then
    # Another folder: all libraries are compiled by another compiler.
    export CARGO_TARGET_DIR="$CARGO_TARGET_DIR/asan" CC="$PWD/asan/cc" CXX="$PWD/asan/c++"
    # Whole and static, so that its allocator comes before all others.
    export RUSTFLAGS="-Clink-arg=-Wl,--whole-archive,$(gcc -print-file-name=libasan.a),--no-whole-archive"
    # gcc tells comparisons of floats too, libFuzzer does not know them.
    for float in f d; do
        RUSTFLAGS+=" -Clink-arg=-Wl,--defsym=__sanitizer_cov_trace_cmp$float=__sanitizer_cov_trace_pc"
    done
    # What C asks for at once; counting in Rust does not see it. A window of Zstandard has 128 MiB.
    limits+=(-malloc_limit_mb=136)
fi
# Stable Rust has no sanitizers, but it has the coverage that libFuzzer needs.
[ "${BUILD:-}" = no ] || nice -n 19 cargo fuzz build --sanitizer none --release
programs="$CARGO_TARGET_DIR/$(rustc -vV | sed -n 's/^host: //p')/release"

last() { # the last number after a word in the log; 0 if there is none
    grep -oE "$1 *[0-9]+" "$log" | tail -n 1 | grep -oE '[0-9]+$' || echo 0
}

failed=0
printf '%-26s%12s%10s%10s  %s\n' target executions coverage corpus failures
for target in "${targets[@]}"; do
    log="work/$target.log"
    mkdir -p "work/$target" "work/failed/$target" "corpus/$target"
    RUST_BACKTRACE=0 nice -n 19 "$programs/$target" "${limits[@]}" -max_total_time="$seconds" \
        -print_final_stats=1 -artifact_prefix="work/failed/$target/" "work/$target" "corpus/$target" \
        >"$log" 2>&1 && result=none || result="$(grep -E -A1 -m1 'panicked at|ERROR: ' "$log" | tr '\n' ' ')
    $(grep -oE 'written to .*' "$log" | tail -n 1)"
    [ "$result" = none ] || failed=1
    executions="$(last 'number_of_executed_units:')"
    [ "$executions" != 0 ] || executions="$(last '^#')"
    printf '%-26s%12s%10s%10s  %s\n' "$target" "$executions" "$(last 'cov:')" \
        "$(find "work/$target" -type f | wc -l)" "$result"
done
exit $failed
