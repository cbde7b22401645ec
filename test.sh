#!/usr/bin/env bash
# Runs every test of bigarrays, and installs what they need: libraries of the system, and outside
# the clone a Python environment with the rival programs and servers for the remote stores, which
# run on loopback while the tests do. Arguments go to `cargo test`; `--prepare` only installs.
#
#   CARGO_TARGET_DIR      where to build       [default: the user's cache folder]
#   BIGARRAYS_SHARED      data and checks beside the project, if there are any  [../shared]
#   BIGARRAYS_KILL_ROUNDS how many writers are killed in each store   [a few; 500 for a long run]
#   BIGARRAYS_LOAD_SECONDS for how long many clients ask the server   [3]
set -euo pipefail
cd "$(dirname "$0")"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/bigarrays"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$cache/target}"
mkdir -p "$cache"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

install() { # Debian package, what it is for
    echo "test.sh: installing $1 for $2"
    as_root apt-get update -qq
    # shellcheck disable=SC2086 # several packages may be named
    as_root apt-get install -y -qq --no-install-recommends $1
}

need() { # program, Debian package
    command -v "$1" >/dev/null || install "$2" "$1"
}

need cc gcc
need c++ g++
need cmake cmake
# For libjpeg-turbo, which a build of all features makes.
need nasm nasm
# For the bindings of zfp, which a build of all features makes.
if [ -z "${LIBCLANG_PATH:-}" ] && ! ldconfig -p | grep -E 'libclang(-[0-9]+)?\.so' >/dev/null; then
    install libclang-dev bindgen
fi
need pkg-config pkg-config
pkg-config --exists hdf5 || install libhdf5-dev "the HDF5 stores"
pkg-config --exists rocksdb || install librocksdb-dev "the RocksDB store"
# shellcheck source=tests/environment.sh
. tests/environment.sh
need python3 python3
python3 -c 'import ensurepip' 2>/dev/null || install python3-venv venv

# A browser for the viewer, and clients for the server.
need chromium chromium
need curl curl
need rclone rclone
need wrk wrk

# For benches/instructions.sh, which counts instructions, and tests/valgrind.sh.
need valgrind valgrind

# One environment for each version of a list; made under another name and moved, so that an
# interrupted installation is never taken for a whole one. Prints its folder.
environment() { # name, list of packages, what is in it, packages without what they depend on
    local folder pip
    folder="$cache/$1-$(sha256sum "$2" | cut -c1-12)"
    if [ ! -x "$folder/bin/python" ]; then
        echo "test.sh: making a Python environment with $3" >&2
        rm -rf "$folder.new"
        python3 -m venv "$folder.new"
        pip=("$folder.new/bin/python" -m pip install --quiet --disable-pip-version-check)
        "${pip[@]}" -r "$2" >&2
        if [ $# -gt 3 ]; then "${pip[@]}" --no-deps "${@:4}" >&2; fi
        mv "$folder.new" "$folder"
    fi
    echo "$folder"
}
venv="$(set -e; environment python tests/python/requirements.txt "the rival programs")"
# What tests the server and the viewer beside them: it would disturb the versions of the others. Of
# neuroglancer only the client is needed.
web="$(set -e; environment web tests/python/requirements-web.txt "schemathesis and neuroglancer" \
    neuroglancer==2.41.2)"
# Azurite, for Azure Blob Storage.
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then install "nodejs npm" Azurite; fi
azurite="$cache/azurite-3.37.0"
if [ ! -d "$azurite" ]; then
    echo "test.sh: installing Azurite"
    rm -rf "$azurite.new"
    npm install --silent --no-audit --no-fund --prefix "$azurite.new" azurite@3.37.0 >/dev/null
    mv "$azurite.new" "$azurite"
fi
# The real neuroglancer client, which a build of all features embeds.
if [ ! -f viewer/neuroglancer/dist/index.html ]; then
    echo "test.sh: building the neuroglancer client"
    viewer/build.sh >/dev/null || echo "test.sh: it cannot be built, and its tests are left out"
    rm -rf viewer/neuroglancer/node_modules
fi
# Whoever only builds with all features needs no more than that.
[ "${1:-}" != --prepare ] || exit 0
export BIGARRAYS_PYTHON="$venv/bin/python" BIGARRAYS_WEB_PYTHON="$web/bin/python"
servers="$(mktemp -d)"
trap '"$BIGARRAYS_PYTHON" tests/servers/servers.py down "$servers"; rm -rf "$servers"' EXIT
BIGARRAYS_AZURITE="$azurite/node_modules/.bin/azurite-blob" \
    "$BIGARRAYS_PYTHON" tests/servers/servers.py up "$servers"
# shellcheck source=/dev/null
. "$servers/env"
export BIGARRAYS_SHARED="${BIGARRAYS_SHARED:-$PWD/../shared}"

cargo build --locked -p bigarrays-cli --all-features
export BIGARRAYS_BIN="$CARGO_TARGET_DIR/debug/bigarrays"
cargo test --locked --workspace --all-features "$@"

for example in examples/*.rs; do
    name="$(basename "$example" .rs)"
    echo "test.sh: example $name"
    cargo run --locked --quiet --all-features --example "$name" >/dev/null
done
