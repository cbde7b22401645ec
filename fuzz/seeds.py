#!/usr/bin/env python3
"""Makes the seeds of the corpus: small streams by other programs, behind the head that the harness reads.

    python fuzz/seeds.py            (any Python with the packages imported below)

Writes corpus/TARGET/NAME beside this script; a name tells the program, the type, the shape and the
content. The head is documented at `Input` in tests/src/hostile/input.rs. Made with compressed-segmentation
2.3.3, compresso 3.3.3, crackle-codec 0.54.0, fpzip 1.2.5, zfpc 0.1.2, imagecodecs 2026.3.6, pyspng 1.1.3,
simplejpeg 1.9.0, Pillow 11.3.0, tensorstore 0.1.86, cloud-volume 12.15.2; all content is from a fixed seed.
"""

import bz2
import gzip
import json
import lzma
import zlib
from pathlib import Path

import compressed_segmentation
import compresso
import crackle
import fpzip
import imagecodecs
import numpy as np
import pyspng
import simplejpeg
import tensorstore
import zfpc
from cloudvolume import CloudVolume
from cloudvolume.datasource.precomputed.sharding import ShardingSpecification, synthesize_shard_files
from PIL import Image

CORPUS = Path(__file__).parent / "corpus"
ENCODINGS = ["raw", "jpeg", "png", "jxl", "compressed_segmentation", "compresso", "fpzip", "kempressed", "zfpc",
             "crackle", "gzip", "zstd", "blosclz"]
ALL_TYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64", "bool"]
TYPES = {
    "jpeg": ["uint8"],
    "jxl": ["uint8"],
    "png": ["uint8", "uint16"],
    "compressed_segmentation": ["uint32", "uint64"],
    "compresso": ["uint8", "uint16", "uint32", "uint64"],
    "fpzip": ["float32", "float64"],
    "kempressed": ["float32", "float64"],
    "zfpc": ["int32", "int64", "float32", "float64"],
    "crackle": ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"],
}
CHANNELS = {"jpeg": [1, 3], "png": [1, 2, 3, 4], "jxl": [1, 3, 4], "compresso": [1], "crackle": [1]}
BLOCKS = [(8, 8, 8), (1, 1, 1), (4, 4, 2), (64, 64, 64), (3, 5, 7)]

rng = np.random.default_rng(20)
written = 0


def seed(target, name, data):
    global written
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    assert len(data) <= 8192, (target, name, len(data))
    (folder / name).write_bytes(data)
    written += len(data)


