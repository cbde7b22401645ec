#!/bin/sh
# Builds the neuroglancer client into viewer/neuroglancer/dist, for the server's feature
# `neuroglancer`, which embeds it. Needs node 20 and npm; nothing else in this repository does.
set -eu
cd "$(dirname "$0")/neuroglancer"
# Not `npm ci`: it refuses a lockfile that was made where some packages for other systems were not to
# be had. Versions and hashes are those of the lockfile all the same.
npm install --no-save --ignore-scripts
npm run build
test -f dist/index.html
# Without the worker that fetches chunks the page would stay black and say nothing.
ls dist/assets/*chunk_worker*.js >/dev/null
du -sh dist
