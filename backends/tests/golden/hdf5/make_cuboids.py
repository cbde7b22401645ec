"""Makes the directories of cuboid files in `cuboids`, as BigArrays.jl made them: python make_cuboids.py

The voxel at [x, y, z, c] (coordinates of the volume, from 0) is (3x + 5y + 7z + 11c) mod 251.
Datasets have the axes of Julia reversed, which is HDF5's own order.
"""

import json
import os
import shutil
import struct

import h5py
import numpy as np

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cuboids")


def voxels(origin, shape, dtype):
    """Voxels of a box, first axis x; in C order of the reversed axes."""
    factors = [3, 5, 7, 11]
    total = np.zeros(shape, dtype=np.int64)
    for axis, (start, length) in enumerate(zip(origin, shape)):
        steps = (np.arange(length, dtype=np.int64) + start) * factors[axis]
        total += steps.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return np.ascontiguousarray((total % 251).astype(dtype).T)


def directory(name, config):
    path = os.path.join(HERE, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    with open(os.path.join(path, "config.json"), "w") as file:
        json.dump(config, file)
    return path


def block(path, name, block, chunk, dtype, boxes, origin, filters, start=None):
    """A block file whose first voxel is `origin`; only `boxes` (of the volume) are written."""
    with h5py.File(os.path.join(path, name), "w") as file:
        if start is not None:
            file.create_dataset("origin", data=np.array(start, "<i8"), track_times=False)
        made = file.create_dataset("img", shape=block[::-1], chunks=chunk[::-1], dtype=dtype,
                                   track_times=False, **filters)
        for low, high in boxes:
            where = tuple(slice(a - o, b - o) for a, b, o in zip(low, high, origin))[::-1]
            made[where] = voxels(low, [b - a for a, b in zip(low, high)], dtype)


SHUFFLED = {"shuffle": True, "compression": "gzip", "compression_opts": 3}

# Version 0.0.1: coordinates of the volume in the names, the first voxel in the file.
path = directory("v0.0.1", {"h5FilePrefix": "block_", "globalOffset": [10, 20, 5],
                            "blockSize": [10, 10, 5], "chunkSize": [5, 5, 5], "compression": "deflate"})
block(path, "block_11-20_21-30_6-10.h5", (10, 10, 5), (5, 5, 5), "<u1",
      [((10, 20, 5), (20, 25, 10))], (10, 20, 5), SHUFFLED, start=(11, 21, 6))

# The same version: four axes, of which the names and the configuration have three.
path = directory("v0.0.1-channels", {"prefix": "block_", "blocksz": [8, 8, 4], "chunksz": [4, 4, 4],
                                     "compression": "deflate"})
block(path, "block_1-8_1-8_1-4.h5", (8, 8, 4, 3), (4, 4, 4, 3), "<f4",
      [((0, 0, 0, 0), (4, 8, 4, 3))], (0, 0, 0, 0), SHUFFLED)

# Version 0.1: names less the offset, also below zero.
path = directory("v0.1", {"h5FilePrefix": "block_", "globalOffset": [3, -2, 1],
                          "blockSize": [8, 8, 4], "chunkSize": [4, 4, 4], "compression": "deflate"})
block(path, "block_-7-0_1-8_1-4.h5", (8, 8, 4), (4, 4, 4), "<u2",
      [((-5, -2, 1), (3, 6, 5))], (-5, -2, 1), SHUFFLED)
block(path, "block_1-8_1-8_5-8.h5", (8, 8, 4), (4, 4, 4), "<u2",
      [((4, -1, 6), (6, 1, 8))], (3, -2, 5), SHUFFLED)

# Version 0.6: Blosc. (h5py has no Blosc, so the frames here are ones that store their content.)
path = directory("v0.6", {"h5FilePrefix": "block_", "dataType": "UInt32", "globalOffset": [0, 0, 0],
                          "blockSize": [8, 4, 4], "chunkSize": [4, 4, 2], "compression": "blosc"})
with h5py.File(os.path.join(path, "block_1-8_1-4_1-4.h5"), "w") as file:
    dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    dcpl.set_chunk((2, 4, 4))
    dcpl.set_obj_track_times(False)
    dcpl.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, (2, 2, 4, 128, 5, 1, 0))
    space = h5py.h5s.create_simple((4, 4, 8))
    made = h5py.h5d.create(file.id, b"img", h5py.h5t.STD_U32LE, space, dcpl)
    for z in (0, 2):
        content = voxels((4, 0, z), (4, 4, 2), "<u4").tobytes()
        frame = struct.pack("<BBBBIII", 2, 1, 0b11, 4, len(content), len(content), len(content) + 16)
        made.write_direct_chunk((z, 0, 4), frame + content, 0)

# Fewer axes than three.
path = directory("two-axes", {"h5FilePrefix": "b", "dataType": "UInt8", "globalOffset": [0, 4],
                              "blockSize": [8, 8], "chunkSize": [4, 4], "compression": "none"})
block(path, "b1-8_1-8.h5", (8, 8), (4, 4), "<u1", [((0, 4), (8, 8))], (0, 4), {})

# Several HDF5 chunks make one chunk of the volume; values in big-endian order.
path = directory("channels", {"h5FilePrefix": "block_", "dataType": "Int16", "globalOffset": [0, 0, 0, 0],
                              "blockSize": [8, 4, 4, 5], "chunkSize": [4, 4, 4, 2], "compression": "deflate"})
block(path, "block_1-8_1-4_1-4_1-5.h5", (8, 4, 4, 5), (4, 4, 4, 2), ">i2",
      [((0, 0, 0, 0), (8, 4, 4, 3))], (0, 0, 0, 0), SHUFFLED)
