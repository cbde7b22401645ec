"""Makes the crackle streams of this folder with crackle-codec.

    python make.py      with crackle-codec 0.54.0: the streams of format version 1
    python make.py      with crackle-codec 0.16.0: the streams of format version 0

A file is named VERSION-TYPE-CONTENT-SHAPE-LABELS-FORM.ckl. Its voxels follow from the name, here and
in crackle_golden.rs: CONTENT gives each voxel an index (`index`), LABELS turns it into a label
(`STEPS`), which wraps around in TYPE. FORM only tells how the stream was made.
"""

import os

import crackle
import fastcrackle
import numpy as np
from crackle.headers import CrackleHeader

HERE = os.path.dirname(os.path.abspath(__file__))

# label = index * step + base
STEPS = {
    "uint8": (20, 1),
    "uint16": (251, 0),
    "uint32": (100000007, 5),
    "uint64": (10**18 + 7, 2**40),
    "int8": (20, -100),
    "int16": (3001, -10000),
    "int32": (100000007, -300000000),
    "int64": (10**17, -3 * 10**17),
    "index": (1, 0),
    "around": (1, -5),
    "bool": (1, 0),
}


def index(content, x, y, z):
    cells = (x // 5 * 7 + y // 4 * 3 + z // 3 * 5) % 11
    noise = (x * 197 + y * 91 + z * 53 + x * y * 31 + y * z * 17) % 251
    return {
        "cells": lambda: cells,
        "permuted": lambda: (cells * 7 + 3) % 11,
        "merged": lambda: cells % 3,
        "rings": lambda: ((x - 8) ** 2 + (y - 8) ** 2) // 16 % 3,
        "noise": lambda: noise,
        "thirds": lambda: noise % 3,
        "checks": lambda: (x + y + z) % 2,
        "columns": lambda: (x // 3 + y // 3 + z // 9) % 2,
        "posts": lambda: (x // 3 + y // 3 + np.maximum(z, 12)) % 2,
        "many": lambda: x + 16 * y + 256 * z,
        "one": lambda: 3 + 0 * (x + y + z),
    }[content]()


def voxels(dtype, content, shape, labels=None, order="F"):
    x, y, z = np.indices(shape)
    step, base = STEPS[labels or dtype]
    wide = [(int(i) * step + base) % 2**64 for i in index(content, x, y, z).ravel()]
    array = np.array(wide, dtype=np.uint64).reshape(shape).astype(dtype)
    return np.asarray(array, order=order)


def save(stream, dtype, content, shape, form, labels=None):
    stream = bytes(stream)
    assert len(stream) < 4096, (form, len(stream))
    expected = voxels(dtype, content, shape, labels)
    decoded = crackle.decompress(stream)
    assert decoded.shape == tuple(shape) and np.array_equal(decoded, expected), (dtype, form)
    shape = "x".join(map(str, shape))
    name = f"v{stream[4]}-{dtype}-{content}-{shape}-{labels or dtype}-{form}.ckl"
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(stream)


def make(dtype, content, shape, form, order="F", labels=None, **options):
    array = voxels(dtype, content, shape, labels, order)
    save(crackle.compress(array, **options), dtype, content, shape, form, labels)


def make_both_versions():
    cube = (17, 13, 8)
    for dtype in ("uint8", "uint16", "uint32", "uint64"):
        make(dtype, "cells", cube, "flat")
        make(dtype, "cells", cube, "pins", allow_pins=1)
    make("uint32", "cells", cube, "c", order="C")
    make("uint32", "cells", cube, "pins_c_markov2", order="C", allow_pins=1, markov_model_order=2)
    make("uint64", "cells", cube, "narrow", labels="index")
    make("uint32", "noise", (9, 8, 5), "permissible")
    make("uint16", "thirds", (9, 8, 5), "permissible")
    make("uint16", "thirds", (9, 8, 5), "permissible_markov2", markov_model_order=2)
    make("uint8", "columns", (16, 15, 20), "pins", allow_pins=1, labels="index")
    make("uint8", "columns", (16, 15, 20), "pins_optimal", allow_pins=2, labels="index")
    make("uint32", "posts", (16, 15, 18), "pins_and_regions", allow_pins=1, labels="index")
    for order in (1, 2, 5):
        make("uint16", "cells", cube, f"markov{order}", markov_model_order=order)
        make("uint16", "rings", (17, 16, 2), f"markov{order}", markov_model_order=order)


def make_version_1():
    for dtype in ("int8", "int16", "int32", "int64"):
        # The package refuses signed types, its extension does not.
        array = voxels(dtype, "cells", (17, 13, 8))
        stream = fastcrackle.compress(array, False, True, 0, False, True, 0, 1)
        save(stream, dtype, "cells", (17, 13, 8), "flat")
    array = voxels("int32", "cells", (17, 13, 8), "around")
    stream = fastcrackle.compress(array, False, True, 2, False, True, 0, 1)
    save(stream, "int32", "cells", (17, 13, 8), "narrow_markov2", "around")
    make("bool", "checks", (7, 6, 5), "permissible")
    make("bool", "rings", (17, 16, 3), "flat")

    make("uint8", "checks", (8, 7, 3), "permissible", labels="index")
    make("uint64", "one", (6, 5, 4), "flat")
    make("uint32", "one", (6, 5, 4), "pins", allow_pins=1)
    make("uint32", "one", (1, 1, 1), "flat")
    make("uint32", "cells", (17, 13, 1), "flat")
    make("uint32", "cells", (1, 13, 8), "flat")
    make("uint32", "cells", (17, 1, 8), "flat")
    make("uint32", "cells", (1, 1, 20), "flat")
    make("uint16", "cells", (300, 9, 2), "two_byte_x")
    make("uint16", "cells", (9, 300, 2), "two_byte_y_pins", allow_pins=1)
    make("uint16", "cells", (255, 5, 1), "two_byte_x_at_255", labels="index")
    make("uint8", "noise", (64, 5, 4), "permissible", labels="index")

    make("uint16", "many", (16, 16, 2), "two_byte_keys", labels="index")

    cube = (17, 13, 8)
    stream = crackle.compress(voxels("uint32", "cells", cube, "index"))
    permuted = {i: (i * 7 + 3) % 11 for i in range(11)}
    save(crackle.remap(stream, permuted), "uint32", "permuted", cube, "unsorted", "index")
    merged = crackle.remap(stream, {i: i % 3 for i in range(11)})
    save(merged, "uint32", "merged", cube, "repeated", "index")
    condensed = crackle.codec.condense_unique(bytes(merged))
    save(condensed, "uint32", "merged", cube, "condensed", "index")
    save(crackle.astype(stream, np.uint64), "uint64", "cells", cube, "widened", "index")
    stream = crackle.compress(voxels("uint64", "cells", cube))
    save(crackle.astype(stream, np.uint16), "uint16", "cells", cube, "cut", "uint64")
    save(crackle.reencode(stream, 3), "uint64", "cells", cube, "reencoded3")
    array = voxels("uint32", "cells", cube)
    halves = [crackle.compress(np.asfortranarray(half)) for half in (array[..., :3], array[..., 3:])]
    save(crackle.zstack(halves), "uint32", "cells", cube, "stacked")
    save(crackle.zsplit(crackle.compress(voxels("uint32", "cells", (17, 13, 10))), 8)[0],
         "uint32", "cells", cube, "split")
    # Its index of chains is one byte wide although a row of 300 vertices takes two.
    full = crackle.full((300, 3, 2), 3, dtype=np.uint16, order="F")
    save(bytes(full.binary), "uint16", "one", (300, 3, 2), "full", "index")
    for log2 in (5, 8):
        header = CrackleHeader.frombytes(stream)
        data = stream[header.header_bytes:]
        head = bytearray(header.tobytes())
        head[19] = log2
        head[28] = crackle.headers.crc8(head[5:28])
        save(bytes(head) + data, "uint64", "cells", cube, f"grid{log2}")


make_both_versions()
if CrackleHeader.FORMAT_VERSION == 1:
    make_version_1()
