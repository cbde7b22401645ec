#!/usr/bin/env python3
"""Volumes that TensorStore writes, with the voxels that each must have.

    ts_volumes.py DIR

DIR gets vol/NAME, npy/NAME.mip0.npy and manifest.json. What TensorStore alone of the rivals can
write is here: compressed_segmentation of several channels, 16-bit and colour png, colour jpeg; and
sharded volumes with every hash and compression, whose grids are long on one axis.
"""
import itertools
import json
import os
import sys

import numpy as np
import tensorstore as ts

DIR = sys.argv[1]
SHAPE, CHUNK = (37, 29, 19), (16, 16, 8)
NEGATIVE = (-13, 7, -64)
volumes = []


def smooth(rng, dtype, shape):
    """A smooth field with a little noise, over the whole range of the type."""
    grid = np.meshgrid(*[np.linspace(0, 1, n) for n in shape], indexing="ij")
    field = sum(np.sin(rng.uniform(-6, 6) * axis + rng.uniform(0, 6)) for axis in grid)
    field = np.clip((field + len(shape)) / (2 * len(shape)) + rng.normal(0, 0.01, shape), 0, 1)
    if np.dtype(dtype).kind == "f":
        return field.astype(dtype)
    limits = np.iinfo(dtype)
    return (limits.min + field * (float(limits.max) - float(limits.min)) * 0.999).astype(dtype)


def cells(rng, dtype, shape):
    """Boxes of few labels, some of them of all bits."""
    coarse = rng.integers(0, 12, [-(-n // 6) for n in shape[:3]] + [shape[3]])
    ids = rng.integers(0, np.iinfo(dtype).max, 12, dtype=np.uint64).astype(dtype)
    ids[:2] = 0, np.iinfo(dtype).max
    for axis in range(3):
        coarse = np.repeat(coarse, 6, axis=axis)
    return ids[coarse[:shape[0], :shape[1], :shape[2]]]


def sharding(preshift, minishard, shard, hash="identity", index="gzip", data="gzip"):
    return {"@type": "neuroglancer_uint64_sharded_v1", "preshift_bits": preshift, "hash": hash,
            "minishard_bits": minishard, "shard_bits": shard, "minishard_index_encoding": index,
            "data_encoding": data}


def add(name, dtype, encoding, channels=1, size=SHAPE, chunk=CHUNK, offset=(0, 0, 0), shards=None,
        **scale):
    path = os.path.join(DIR, "vol", name)
    spec = {
        "driver": "neuroglancer_precomputed", "kvstore": {"driver": "file", "path": path + "/"},
        "multiscale_metadata": {"type": "image", "data_type": dtype, "num_channels": channels},
        "scale_metadata": {"size": size, "voxel_offset": offset, "encoding": encoding,
                           "chunk_size": chunk, "resolution": [8, 8, 40], **scale},
        "create": True}
    if shards:
        spec["scale_metadata"]["sharding"] = shards
    volume = ts.open(spec).result()
    rng = np.random.default_rng([ord(letter) for letter in name])
    make = cells if encoding == "compressed_segmentation" else smooth
    given = make(rng, dtype, tuple(size) + (channels,))
    volume[...].write(given).result()
    want = volume.read().result()
    if encoding != "jpeg":
        assert np.array_equal(want, given), name
    npy = "npy/%s.mip0.npy" % name
    np.save(os.path.join(DIR, npy), np.asfortranarray(want))
    volumes.append({
        "name": name, "path": "vol/" + name, "dtype": dtype, "encoding": encoding,
        "num_channels": channels, "sharded": bool(shards),
        "mips": [{"mip": 0, "npy": npy, "tolerance": 4 if encoding == "jpeg" else 0}]})


def encodings():
    for dtype, channels in itertools.product(["uint32", "uint64"], [1, 2, 5]):
        for block in [(8, 8, 8), (5, 3, 7)]:
            add("cseg_%s_c%d_%d" % (dtype, channels, block[0]), dtype, "compressed_segmentation",
                channels, offset=NEGATIVE, compressed_segmentation_block_size=block)
    for dtype, channels in itertools.product(["uint8", "uint16"], [1, 2, 3, 4]):
        # TensorStore writes no png of 16 bits and several channels.
        if dtype == "uint8" or channels == 1:
            add("png_%s_c%d" % (dtype, channels), dtype, "png", channels, png_level=3)
    for channels, quality in itertools.product([1, 3], [30, 90]):
        add("jpeg_c%d_q%d" % (channels, quality), "uint8", "jpeg", channels, jpeg_quality=quality)


def shards():
    kinds = itertools.product(["identity", "murmurhash3_x86_128"], ["raw", "gzip"], ["raw", "gzip"])
    for n, (hash, index, data) in enumerate(kinds):
        for offset in [(0, 0, 0), NEGATIVE]:
            add("shard_%s_%s_%s_%d" % (hash, index, data, offset[0]), "uint16", "raw", n % 3 + 1,
                offset=offset, shards=sharding(1, 2, 3, hash, index, data))
        # 4 x 4 x 1 chunks, and bits that the grid does not use up, or not have.
        for bits in [(0, 0, 0), (2, 0, 2), (0, 4, 0), (9, 6, 11)]:
            add("flat_%d_%d_%d_%d" % ((n,) + bits), "uint8", "raw", size=(61, 64, 5),
                chunk=(16, 16, 16), shards=sharding(*bits, hash, index, data))
    for hash in ["identity", "murmurhash3_x86_128"]:
        packed = sharding(1, 2, 3, hash)
        add("shard_cseg_" + hash, "uint64", "compressed_segmentation", 2, shards=packed,
            compressed_segmentation_block_size=(8, 8, 8))
        plain = sharding(1, 2, 3, hash, data="raw")
        add("shard_png_" + hash, "uint16", "png", shards=plain)
        add("shard_jpeg_" + hash, "uint8", "jpeg", 3, shards=plain)


def main():
    os.makedirs(os.path.join(DIR, "npy"))
    encodings()
    shards()
    with open(os.path.join(DIR, "manifest.json"), "w") as file:
        json.dump({"format": "precomputed-matrix-1", "volumes": volumes}, file)
    print("TensorStore wrote %d volumes" % len(volumes))


if __name__ == "__main__":
    main()
