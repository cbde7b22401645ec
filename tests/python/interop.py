#!/usr/bin/env python3
"""Volumes of the rivals read by the command, and the command's volumes read by the rivals.

    interop.py BIGARRAYS WORKDIR
"""
import itertools
import json
import os
import subprocess
import sys
import warnings

warnings.filterwarnings("ignore")
import numpy as np
import tensorstore as ts
from cloudvolume import CloudVolume

BINARY, WORK = sys.argv[1:]
SHAPE, CHUNK = (37, 29, 19), (16, 16, 8)
TS_TYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "float32"]
CV_ONLY = ["int64", "float64"]
OFFSETS = [(0, 0, 0), (-13, 7, 1000), (3, -40, -5)]


def make(dtype, channels, seed):
    rng = np.random.default_rng(seed)
    shape = SHAPE + (channels,)
    if dtype.startswith("float"):
        return np.asfortranarray(rng.normal(size=shape).astype(dtype))
    i = np.iinfo(dtype)
    return np.asfortranarray(rng.integers(i.min, i.max, shape, dtype=dtype, endpoint=True))


def command(*words):
    return subprocess.run([BINARY, *map(str, words)], check=True, capture_output=True, text=True)


def read_by_us(url, box=None):
    out = os.path.join(WORK, "out.npy")
    command("cutout", url, "-o", out, *(["--box", box] if box else []))
    return np.load(out)


def same(got, want, what):
    assert got.dtype == want.dtype, (what, got.dtype, want.dtype)
    assert got.shape == want.shape, (what, got.shape, want.shape)
    assert got.tobytes("F") == want.tobytes("F"), what + ": other voxels"


def written_by_cloudvolume():
    cases = list(itertools.product(TS_TYPES + CV_ONLY, [1, 3], OFFSETS[:2], [False, "gzip", "br", "zstd"]))
    cases = cases[::3] + [("uint64", 1, OFFSETS[2], "gzip"), ("uint8", 2, OFFSETS[2], False)]
    suffixes = set()
    for n, (dtype, channels, offset, compress) in enumerate(cases):
        name = "cv-%d-%s-c%d-%s" % (n, dtype, channels, compress)
        url = "file://%s/%s/layer" % (WORK, name)
        info = CloudVolume.create_new_info(
            num_channels=channels, layer_type="image", data_type=dtype, encoding="raw",
            resolution=(4, 4, 40), voxel_offset=offset, volume_size=SHAPE, chunk_size=CHUNK)
        vol = CloudVolume(url, info=info, compress=compress, progress=False)
        vol.commit_info()
        vol.commit_provenance()
        want = make(dtype, channels, n)
        vol[:] = want
        for f in os.listdir("%s/%s/layer/4_4_40" % (WORK, name)):
            suffixes.add(os.path.splitext(f)[1])
        same(read_by_us(url), want, name)
    assert {"", ".gz", ".br", ".zstd"} <= suffixes, suffixes
    return len(cases)


def written_by_tensorstore():
    n = 0
    for dtype, channels, offset in itertools.product(TS_TYPES, [1, 4], OFFSETS):
        path = "%s/ts-%s-%d-%d" % (WORK, dtype, channels, offset[0])
        vol = ts.open({
            "driver": "neuroglancer_precomputed", "kvstore": {"driver": "file", "path": path + "/"},
            "multiscale_metadata": {"type": "image", "data_type": dtype, "num_channels": channels},
            "scale_metadata": {"size": SHAPE, "voxel_offset": offset, "encoding": "raw",
                               "chunk_size": CHUNK, "resolution": [8, 8, 8]},
            "create": True}).result()
        want = make(dtype, channels, n)
        vol[...].write(want).result()
        same(read_by_us(path), want, path)
        n += 1
    return n


def written_by_us():
    n = 0
    for dtype, channels, offset in itertools.product(TS_TYPES + CV_ONLY, [1, 3], OFFSETS):
        want = make(dtype, channels, 1000 + n)
        source = os.path.join(WORK, "source.npy")
        np.save(source, want)
        path = "%s/ours/v%d" % (WORK, n)
        command("import", source, path, "--chunk", "16,16,8", "--offset",
                "%d,%d,%d" % offset, "--resolution", "4,4,40.5")
        info = json.load(open(path + "/info"))
        assert info["@type"] == "neuroglancer_multiscale_volume", info
        assert info["scales"][0]["resolution"] == [4, 4, 40.5], info
        vol = CloudVolume("file://" + path, progress=False, bounded=True)
        same(np.asarray(vol[:]), want, "cloud-volume reads " + path)
        if dtype in TS_TYPES:
            vol = ts.open({"driver": "neuroglancer_precomputed",
                           "kvstore": {"driver": "file", "path": path + "/"}}).result()
            assert tuple(vol.domain.inclusive_min[:3]) == offset
            same(vol.read().result(), want, "tensorstore reads " + path)
        same(read_by_us(path), want, path)
        n += 1
    return n


def main():
    print("read %d volumes that CloudVolume wrote" % written_by_cloudvolume())
    print("read %d volumes that TensorStore wrote" % written_by_tensorstore())
    print("both read %d volumes that we wrote" % written_by_us())


if __name__ == "__main__":
    main()
