#!/usr/bin/env python3
"""The matrix of volumes beside the project, read by the rivals from a server.

    server_matrix.py BIGARRAYS CV_MAKE CV_CHECK WORKDIR
"""
import json
import subprocess
import sys

from served import serving

BINARY, MAKE, CHECK, WORK = sys.argv[1:]
# What both rivals read, of every kind: shards, offsets, channels, lossy encodings.
ONLY = "seg"


def main():
    matrix = f"{WORK}/matrix"
    made = subprocess.run([sys.executable, MAKE, matrix, "--jobs", "2", "--only", ONLY],
                          capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    with open(f"{matrix}/manifest.json") as manifest:
        volumes = json.load(manifest)["volumes"]
    lite = f"sqlite://{WORK}/matrix.db"
    for volume in volumes:
        copied = subprocess.run(
            [BINARY, "copy", f"{matrix}/{volume['path']}", f"{lite}?prefix={volume['path']}"],
            capture_output=True, text=True)
        assert copied.returncode == 0, (volume["name"], copied.stderr)
    with serving(BINARY, f"{matrix}=tree", f"{lite}=lite") as server:
        for store in ("tree", "lite"):
            for reader in ("cloud-volume", "tensorstore"):
                # One line says how many were read.
                checked = subprocess.run(
                    [sys.executable, CHECK, matrix, "--reader", reader, "--jobs", "2",
                     "--base", f"{server.url}/{store}"], capture_output=True, text=True)
                print(store, checked.stdout.strip().replace("\n", "; "))
                assert checked.returncode == 0, checked.stdout + checked.stderr


if __name__ == "__main__":
    main()
