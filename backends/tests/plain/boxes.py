"""Writes HDF5 files of random layouts, and boxes of them as numpy cuts them.

usage: boxes.py FOLDER SEED COUNT

Prints a line for each box: file, axes, x0 x1 y0 y1 z0 z1, and where its bytes are in the file
`expected` (from, to): Fortran order, x fastest, zeros outside.
"""

import os
import random
import sys

import h5py
import numpy as np

folder, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random.seed(seed)
rng = np.random.default_rng(seed)
filters = [
    {},
    {"compression": "gzip"},
    {"compression": "gzip", "shuffle": True, "fletcher32": True},
    {"compression": "lzf", "shuffle": True},
    {"fletcher32": True},
]
orders = ["zyx", "xyz", "yx", "xy", "czyx", "zyxc", "cyx", "yzx", "tczyx"]
dtypes = ["u1", "i1", "<u2", ">i2", "<u4", ">u4", "<i8", "<u8", "<f4", ">f8", "?"]
with open(os.path.join(folder, "expected"), "wb") as expected:
    for number in range(count):
        axes = random.choice(orders)
        dtype = np.dtype(random.choice(dtypes))
        limit = {"c": 4, "t": 1}
        shape = tuple(random.randint(1, limit.get(axis, 40)) for axis in axes)
        bits = rng.integers(0, 256, int(np.prod(shape)) * dtype.itemsize, dtype=np.uint8)
        data = bits.view(dtype).reshape(shape) if dtype.kind != "b" else (bits % 2 == 1).reshape(shape)
        name = f"{number}.h5"
        libver = random.choice(["earliest", "v110"])
        options = {}
        if random.random() < 0.8:
            options = dict(random.choice(filters))
            options["chunks"] = tuple(random.randint(1, side) for side in shape)
            if random.random() < 0.5:
                options["maxshape"] = tuple(random.choice([side, side + 7, None]) for side in shape)
            if len(options) <= 2 and random.random() < 0.3:
                options["dcpl"] = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                options["dcpl"].set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        with h5py.File(os.path.join(folder, name), "w", libver=(libver, "v110")) as f:
            f.create_dataset("data", data=data, **options)
        # To [x, y, z, c]: the axes that are there, then those that are not.
        order = [axes.index(axis) for axis in "xyzct" if axis in axes]
        volume = np.transpose(data, order)
        for place, axis in enumerate("xyzct"):
            if axis not in axes:
                volume = np.expand_dims(volume, place)
        volume = volume[..., 0]
        if dtype.kind == "b":
            volume = volume.astype("u1")
        volume = volume.astype(volume.dtype.newbyteorder("<"))
        padded = np.pad(volume, [(3, 3)] * 3 + [(0, 0)])
        for _ in range(3):
            box = []
            for side in volume.shape[:3]:
                first = random.randint(-3, side)
                box += [first, random.randint(first, side + 3)]
            x0, x1, y0, y1, z0, z1 = [at + 3 for at in box]
            cut = padded[x0:x1, y0:y1, z0:z1]
            begin = expected.tell()
            expected.write(cut.tobytes(order="F"))
            print(name, axes, *box, begin, expected.tell())
