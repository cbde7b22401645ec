"""Makes the small HDF5 files of this folder, with h5py: python make.py

Every dataset holds the same values: value number n (in HDF5's order, the last axis fastest) is
(n * 7 + 3) % 251 of its type; where a file says so, some chunks were never written.
"""

import os

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def values(shape, dtype):
    n = np.arange(int(np.prod(shape)), dtype=np.uint64)
    return ((n * 7 + 3) % 251).astype(dtype).reshape(shape)


def write(name, datasets, **options):
    path = os.path.join(HERE, name)
    if os.path.exists(path):
        os.remove(path)
    with h5py.File(path, "w", **options) as file:
        for dataset, (shape, dtype, settings) in datasets.items():
            made = file.create_dataset(dataset, shape=shape, dtype=dtype, track_times=False, **settings)
            made[...] = values(shape, dtype)


CHUNKED = {"chunks": (4, 5, 6)}
SHAPE = (6, 7, 13)

# Few datasets a file: an index of chunks alone takes 3 kB.
write("filters_1.h5", {
    "plain": (SHAPE, "<u2", CHUNKED),
    "gzip": (SHAPE, "<u2", {**CHUNKED, "compression": "gzip"}),
})
write("filters_2.h5", {
    "gzip_shuffle": (SHAPE, "<u4", {**CHUNKED, "compression": "gzip", "shuffle": True}),
    "fletcher32": (SHAPE, "<u1", {**CHUNKED, "fletcher32": True}),
})
write("filters_3.h5", {
    "lzf": (SHAPE, "<u2", {**CHUNKED, "compression": "lzf"}),
    "lzf_shuffle_fletcher32": (SHAPE, "<f4", {**CHUNKED, "compression": "lzf", "shuffle": True, "fletcher32": True}),
})
write("refused.h5", {
    "scaleoffset": ((4, 4), "<i4", {"chunks": (2, 2), "scaleoffset": 0}),
})
with h5py.File(os.path.join(HERE, "refused.h5"), "a") as file:
    file.create_dataset("text", data=[b"a", b"b"], track_times=False)
    file.create_dataset("pair", data=np.zeros(2, dtype=[("a", "<i2"), ("b", "<f4")]), track_times=False)
    file.create_dataset("scalar", data=1.0, track_times=False)
    file.create_dataset("half", data=np.zeros(2, "<f2"), track_times=False)
    file["elsewhere"] = h5py.ExternalLink("filters_1.h5", "/plain")
    layout = h5py.VirtualLayout(shape=(6, 7, 13), dtype="<u2")
    layout[...] = h5py.VirtualSource("filters_1.h5", "plain", shape=(6, 7, 13))
    file.create_virtual_dataset("virtual", layout)

write("types_1.h5", {
    "u8": ((3, 5), "<u1", {}),
    "i8": ((3, 5), "<i1", {}),
    "i16": ((3, 5), "<i2", {"chunks": (2, 2)}),
    "i64": ((3, 5), "<i8", {}),
    "i16_big": ((3, 5), ">i2", {}),
    "f32": ((3, 5), "<f4", {}),
})
write("types_2.h5", {
    "u64_big": ((3, 5), ">u8", {"chunks": (2, 3), "compression": "gzip"}),
    "f64_big": ((3, 5), ">f8", {"chunks": (2, 2), "shuffle": True, "compression": "lzf"}),
    "bool": ((3, 5), "?", {}),
})

# The format of HDF5 1.10: other headers and other indices of chunks.
LATEST = {"libver": ("v110", "v110")}
write("latest_1.h5", {
    "one_chunk": ((4, 5), "<u2", {"chunks": (4, 5)}),
    "one_chunk_gzip": ((4, 5), "<u2", {"chunks": (4, 5), "compression": "gzip"}),
    "fixed_array": (SHAPE, "<u2", CHUNKED),
    "fixed_array_gzip": (SHAPE, "<u2", {**CHUNKED, "compression": "gzip"}),
}, **LATEST)
write("latest_2.h5", {
    "extensible_array": ((9, 4), "<u2", {"chunks": (2, 2), "maxshape": (None, 4)}),
    "btree_2": ((9, 4), "<u2", {"chunks": (2, 2), "maxshape": (None, None), "compression": "gzip"}),
    "contiguous": ((4, 5), "<u2", {}),
}, **LATEST)

with h5py.File(os.path.join(HERE, "implicit.h5"), "w", libver=("v110", "v110")) as file:
    dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    dcpl.set_chunk((4, 5, 6))
    dcpl.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    dcpl.set_obj_track_times(False)
    space = h5py.h5s.create_simple(SHAPE)
    made = h5py.h5d.create(file.id, b"early", h5py.h5t.STD_U16LE, space, dcpl)
    h5py.Dataset(made)[...] = values(SHAPE, "<u2")

# Bytes of somebody else before the file begins.
write("user_block.h5", {
    "chunked": (SHAPE, "<u2", {**CHUNKED, "compression": "gzip"}),
    "contiguous": ((4, 5), "<u2", {}),
}, userblock_size=512)

# Values that were never written, with fill values; a filter that was left out of one chunk.
with h5py.File(os.path.join(HERE, "sparse.h5"), "w") as file:
    made = file.create_dataset("fill", shape=(6, 6), dtype=">i2", chunks=(2, 2), fillvalue=-5,
                               compression="gzip", track_times=False)
    made[2:4, 2:4] = 7
    file.create_dataset("nothing", shape=(6, 6), dtype="<u4", fillvalue=9, track_times=False)
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    compact.set_obj_track_times(False)
    space = h5py.h5s.create_simple((3, 5))
    made = h5py.h5d.create(file.id, b"compact", h5py.h5t.STD_U16BE, space, compact)
    h5py.Dataset(made)[...] = values((3, 5), "<u2")
with h5py.File(os.path.join(HERE, "left_out.h5"), "w") as file:
    made = file.create_dataset("left_out", shape=(4, 4), dtype="<u2", chunks=(2, 4), shuffle=True,
                               compression="gzip", track_times=False)
    made[...] = values((4, 4), "<u2")
    made.id.write_direct_chunk((2, 0), values((4, 4), "<u2")[2:].tobytes(), filter_mask=3)
    made = file.create_dataset("made_smaller", shape=(6, 6), maxshape=(6, 6), dtype="<u2",
                               chunks=(2, 2), track_times=False)
    made[...] = values((6, 6), "<u2")
    made.resize((5, 3))
