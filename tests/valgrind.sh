#!/usr/bin/env bash
# Runs the tests of every file that has `unsafe` under valgrind's memcheck: what is read beyond its
# end, used before it is set, freed twice or lost for good is a failure.
#
#   tests/valgrind.sh            all of them: some minutes
#
# Which tests reach which file is said here; a file with `unsafe` that is not said here is a failure
# too. Suppressions are in valgrind.supp, each with its reason.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/bigarrays/target}"
if ! command -v valgrind >/dev/null; then
    echo "tests/valgrind.sh: valgrind is not installed; nothing was checked"
    exit 0
fi
# shellcheck source=environment.sh
. tests/environment.sh

known="backends/src/hdf5/ffi.rs
core/src/codec/blosclz/ffi.rs
core/src/codec/zfpc/ffi.rs
core/src/huge_pages.rs"
found="$(grep -rlE 'expect\(unsafe_code|allow\(unsafe_code' --include=*.rs core backends src cli info-schema | sort)"
if [ "$found" != "$known" ]; then
    echo "tests/valgrind.sh: these files have unsafe, and the list here is another one:" >&2
    echo "$found" >&2
    exit 1
fi

program() { # package, arguments of cargo that name one test program
    cargo test --locked --all-features --no-run --message-format=json -p "$@" 2>/dev/null |
        sed -n 's/.*"profile":{[^}]*"test":true}.*"executable":"\([^"]*\)".*/\1/p'
}

check() { # directory of the package, program, tests; `--skip` leaves some out
    local folder="$1" binary="$2"
    shift 2
    echo "== $folder: $*"
    # Tests run in the folder of their package. Programs that they start are not watched.
    (cd "$folder" && valgrind --quiet --error-exitcode=1 --leak-check=full \
        --errors-for-leak-kinds=definite --show-leak-kinds=definite --num-callers=30 \
        --suppressions="$OLDPWD/tests/valgrind.supp" \
        "$binary" --test-threads=1 "$@")
}

# Tests of properties take their number of cases times the slowness of valgrind.
export PROPTEST_CASES="${PROPTEST_CASES:-16}"

say() { printf '\n== %s (%s s)\n' "$*" "$SECONDS"; }

say "building"
core="$(program bigarrays-core --lib)"
blosc="$(program bigarrays-core --test blosc_golden)"
floats="$(program bigarrays-core --test float_golden)"
backends="$(program bigarrays-backends --lib)"
hdf5="$(program bigarrays-backends --test hdf5)"

say "core/src/codec/blosclz/ffi.rs, core/src/codec/zfpc/ffi.rs, core/src/huge_pages.rs"
check core "$core" codec::blosclz:: codec::zfpc:: huge_pages::
check core "$blosc"
check core "$floats" zfpc

say "backends/src/hdf5/ffi.rs"
check backends "$backends" hdf5::direct:: hdf5::cuboids::describe hdf5::plain::
# What damages a file byte by byte, and what waits for other processes, is not about the calls.
check backends "$hdf5" --skip damage:: --skip writers:: --skip suite::

say "done"
