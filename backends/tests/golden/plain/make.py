"""Makes the HDF5 files of this folder. Needs h5py (made with 3.16) and numpy.

Each value tells where it is: `code(x, y, z, c)`, cut to the type. The tests compute it again.
"""

import json
import os

import h5py
import numpy as np

here = os.path.dirname(os.path.abspath(__file__))


def code(axes, shape, dtype):
    """An array whose dimensions are `axes`."""
    steps = {"x": 1, "y": 31, "z": 997, "c": 7919, "t": 0}
    total = np.zeros(shape, dtype=np.uint64)
    for dimension, axis in enumerate(axes):
        along = np.arange(shape[dimension], dtype=np.uint64) * np.uint64(steps[axis])
        total += along.reshape([-1 if d == dimension else 1 for d in range(len(shape))])
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return total % np.uint64(3) == 0
    if dtype.kind == "f":
        return (total.astype(np.float64) / 4).astype(dtype)
    return total.astype(dtype)


def file(name, version="v110"):
    """By default in the compact form of HDF5 1.10, with its other indices of chunks."""
    return h5py.File(os.path.join(here, name), "w", libver=(version, "v110"))


def add(place, name, axes, shape, dtype, **options):
    return place.create_dataset(name, data=code(axes, shape, dtype), **options)


with file("cremi.h5") as f:
    raw = add(f, "volumes/raw", "zyx", (7, 20, 30), "u1", chunks=(4, 8, 16), compression="gzip", shuffle=True)
    raw.attrs["resolution"] = [40.0, 4.0, 4.0]
    labels = add(f, "volumes/labels/neuron_ids", "zyx", (5, 9, 11), "u8", chunks=(5, 5, 6), compression="gzip")
    labels.attrs["resolution"] = [40.0, 4.0, 4.0]
    labels.attrs["offset"] = [80.0, -20.0, 16.0]
    half = add(f, "half", "zyx", (2, 3, 4), "u1")
    half.attrs["resolution"] = [40.0, 4.0, 4.0]
    half.attrs["offset"] = [80.0, 2.0, 16.0]

with file("ilastik.h5") as f:
    data = add(f, "exported_data", "tzyxc", (1, 5, 6, 7, 2), "f4", chunks=(1, 2, 4, 4, 1), compression="lzf")
    axes = [{"key": key, "typeFlags": 2, "resolution": 0, "description": ""} for key in "tzyxc"]
    data.attrs["axistags"] = json.dumps({"axes": axes})
    data.attrs["drange"] = (0.0, 1.0)
    data.attrs["element_size_um"] = [0.04, 0.008, 0.004]

with file("main.h5", "earliest") as f:
    add(f, "main", "zyx", (10, 12, 9), "i2")

with file("filters.h5") as f:
    shape, chunks = (5, 7, 9), (3, 4, 5)
    for name, options in {
        "none": {},
        "gzip": {"compression": "gzip"},
        "gzip_shuffle": {"compression": "gzip", "shuffle": True},
        "lzf": {"compression": "lzf"},
        "lzf_shuffle": {"compression": "lzf", "shuffle": True},
        "fletcher32": {"fletcher32": True},
        "all": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    }.items():
        add(f, name, "zyx", shape, "<u2", chunks=chunks, **options)

with file("types.h5") as f:
    for dtype in ["bool", "u1", "i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f4", "<f8"]:
        add(f, "little/" + np.dtype(dtype).name, "zyx", (2, 3, 4), dtype)
    for dtype in [">u2", ">i4", ">f8"]:
        add(f, "big/" + np.dtype(dtype).name, "zyx", (2, 3, 4), dtype, chunks=(2, 3, 2), compression="gzip")
    kind = h5py.enum_dtype({"membrane": 0, "vesicle": 1}, basetype="u1")
    f.create_dataset("enum", data=code("yx", (3, 4), "bool").astype("u1"), dtype=kind)
    f.create_dataset("half", data=code("zyx", (2, 3, 4), "f2"))
    f.create_dataset("pair", data=np.zeros((2, 2), dtype=[("a", "u1"), ("b", "f4")]))
    f.create_dataset("names", data=np.array([[b"a", b"bc"]]))
    f.create_dataset("line", data=np.arange(5))
    f.create_dataset("scalar", data=3)

with file("sparse.h5", "earliest") as f:
    sparse = f.create_dataset("data", (8, 8, 8), "u2", chunks=(4, 4, 4), fillvalue=7, maxshape=(None, 8, 8))
    sparse[0:4, 4:8, 0:4] = code("zyx", (4, 4, 4), "u2")

with file("unwritten.h5") as f:
    f.create_dataset("zeros", (8, 8, 8), "u1", chunks=(4, 4, 4), compression="gzip")[4:, 4:, 4:] = 1
    f.create_dataset("resizable", (8, 8, 8), "u1", chunks=(4, 4, 4), maxshape=(None, None, 8))[:4] = 1
    f.create_dataset("never", (8, 8, 8), "u1")
    f.create_dataset("none", (0, 8, 8), "u1", chunks=(4, 4, 4), maxshape=(None, 8, 8))

# Sections: wafer 1 has two, wafer 2 has one; line 3 names a file that is not there.
with open(os.path.join(here, "stack", "registry.txt"), "w") as f:
    f.write("1,1_aligned 0 -3 2 20 15 true\n")
    f.write("1,2_aligned 0 0 0 18 12 true\n")
    f.write("1,4_aligned 0 0 0 9 9 true\n")
    f.write("2,1_aligned 0 5 5 21 17 false\n")
for name, (width, height), options in [
    ("1,1_aligned", (20, 15), {"chunks": (8, 8), "compression": "gzip"}),
    ("1,2_aligned", (18, 12), {}),
    ("2,1_aligned", (24, 20), {"chunks": (20, 24)}),
]:
    with file(os.path.join("stack", name + ".h5"), "earliest") as f:
        add(f, "img", "yx", (height, width), "u1", **options)
