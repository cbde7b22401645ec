"""Makes the golden streams beside this file: PyPI compresso 3.3.3, numpy 2.2.6.

Names: data type, version, connectivity, shape, steps. The voxels follow from the name by `pattern`,
which the tests have in Rust too.
"""
import pathlib

import compresso
import numpy as np

HERE = pathlib.Path(__file__).parent


def pattern(kind, dtype, shape):
    """Labels that need every way of writing one.

    blocks: blocks and specks, some with the largest labels of the type.
    layers: checkerboards between even slices, so that locations refer to other slices.
    """
    most = int(np.iinfo(dtype).max)
    voxels = np.zeros(shape, dtype=dtype, order="F")
    for x, y, z in np.ndindex(shape):
        if kind == "one":
            label = most
        elif kind == "layers":
            label = 9 if z % 2 == 0 and (x + y) % 2 == 0 else 3
        elif (7 * x + 13 * y + 29 * z + x * y) % 17 == 0:
            label = most - (x + y) % 9
        else:
            label = (x // 5 + 2 * (y // 3) + 3 * (z // 2)) * 0x0101010101010101
        voxels[x, y, z] = label & most
    return voxels


def write(kind, dtype, version, connectivity, shape, steps):
    stream = compresso.compress(
        pattern(kind, dtype, shape),
        steps=steps,
        connectivity=connectivity,
        random_access_z_index=version == 1,
    )
    sizes, steps = ("x".join(map(str, numbers)) for numbers in (shape, steps))
    name = f"{kind}_{np.dtype(dtype).name}_v{version}_c{connectivity}_{sizes}_{steps}.cpso"
    (HERE / name).write_bytes(stream)


for dtype in (np.uint8, np.uint16, np.uint32, np.uint64):
    for version, connectivity in ((1, 4), (0, 4), (0, 6)):
        write("blocks", dtype, version, connectivity, (13, 10, 5), (4, 4, 1))
for steps in ((8, 8, 1), (2, 2, 2), (4, 4, 2), (5, 3, 2), (64, 1, 1), (1, 1, 1), (3, 7, 3)):
    write("blocks", np.uint32, 1, 4, (13, 10, 5), steps)
write("blocks", np.uint16, 1, 4, (131, 3, 2), (4, 4, 1))
write("blocks", np.uint16, 0, 6, (70, 5, 3), (5, 3, 2))
write("layers", np.uint32, 0, 4, (6, 7, 4), (4, 4, 1))
write("layers", np.uint32, 0, 6, (6, 7, 4), (4, 4, 1))
write("one", np.uint8, 1, 4, (16, 16, 2), (4, 4, 1))
write("one", np.uint64, 0, 6, (16, 16, 2), (4, 4, 1))
write("one", np.uint64, 1, 4, (1, 1, 1), (4, 4, 1))