def head(encoding, array, parameter=0):
    """The head of a chunk of this array, with a window in its middle."""
    shape = array.shape[:3]
    channels = array.shape[3] if array.ndim == 4 else 1
    counts = CHANNELS.get(encoding)
    window = [size // 3 for size in shape]
    return bytes([
        TYPES.get(encoding, ALL_TYPES).index(array.dtype.name),
        *(size - 1 for size in shape),
        counts.index(channels) if counts else channels - 1,
        parameter,
        *window,
        *(max(size // 2, 1) - 1 for size in shape),
    ])


def chunk(encoding, name, array, stream, parameter=0):
    shape = "x".join(map(str, array.shape))
    seed(encoding, f"{name}-{array.dtype.name}-{shape}", head(encoding, array, parameter) + bytes(stream))


# Content.

def noise(shape, dtype):
    if np.dtype(dtype).kind == "f":
        return np.asfortranarray(rng.normal(size=shape).astype(dtype))
    if dtype == "bool":
        return np.asfortranarray(rng.integers(0, 2, shape).astype(bool))
    limits = np.iinfo(dtype)
    return np.asfortranarray(rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True))


def labels(shape, dtype, count=6):
    """Cells of a Voronoi diagram, some with large names."""
    points = rng.uniform(0, 1, (count, 3)) * shape[:3]
    places = np.stack(np.meshgrid(*map(np.arange, shape[:3]), indexing="ij"), -1)
    cell = np.argmin(((places[..., None, :] - points) ** 2).sum(-1), -1)
    names = rng.integers(0, np.iinfo(dtype).max, count, dtype=dtype, endpoint=True)
    names[0] = 0
    return np.asfortranarray(names[cell])


def image(shape, dtype="uint8"):
    """Smooth with some noise."""
    places = np.meshgrid(*map(np.arange, shape), indexing="ij")
    wave = sum(np.sin(place / (3 + axis)) for axis, place in enumerate(places))
    top = np.iinfo(dtype).max if np.dtype(dtype).kind in "ui" else 4.0
    wave = (wave - wave.min()) / max(np.ptp(wave), 1e-9) * 0.9 + rng.uniform(0, 0.1, shape)
    return np.asfortranarray((wave * top).astype(dtype))


def constant(shape, dtype, value=7):
    return np.full(shape, value, dtype, order="F")


def smooth(shape, dtype):
    return image(shape, "float64").astype(dtype) * (1 if np.dtype(dtype).kind == "f" else 100)


# Encodings.

def bytes_encodings():
    arrays = [noise((5, 4, 3, 2), name) for name in ALL_TYPES]
    arrays += [constant((16, 8, 4, 1), "uint8", 0), image((16, 16, 2, 1)), constant((1, 1, 1, 1), "uint64")]
    for array in arrays:
        raw = array.tobytes("F")
        chunk("raw", "numpy", array, raw)
        if array.dtype.name not in ("int8", "int16", "uint32", "int64"):
            chunk("gzip", "zlib", array, gzip.compress(raw, 9, mtime=0))
            chunk("zstd", "imagecodecs", array, imagecodecs.zstd_encode(raw, 3))
            blosc = imagecodecs.blosc_encode(raw, 5, compressor="blosclz", typesize=array.itemsize, shuffle=1)
            chunk("blosclz", "imagecodecs", array, blosc)
    array = image((16, 16, 2, 1))
    raw = array.tobytes("F")
    chunk("gzip", "stored", array, gzip.compress(raw, 0, mtime=0))
    chunk("gzip", "two-members", array, gzip.compress(raw[:100], mtime=0) + gzip.compress(raw[100:], mtime=0))
    chunk("gzip", "not-compressed", array, raw)
    chunk("gzip", "refused-too-long", array, gzip.compress(bytes(100_000), mtime=0))
    chunk("zstd", "level19", array, imagecodecs.zstd_encode(raw, 19))
    chunk("zstd", "not-compressed", array, raw)
    chunk("zstd", "refused-too-long", array, imagecodecs.zstd_encode(bytes(100_000), 3))
    for compressor in ("lz4", "zlib", "zstd", "lz4hc"):
        array16 = image((16, 16, 2, 1), "uint16")
        stream = imagecodecs.blosc_encode(array16.tobytes("F"), 9, compressor=compressor, typesize=2, shuffle=2)
        chunk("blosclz", compressor, array16, stream)
    for shuffle in (0, 2):
        stream = imagecodecs.blosc_encode(raw, 1, compressor="blosclz", typesize=1, shuffle=shuffle)
        chunk("blosclz", f"shuffle{shuffle}", array, stream)
    chunk("blosclz", "not-compressible", arrays[0], imagecodecs.blosc_encode(arrays[0].tobytes("F"), 0, typesize=1))


def flat(array):
    """The picture of a chunk: x wide, y * z high, channels interleaved."""
    x, y, z, c = array.shape
    return np.ascontiguousarray(array.reshape((x, y * z, c), order="F").transpose(1, 0, 2))


def pictures():
    gray, rgb = image((16, 8, 4, 1)), image((16, 8, 2, 3))
    for quality, subsampling in ((85, "444"), (30, "444"), (85, "420"), (60, "422")):
        for array in (gray, rgb):
            picture = flat(array)
            space = "GRAY" if array.shape[3] == 1 else "RGB"
            stream = simplejpeg.encode_jpeg(picture, quality, space, subsampling if space == "RGB" else "Gray")
            chunk("jpeg", f"simplejpeg-q{quality}-{subsampling}", array, stream)
    for array in (gray, rgb):
        folder = CORPUS / "jpeg"
        picture = flat(array)
        place = folder / "temporary"
        for options in ({"progressive": True}, {"optimize": True}, {"restart_marker_blocks": 2}):
            Image.fromarray(picture if array.shape[3] == 3 else picture[..., 0]).save(
                place, "jpeg", quality=80, subsampling=0, **options)
            chunk("jpeg", "pillow-" + next(iter(options)), array, place.read_bytes())
        place.unlink()
    one = constant((1, 1, 1, 1), "uint8")
    chunk("jpeg", "simplejpeg", one, simplejpeg.encode_jpeg(flat(one), 85, "GRAY", "Gray"))
    square = flat(gray).reshape(8 * 4, 16, 1)
    chunk("jpeg", "simplejpeg-32wide", gray, simplejpeg.encode_jpeg(
        np.ascontiguousarray(square.reshape(16, 32, 1)), 85, "GRAY", "Gray"))

    for c in (1, 2, 3, 4):
        for dtype in ("uint8", "uint16"):
            array = image((8, 8, 2, c), dtype)
            picture = flat(array)
            chunk("png", "imagecodecs", array, imagecodecs.png_encode(picture[..., 0] if c == 1 else picture, 6))
            if dtype == "uint8":
                chunk("png", "pyspng", array, pyspng.encode(picture, compress_level=9))
    chunk("png", "pyspng-noise", noise((8, 8, 2, 1), "uint8"), pyspng.encode(flat(noise((8, 8, 2, 1), "uint8"))))
    place = CORPUS / "png" / "temporary"
    palette = Image.fromarray(flat(gray)[..., 0]).convert("P")
    for name, picture in (("palette", palette), ("bilevel", palette.convert("1"))):
        picture.save(place, "png")
        chunk("png", "refused-pillow-" + name, gray, place.read_bytes())
    place.unlink()

    for c in (1, 3, 4):
        array = image((8, 8, 2, c))
        picture = flat(array)
        picture = picture[..., 0] if c == 1 else picture
        for name, options in {
            "lossless": {"lossless": True, "effort": 3},
            "lossy": {"level": 85, "effort": 5},
            "low": {"level": 30, "effort": 7},
            "container": {"level": 85, "usecontainer": True},
        }.items():
            chunk("jxl", "imagecodecs-" + name, array, imagecodecs.jpegxl_encode(picture, **options))
    chunk("jxl", "imagecodecs", one, imagecodecs.jpegxl_encode(flat(one)[..., 0], lossless=True))
    wide = image((40, 40, 20, 1))
    chunk("jxl", "imagecodecs-low", wide, imagecodecs.jpegxl_encode(flat(wide)[..., 0], level=5))
    chunk("jxl", "imagecodecs-lossless-effort1", constant((40, 40, 20, 1), "uint8"), imagecodecs.jpegxl_encode(
        flat(constant((40, 40, 20, 1), "uint8"))[..., 0], lossless=True, effort=1))


def by_tensorstore(array, encoding, **scale):
    """The one chunk of a volume of this array, as TensorStore stores it."""
    store = tensorstore.KvStore.open("memory://").result()
    size = list(array.shape[:3])
    volume = tensorstore.open({
        "driver": "neuroglancer_precomputed",
        "kvstore": "memory://chunk/",
        "multiscale_metadata": {"data_type": array.dtype.name, "num_channels": array.shape[3], "type": "image"},
        "scale_metadata": {"size": size, "chunk_size": size, "encoding": encoding, "resolution": [1, 1, 1],
                           "key": "1", **scale},
        "context": {"memory_key_value_store": {}},
        "create": True,
    }).result()
    volume[...].write(array).result()
    store = volume.kvstore
    name = "1/" + "_".join(f"0-{axis}" for axis in size)
    return store.read(name).result().value


def crackle_of_version0(stream, array):
    """The same stream without checksums, so that damage reaches all of the decoder."""
    slices = array.shape[2]
    index = stream[29:29 + 4 * slices]
    body = stream[29 + 4 * slices + 4:len(stream) - 4 - 4 * slices]
    old = stream[:4] + b"\0" + stream[5:20] + stream[20:24] + index + body
    assert (crackle.decompress(old).reshape(array.shape) == array).all()
    return old


def segmentations():
    cases = {
        "cells": lambda d: labels((16, 16, 8), d),
        "many": lambda d: labels((13, 7, 5), d, 40),
        "constant": lambda d: constant((16, 16, 8), d),
        "noise": lambda d: noise((5, 4, 3), d),
        "one": lambda d: constant((1, 1, 1), d),
        "line": lambda d: labels((40, 1, 1), d, 9),
    }
    for name, make in cases.items():
        for dtype in TYPES["compressed_segmentation"]:
            array = make(dtype)
            for parameter, block in enumerate(BLOCKS[:3] if name == "cells" else BLOCKS[:1] + BLOCKS[4:5]):
                if block == (3, 5, 7):
                    parameter = 4
                stream = compressed_segmentation.compress(array[..., None], block_size=block, order="F")
                if len(stream) < 8000:
                    label = f"library-{name}-block{'x'.join(map(str, block))}"
                    chunk("compressed_segmentation", label, array, stream, parameter)
        for dtype in TYPES["compresso"]:
            if name in ("cells", "noise") or dtype in ("uint8", "uint64"):
                array = make(dtype)
                for options in ({}, {"random_access_z_index": False}, {"steps": (8, 8, 1)}, {"connectivity": 6,
                                "random_access_z_index": False}, {"steps": (2, 3, 2)}):
                    if options and (name not in ("cells", "noise") or dtype in ("uint16", "uint32")):
                        continue
                    label = "".join(f"-{key}{value}".replace(" ", "") for key, value in options.items())
                    chunk("compresso", f"library-{name}{label}", array, compresso.compress(array, **options))
        for dtype in TYPES["compresso"]:  # the library of crackle takes no signed types either
            if name in ("cells", "noise") or dtype == "uint64":
                array = make(dtype)
                for options in ({}, {"allow_pins": 1}, {"markov_model_order": 3}, {"allow_pins": 2, "markov_model_order": 1}):
                    if options and name not in ("cells", "many"):
                        continue
                    label = "".join(f"-{key}{value}" for key, value in options.items())
                    stream = crackle.compress(array, **options)
                    chunk("crackle", f"library-{name}{label}", array, stream)
                    if name == "cells":
                        chunk("crackle", f"version0-{name}{label}", array, crackle_of_version0(stream, array))
    for dtype in TYPES["compressed_segmentation"]:
        array = np.stack([labels((8, 9, 4), dtype) for _ in range(3)], -1)
        stream = by_tensorstore(array, "compressed_segmentation", compressed_segmentation_block_size=[4, 4, 2])
        chunk("compressed_segmentation", "tensorstore-channels", array, stream, 2)
    array = np.ascontiguousarray(labels((8, 9, 4), "uint32"))
    chunk("crackle", "library-c-order", array, crackle.compress(array))


def floats():
    for dtype in ("float32", "float64"):
        arrays = {
            "smooth": smooth((8, 7, 4, 1), dtype),
            "noise": noise((5, 4, 3, 2), dtype),
            "constant": constant((16, 16, 4, 1), dtype),
            "one": constant((1, 1, 1, 1), dtype),
        }
        special = arrays["noise"].copy(order="F")
        special.reshape(-1, order="F")[:8] = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-310, -1.0, 3e38]
        arrays["special"] = special
        for name, array in arrays.items():
            chunk("fpzip", f"library-{name}", array, fpzip.compress(array, order="F"))
            swapped = np.asfortranarray(np.swapaxes(array + array.dtype.type(2), 2, 3))
            chunk("kempressed", f"library-{name}", array, fpzip.compress(swapped, order="F"))
            if name != "special":
                chunk("zfpc", f"library-{name}", array, zfpc.compress(array))
        precision = 16 if dtype == "float32" else 32
        stream = fpzip.compress(arrays["smooth"], precision=precision, order="F")
        chunk("fpzip", "library-precision", arrays["smooth"], stream, 2)
    for dtype in TYPES["zfpc"]:
        array = smooth((8, 7, 4, 2), dtype)
        chunk("zfpc", "library-smooth", array, zfpc.compress(array))
        chunk("zfpc", "library-planes", array, zfpc.compress(array, correlated_dims=[True, True, False, False]), 1)
        if dtype.startswith("float"):
            chunk("zfpc", "library-tolerance", array, zfpc.compress(array, tolerance=0.01), 3)
            chunk("zfpc", "library-precision", array, zfpc.compress(array, precision=20), 4)
            chunk("zfpc", "library-rate", array, zfpc.compress(array, rate=8), 5)


def round_trips():
    for index, encoding in enumerate(ENCODINGS):
        for dtype in TYPES.get(encoding, ALL_TYPES)[:2]:
            for run, shape in ((0, (4, 3, 2)), (7, (16, 8, 3))):
                array = noise(shape, dtype)
                first = bytearray(head(encoding, array))
                first[6] = run
                name = f"{encoding}-run{run + 1}-{dtype}"
                seed("round_trip", name, bytes([index]) + first + array.tobytes("F")[:96])


def transports():
    text = bytes(rng.integers(0, 4, 600, dtype=np.uint8))
    values = {
        "gzip": (0, gzip.compress(text, 9, mtime=0)),
        "gzip-two-members": (0, gzip.compress(text[:200], mtime=0) + gzip.compress(text[200:], mtime=0)),
        "gzip-named": (0, b"\x1f\x8b\x08\x18" + bytes(6) + b"a name\0a comment\0" + zlib.compress(text, wbits=-15)
                       + zlib.crc32(text).to_bytes(4, "little") + len(text).to_bytes(4, "little")),
        "brotli": (1, imagecodecs.brotli_encode(text, 5)),
        "brotli-wide": (1, imagecodecs.brotli_encode(text, 9, lgwin=24)),
        "zstd": (2, imagecodecs.zstd_encode(text, 3)),
        "zstd-two-frames": (2, imagecodecs.zstd_encode(text[:200], 3) + imagecodecs.zstd_encode(text[200:], 19)),
        "xz": (3, lzma.compress(text)),
        "xz-crc32": (3, lzma.compress(text, check=lzma.CHECK_CRC32, preset=0)),
        "xz-two-streams": (3, lzma.compress(text[:200]) + lzma.compress(text[200:])),
        "bzip2": (4, bz2.compress(text)),
        "bzip2-two-streams": (4, bz2.compress(text[:200]) + bz2.compress(text[200:])),
        "none": (5, text),
    }
    for name, (chosen, stored) in values.items():
        for expected in (0, 1):
            limit = len(text).to_bytes(2, "little")
            seed("transport", f"{name}-expected{expected}", bytes([chosen]) + limit + bytes([expected]) + stored)
    bomb = bytes(1 << 20)
    for chosen, (name, stored) in enumerate({
        "gzip": gzip.compress(bomb, mtime=0),
        "brotli": imagecodecs.brotli_encode(bomb, 5),
        "zstd": imagecodecs.zstd_encode(bomb, 3),
        "xz": lzma.compress(bomb),
        "bzip2": bz2.compress(bomb),
    }.items()):
        seed("transport", f"bomb-{name}", bytes([chosen, 0, 8, 0]) + stored)


def shards():
    """Files of shards by CloudVolume: the head says what the volume's `sharding` would."""
    for hashed, name in enumerate(("identity", "murmurhash3_x86_128")):
        for packed, (index, data) in {0: ("raw", "raw"), 2: ("gzip", "raw"), 4: ("raw", "gzip"), 6: ("gzip", "gzip")}.items():
            preshift, minishard = packed // 2, 1 + packed // 3
            spec = ShardingSpecification.from_dict({
                "@type": "neuroglancer_uint64_sharded_v1", "preshift_bits": preshift, "hash": name,
                "minishard_bits": minishard, "shard_bits": 0, "minishard_index_encoding": index, "data_encoding": data,
            })
            values = {int(id): bytes(rng.integers(0, 3, 5 + id % 7, dtype=np.uint8)) for id in range(3, 40, 5)}
            (stored,) = synthesize_shard_files(spec, values).values()
            head = bytes([minishard, preshift, hashed | packed, 8])
            seed("shard", f"cloudvolume-{name}-{index}-{data}", head + bytes(stored))


def documents():
    for encoding in ("raw", "jpeg", "compressed_segmentation", "compresso"):
        kind = "image" if encoding in ("raw", "jpeg") else "segmentation"
        made = CloudVolume.create_new_info(
            num_channels=1, layer_type=kind, data_type="uint8" if kind == "image" else "uint64", encoding=encoding,
            resolution=[4, 4, 40], voxel_offset=[-3, 0, 9], volume_size=[1000, 900, 40], chunk_size=[64, 64, 16],
            mesh=kind == "segmentation", max_mip=2)
        seed("info", f"cloudvolume-{encoding}", json.dumps(made).encode())
    scale = {"key": "8_8_40", "size": [1000, 800, 40], "resolution": [8, 8, 40.5], "chunk_sizes": [[64, 64, 16]],
             "encoding": "raw"}
    volume = {"@type": "neuroglancer_multiscale_volume", "type": "image", "data_type": "uint8", "num_channels": 1,
              "scales": [scale]}
    sharding = {"@type": "neuroglancer_uint64_sharded_v1", "preshift_bits": 3, "hash": "identity",
                "minishard_bits": 4, "shard_bits": 5, "minishard_index_encoding": "gzip", "data_encoding": "raw"}
    variants = {
        "strict": volume,
        "lenient": {"type": "IMAGE", "data_type": "UINT8", "num_channels": "1", "scales": [
            {**scale, "size": [1000.0, "800", 40], "sharding": None, "encoding": "PNG", "png_level": "9"}]},
        "sharded": {**volume, "scales": [{**scale, "sharding": sharding}]},
        "sharded-extra": {**volume, "scales": [{**scale, "sharding": {**sharding, "note": [1, {}]}}]},
        "extra": {**volume, "app": {"a": [1, 2.5, None, True]}, "mesh": "m", "scales": [
            {**scale, "hidden": True, "locked": True, "rois": [], "jxl_quality": 85, "voxel_offset": [-5, 0, 7]}]},
        "channels": {**volume, "num_channels": 3, "data_type": "float32", "type": "affinities"},
        "empty-scale": {**volume, "scales": [{**scale, "size": [0, 0, 0], "key": "placeholder"}]},
        "huge": {**volume, "scales": [{**scale, "size": [2**63 - 1] * 3, "chunk_sizes": [[2**31, 1, 1]],
                                       "voxel_offset": [-2**63, 0, 1]}]},
        "wrong": {**volume, "data_type": "float16", "scales": [{**scale, "chunk_sizes": [[0, 1, 1]], "size": [1]}]},
        "redirect": {"redirect": "gs://bucket/volume"},
        "mesh": {"@type": "neuroglancer_legacy_mesh"},
        "list": [1, 2, 3],
    }
    for name, document in variants.items():
        seed("info", name, json.dumps(document).encode())
    names = ["0-64_0-64_0-64", "-13-3_7-23_-64--56", "-9223372036854775808-9223372036854775807_0-1_-1-0",
             "8_8_40/0-64_64-128_0-16", "info", "a/../b", "/a", "a//b", "00-1_0-1_0-1", "0-1_0-1_0--", "ü-1_0-1_0-1"]
    for index, name in enumerate(names):
        seed("chunk_name", f"name{index}", name.encode())


for target in [*ENCODINGS, "round_trip", "transport", "shard", "info", "chunk_name"]:
    (CORPUS / target).mkdir(parents=True, exist_ok=True)
bytes_encodings()
pictures()
segmentations()
floats()
round_trips()
transports()
shards()
documents()
for folder in sorted(CORPUS.iterdir()):
    files = list(folder.iterdir())
    print(f"{folder.name:26}{len(files):4} files {sum(file.stat().st_size for file in files):8} bytes")
