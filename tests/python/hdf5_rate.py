"""Compares reading HDF5 datasets here and with h5py, in the same run.

    cargo build --release -p bigarrays-backends --features hdf5 --example hdf5_rate
    python tests/python/hdf5_rate.py target/release/examples/hdf5_rate [FOLDER]

Makes a volume of 512^3 uint8 in chunks of 64^3 (smooth with some noise, as an image), with gzip and
without, reads it whole with h5py (one thread: it has one lock) and with `hdf5_rate` (two threads), in
turns, and prints the best time of each. The files are in the page cache for both.
"""

import os
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np

ROUNDS = 5


def make(path):
    rng = np.random.default_rng(1)
    n = 512
    wave = np.sin(np.arange(n) / 23.0)
    smooth = wave[:, None, None] + wave[None, :, None] + wave[None, None, :]
    volume = np.clip(smooth * 40 + 128, 0, 255).astype("u1") & 0xF8
    volume |= rng.integers(0, 4, volume.shape, dtype="u1")
    with h5py.File(path, "w") as file:
        file.create_dataset("gzip", data=volume, chunks=(64, 64, 64), compression="gzip")
        file.create_dataset("raw", data=volume, chunks=(64, 64, 64))
        file.create_dataset("contiguous", data=volume)


def with_h5py(path, name):
    begun = time.perf_counter()
    with h5py.File(path) as file:
        values = file[name][...]
    return time.perf_counter() - begun, int(values.sum(dtype=np.uint64))


def main():
    program = sys.argv[1]
    folder = sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp()
    path = os.path.join(folder, "rate.h5")
    if not os.path.exists(path):
        make(path)
    for name in ("gzip", "raw", "contiguous"):
        theirs, ours, ours_1 = [], [], []
        for _ in range(ROUNDS):
            seconds, total = with_h5py(path, name)
            theirs.append(seconds)
            for threads, times in ((2, ours), (1, ours_1)):
                said = subprocess.run([program, path, name, str(threads), "1"],
                                      check=True, capture_output=True, text=True).stdout
                times.append(float(said.split()[0]))
                assert said.split()[-1] == str(total), "the values differ"
        t, o, o1 = min(theirs), min(ours), min(ours_1)
        print(f"{name}: h5py {t:.3f} s, here {o:.3f} s with 2 threads ({t / o:.2f} times as fast), "
              f"{o1:.3f} s with 1 ({t / o1:.2f})")


main()
