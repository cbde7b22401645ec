#!/usr/bin/env python3
"""How fast TensorStore and bigarrays read and write one volume on one thread, side by side: the same
stored bytes, in memory; the whole volume into an array that is there, and chunk by chunk back; the
fastest of five calls.

    chunk_speed.py CHUNK_RATE VOLUME [ROUNDS]

CHUNK_RATE is the example `chunk_rate`, built with --release. VOLUME is the folder of a volume
whose chunks are stored plainly. Rounds alternate; the median of each is printed, in MB of voxels a
second.
"""
import json
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
import tensorstore as ts

ROUNDS = 5


def tensorstore(volume):
    context = ts.Context({"data_copy_concurrency": {"limit": 1}, "cache_pool": {"total_bytes_limit": 0}})
    store = ts.KvStore.open({"driver": "memory"}, context=context).result()
    for path in volume.rglob("*"):
        if path.is_file():
            store.write(str(path.relative_to(volume)), path.read_bytes()).result()
    array = ts.open({"driver": "neuroglancer_precomputed", "kvstore": {"driver": "memory"}}, context=context).result()
    info = json.loads((volume / "info").read_text())["scales"][0]
    low, size, chunk = info.get("voxel_offset", [0, 0, 0]), info["size"], info["chunk_sizes"][0]
    whole = np.zeros(array.shape, array.dtype.numpy_dtype, order="F")
    target = ts.array(whole, context=context, write=True)
    read = min(clock(lambda: target.write(array).result()) for _ in range(ROUNDS))
    write = 0.0
    for cell in np.ndindex(*[-(-s // c) for s, c in zip(size, chunk)]):
        start = [o + c * n for o, c, n in zip(low, chunk, cell)]
        end = [min(a + c, o + s) for a, c, o, s in zip(start, chunk, low, size)]
        part = array[start[0]:end[0], start[1]:end[1], start[2]:end[2], :]
        voxels = np.asfortranarray(part.read(order="F").result())
        write += min(clock(lambda: part.write(voxels).result()) for _ in range(ROUNDS))
    return {"read": whole.nbytes / read / 1e6, "write": whole.nbytes / write / 1e6}


def clock(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main():
    program, volume = sys.argv[1], pathlib.Path(sys.argv[2])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(json.loads(subprocess.run([program, str(volume)], check=True, capture_output=True).stdout))
        theirs.append(tensorstore(volume))
    median = lambda results, what: statistics.median(result[what] for result in results)
    print(f"plain copy of the volume {median(ours, 'copy'):8.0f}, the codec alone {median(ours, 'decode'):8.0f}")
    for what in ("read", "write"):
        a, b = median(ours, what), median(theirs, what)
        print(f"{what:6} bigarrays {a:8.0f}  TensorStore {b:8.0f}  ratio {a / b:.2f}")


main()
