#!/usr/bin/env python3
"""Volumes of a matrix that CloudVolume and TensorStore cannot read, read by the libraries of their
encodings.

    matrix.py DIR CV_CHECK

DIR has a manifest.json; CV_CHECK is the script that reads it with those two and says what they
pass over. Every other volume is read here: chunk by chunk (out of shards by TensorStore's
key-value store), decoded by an image library or zfp, and compared. A volume that nobody reads is
a failure.
"""
import importlib.util
import json
import os
import sys

import imagecodecs
import numpy as np
import tensorstore as ts
import zfpy
from cloudvolume.datasource.precomputed.common import compressed_morton_code

IMAGES = {"jpeg": imagecodecs.jpeg8_decode, "png": imagecodecs.png_decode,
          "jxl": imagecodecs.jpegxl_decode}


def decode(data, encoding, shape, dtype):
    """The voxels of a chunk [x, y, z, c], by the rule of the format."""
    if encoding == "zfpc":
        start = int.from_bytes(data[23:31], "little")
        planes = []
        for length in np.frombuffer(data[31:start], "<u8"):
            planes.append(zfpy.decompress_numpy(data[start:start + int(length)]))
            start += int(length)
        return np.asfortranarray(np.stack(planes, -1)).reshape(shape, order="F")
    pixels = IMAGES[encoding](data).reshape(-1, shape[3])
    planes = pixels.reshape(tuple(shape[2::-1]) + (shape[3],))
    return planes.transpose(2, 1, 0, 3).astype(dtype, copy=False)


def chunks_of(layer, scale):
    """A function from a cell and its name to the stored bytes."""
    directory = os.path.join(layer, scale["key"])
    if not scale.get("sharding"):
        def plain(cell, name):
            with open(os.path.join(directory, name), "rb") as file:
                return file.read()
        return plain
    store = ts.KvStore.open({
        "driver": "neuroglancer_uint64_sharded", "metadata": scale["sharding"],
        "base": {"driver": "file", "path": directory + "/"}}).result()
    grid = -(-np.array(scale["size"]) // scale["chunk_sizes"][0])

    def sharded(cell, name):
        key = int(compressed_morton_code(cell, grid)).to_bytes(8, "big")
        return store.read(key).result().value
    return sharded


def read(layer, info, mip):
    scale = info["scales"][mip]
    size, chunk = np.array(scale["size"]), np.array(scale["chunk_sizes"][0])
    offset = np.array(scale.get("voxel_offset", [0, 0, 0]))
    channels = (info["num_channels"],)
    out = np.zeros(tuple(size) + channels, info["data_type"], order="F")
    stored = chunks_of(layer, scale)
    for cell in np.ndindex(*(-(-size // chunk))):
        low = np.array(cell) * chunk
        high = np.minimum(low + chunk, size)
        name = "_".join("%d-%d" % pair for pair in zip(low + offset, high + offset))
        data = stored(cell, name)
        box = tuple(slice(a, b) for a, b in zip(low, high))
        out[box] = decode(data, scale["encoding"], tuple(high - low) + channels, out.dtype)
    return out


def main():
    folder, checker = sys.argv[1:]
    spec = importlib.util.spec_from_file_location("cv_check", checker)
    cv_check = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cv_check)
    manifest = json.load(open(os.path.join(folder, "manifest.json")))
    counts, wrong = {}, []
    for volume in manifest["volumes"]:
        layer = os.path.join(folder, volume["path"])
        info = json.load(open(os.path.join(layer, "info")))
        packed = any(name.endswith((".gz", ".br", ".zstd")) for _, _, names in os.walk(layer)
                     for name in names)
        readers = ("cloud-volume", "tensorstore")
        if not all(cv_check.skip_reason(volume, reader, info, packed) for reader in readers):
            continue
        for mip in volume["mips"]:
            try:
                want = np.load(os.path.join(folder, mip["npy"]))
                why = cv_check.compare(read(layer, info, mip["mip"]), want, mip["tolerance"])
            except Exception as error:
                why = "%s: %s" % (type(error).__name__, error)
            if why:
                wrong.append("%s mip %d: %s" % (volume["name"], mip["mip"], why))
        counts[volume["encoding"]] = counts.get(volume["encoding"], 0) + 1
    print("libraries of the encodings: %s" % counts)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
