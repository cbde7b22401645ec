#!/usr/bin/env bash
# Runs every test of bigarrays, and installs what they need: a Python environment with the rival
# programs, outside the clone. Arguments go to `cargo test`; `--prepare` only installs.
#
#   CARGO_TARGET_DIR      where to build       [default: the user's cache folder]
#   BIGARRAYS_SHARED      data and checks beside the project, if there are any  [../shared]
set -euo pipefail
cd "$(dirname "$0")"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/bigarrays"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$cache/target}"
mkdir -p "$cache"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

install() { # Debian package, what it is for
    echo "test.sh: installing $1 for $2"
    as_root apt-get update -qq
    as_root apt-get install -y -qq --no-install-recommends "$1"
}

need() { # program, Debian package
    command -v "$1" >/dev/null || install "$2" "$1"
}

need cc gcc
need c++ g++
need cmake cmake
# For the bindings of zfp, which a build of all features makes.
if [ -z "${LIBCLANG_PATH:-}" ] && ! ldconfig -p | grep -E 'libclang(-[0-9]+)?\.so' >/dev/null; then
    install libclang-dev bindgen
fi
need python3 python3
python3 -c 'import ensurepip' 2>/dev/null || install python3-venv venv

# One environment for each version of the list; made under another name and moved, so that an
# interrupted installation is never taken for a whole one.
list=tests/python/requirements.txt
venv="$cache/python-$(sha256sum "$list" | cut -c1-12)"
if [ ! -x "$venv/bin/python" ]; then
    echo "test.sh: making a Python environment with the rival programs"
    rm -rf "$venv.new"
    python3 -m venv "$venv.new"
    "$venv.new/bin/python" -m pip install --quiet --disable-pip-version-check -r "$list"
    mv "$venv.new" "$venv"
fi
# Whoever only builds with all features needs no more than that.
[ "${1:-}" != --prepare ] || exit 0
export BIGARRAYS_PYTHON="$venv/bin/python"
export BIGARRAYS_SHARED="${BIGARRAYS_SHARED:-$PWD/../shared}"

cargo build --locked -p bigarrays-cli --all-features
export BIGARRAYS_BIN="$CARGO_TARGET_DIR/debug/bigarrays"
cargo test --locked --workspace --all-features "$@"

for example in examples/*.rs; do
    name="$(basename "$example" .rs)"
    echo "test.sh: example $name"
    cargo run --locked --quiet --all-features --example "$name" >/dev/null
done
