#!/usr/bin/env python3
"""A real segmentation, imported by the command and cut out at random boxes, against numpy.

    real_data.py BIGARRAYS LABELS.npy.gz WORKDIR

Imports to a directory tree and to SQLite in 64^3 chunks at offset -13,7,1000, measures the peak
memory of each import, compares 200 random boxes a store bit for bit (a third of them crossing the
border), and lets CloudVolume and TensorStore read the directory tree whole.
"""
import gzip
import json
import os
import subprocess
import sys

import numpy as np

OFFSET = np.array([-13, 7, 1000])
MAX_MEMORY_MB = 400
BOXES = 200


def run(*words):
    """Runs a command to its end; returns its peak memory in MB.

    Linux counts what this process has when it starts another as that one's peak, too: so the
    imports are measured before the labels are loaded here.
    """
    pid = os.posix_spawn(words[0], words, os.environ,
                         file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, words
    return usage.ru_maxrss / 1024


def expected(whole, lo, hi):
    """The box lo..hi of the volume, zeros outside."""
    out = np.zeros(tuple(hi - lo), whole.dtype, order="F")
    a = np.clip(lo - OFFSET, 0, whole.shape)
    b = np.clip(hi - OFFSET, 0, whole.shape)
    at = a + OFFSET - lo
    to = at + np.maximum(b - a, 0)
    if np.all(b > a):
        out[at[0]:to[0], at[1]:to[1], at[2]:to[2]] = whole[a[0]:b[0], a[1]:b[1], a[2]:b[2]]
    return out


def boxes(shape, rng):
    shape = np.array(shape)
    for n in range(BOXES):
        size = rng.integers(1, 140, 3)
        lo = np.array([rng.integers(0, max(1, s - w + 1)) for s, w in zip(shape, size)])
        if n % 3 == 0:                                   # across the border, on a random side
            axis, end = rng.integers(3), rng.integers(2)
            lo[axis] = -size[axis] // 2 if end == 0 else shape[axis] - size[axis] // 2
        yield lo + OFFSET, lo + OFFSET + size


def cut(binary, url, lo, hi, out):
    box = ",".join("%d:%d" % pair for pair in zip(lo, hi))
    subprocess.run([binary, "cutout", url, "--box", box, "-o", out], check=True,
                   stdout=subprocess.DEVNULL)
    got = np.load(out)
    assert got.flags.f_contiguous and got.ndim == 4, (got.shape, got.flags)
    return got[..., 0]


def main():
    binary, labels, work = sys.argv[1:]
    stores = {"fs": "file://%s/fs" % work, "sqlite": "sqlite://%s/x.db?prefix=a/b" % work}
    peaks = {}
    for store, url in stores.items():
        peaks[store] = run(binary, "import", labels, url, "--chunk", "64,64,64",
                           "--type", "segmentation", "--offset", ",".join(map(str, OFFSET)),
                           "--resolution", "8,8,8")
        assert peaks[store] < MAX_MEMORY_MB, "%s: import took %.0f MB" % (store, peaks[store])
    whole = np.load(gzip.open(labels))
    for store, url in stores.items():
        rng = np.random.default_rng(512)
        crossing = 0
        for lo, hi in boxes(whole.shape, rng):
            got = cut(binary, url, lo, hi, os.path.join(work, "cut.npy"))
            want = expected(whole, lo, hi)
            assert got.dtype == want.dtype and np.array_equal(got, want), (store, lo, hi)
            crossing += bool(np.any(lo < OFFSET) or np.any(hi > OFFSET + whole.shape))
        assert crossing >= BOXES // 3
        print("%s: import peak %.0f MB; %d boxes equal, %d across the border"
              % (store, peaks[store], BOXES, crossing))

    facts = json.loads(subprocess.check_output([binary, "missing", url, "--json"]))
    assert facts["missing"] == [] and facts["chunks"] == 512, facts

    from cloudvolume import CloudVolume
    cv = CloudVolume("file://%s/fs" % work, progress=False)
    assert np.array_equal(np.asarray(cv[:])[..., 0], whole), "CloudVolume reads something else"
    import tensorstore as ts
    spec = {"driver": "neuroglancer_precomputed", "kvstore": {"driver": "file", "path": work + "/fs/"}}
    got = ts.open(spec).result()
    assert list(got.domain.inclusive_min[:3]) == list(OFFSET)
    assert np.array_equal(got.read().result()[..., 0], whole), "TensorStore reads something else"
    print("CloudVolume and TensorStore read the whole volume equal")


if __name__ == "__main__":
    main()
