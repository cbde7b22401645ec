#!/usr/bin/env bash
# Counts the instructions of planning one cutout of 27 chunks in volumes of different sizes, and
# writes them to docs/performance/instructions.tsv. They depend on the compiler and the C library,
# which its first line names.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "skipped: valgrind is not here, which counts instructions"; exit 0; }
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/bigarrays/target}"
cargo build --locked --quiet --release -p benches-scale
program="$CARGO_TARGET_DIR/release/benches-scale"

count() { # bits, cutouts
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" --plan "$@" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

{
    printf '# %s, %s, %s\n' "$(rustc --version | cut -d' ' -f1-2)" \
        "$(ldd --version | head -n 1 | grep -oE '[0-9.]+$')" "$(uname -m)"
    printf 'chunks\tchunks_of_cutout\tinstructions\n'
    for bits in 10 13 17 20 23 27 30; do
        # The first cutout finds its memory.
        printf '%s\t27\t%s\n' "$((1 << bits))" "$((($(count "$bits" 21) - $(count "$bits" 1)) / 20))"
    done
} | tee docs/performance/instructions.tsv
