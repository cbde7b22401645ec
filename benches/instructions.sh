#!/usr/bin/env bash
# Counts the instructions of a fixed small set of operations, and compares them with the budget: a
# slower one is seen on any machine, however busy.
#
#   benches/instructions.sh            exit code 1 if one takes 5 % more than its budget
#   benches/instructions.sh --update   write the budget anew
#
# Counts depend on the compiler and the C library: the budget names both, and where one is another
# the counts are shown and nothing is compared.
set -euo pipefail
cd "$(dirname "$0")/.."
budget=benches/instructions.tsv
command -v valgrind >/dev/null || { echo "skipped: valgrind is not here, which counts instructions"; exit 0; }
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/bigarrays/target}"
cargo build --locked --quiet --release -p benches-compare --example operations
program="$CARGO_TARGET_DIR/release/examples/operations"
tools="$(rustc --version | cut -d' ' -f1-2), $(ldd --version | head -n 1 | grep -oE '[0-9.]+$'), $(uname -m)"

count() { # operation, and perhaps `nothing`
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$@" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

known="$(head -n 1 "$budget" 2>/dev/null || true)"
new="$(printf '# %s' "$tools")"
worse=0
while read -r name; do
    instructions=$(($(count "$name") - $(count "$name" nothing)))
    new+="$(printf '\n%s\t%s' "$name" "$instructions")"
    allowed="$(awk -v name="$name" '$1 == name { print $2 }' "$budget" 2>/dev/null || true)"
    verdict=""
    if [ "$known" = "# $tools" ] && [ -n "$allowed" ] && [ "${1:-}" != --update ]; then
        verdict="$(awk -v now="$instructions" -v then="$allowed" \
            'BEGIN { printf "%+.1f %%", (now / then - 1) * 100; exit now > then * 1.05 }')" ||
            { verdict+=", more than its budget"; worse=1; }
    fi
    printf '%-14s%14s  %s\n' "$name" "$instructions" "$verdict"
done < <("$program")
if [ "${1:-}" = --update ]; then
    printf '%s\n' "$new" >"$budget"
elif [ "$known" != "# $tools" ]; then
    echo "skipped: the budget is of ${known#\# }, and here is $tools"
fi
exit "$worse"
